"""Small graphs, one of each kind that the generator found wrong, recorded in the real old stacks: kinds.zip.

    python -m tests.port.keras_legacy.generator.kinds --stacks FILE      records them anew

Each says how its migration has to end: right, or refused with words that name the reason.
"""

import argparse
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .drawing import Spec, Stack
from .recorded import pack
from .stacks import Worker, environments

RECORDED = Path(__file__).parent / "kinds.zip"


@dataclass(frozen=True)
class Kind:
    """A chain of layers on one input; `refused`: words, or right.

    `data_format`: what keras.json said, where that is not Keras's default. `pad`: what some steps are filled with.
    `graph`: in place of a chain.
    A layer is (class, args) or (class, args, what it holds: inner, graph, function; or `from`, the places in the chain
    that it takes, 0 being the input, where that is not the one before).
    """

    stack: str
    shape: tuple[int, ...]
    layers: tuple[tuple[Any, ...], ...]
    refused: str = ""
    asked: tuple[str, ...] = ()
    counted: bool = False
    outputs: int = 1
    data_format: str = ""
    pad: float | None = None
    graph: Spec | None = None


def _layer(name: str, args: Spec, held: Spec | None = None) -> Spec:
    return {"class": name, "args": args, "drawn": {}, **(held or {})}


def _model(shape: tuple[int, ...], *layers: tuple[Any, ...], counted: bool = True) -> Spec:
    return {"graph": _graph(shape, layers, "inside", counted, 1)}


def _recurrent(name: str, stateful: bool = True) -> Spec:
    """A Sequential of one recurrent layer on an input of its own."""
    entry = {"name": name, "shape": [4, 2], "declared": [4, 2], "dtype": "float32", "batch": True, "pad": None}
    made = {"l0": _layer("LSTM", {"output_dim": 3, "stateful": stateful})}
    step = {"layer": "l0", "from": [name], "to": ["y"]}
    return {"kind": "sequential", "inputs": [entry], "layers": made, "steps": [step], "outputs": ["y"]}


def _merged(*branches: Spec) -> Spec:
    """A Sequential that begins with a Merge of others."""
    inputs = [entry for branch in branches for entry in branch["inputs"]]
    made = {"l0": _layer("Merge", {"mode": "sum"}, {"as": "layer"})}
    step = {"layer": "l0", "from": [f"branch_{i}" for i in range(len(branches))], "to": ["y"]}
    base = {"kind": "sequential", "inputs": inputs, "layers": made, "steps": [step], "outputs": ["y"]}
    return {**base, "branches": list(branches)}


def _graph(shape: tuple[int, ...], layers: tuple[tuple[Any, ...], ...], name: str, counted: bool, outputs: int) -> Spec:
    size = list(shape)
    entry = {"name": f"{name}_in", "shape": size, "declared": size, "dtype": "float32", "batch": counted, "pad": None}
    names = [f"{name}_in", *(f"{name}_{i}" for i in range(len(layers)))]
    taken = [layer[2].get("from", [i]) if len(layer) > 2 else [i] for i, layer in enumerate(layers)]
    steps = [
        {"layer": f"l{i}", "from": [names[j] for j in places], "to": [names[i + 1]]} for i, places in enumerate(taken)
    ]
    steps[-1]["to"] = ends = [names[-1], *(f"{name}_more_{i}" for i in range(1, outputs))]
    made = {f"l{i}": _layer(*layer) for i, layer in enumerate(layers)}
    return {"kind": "functional", "inputs": [entry], "layers": made, "steps": steps, "outputs": ends}


_ONE_PLACE = ("Convolution2D", {"nb_filter": 2, "nb_row": 3, "nb_col": 4, "subsample": [1, 3], "dim_ordering": "tf"})
_POOL_3D = {"pool_size": [2, 2, 2], "padding": "same", "data_format": "channels_last"}
_TH_CONV = {"filters": 3, "kernel_size": 1, "data_format": "channels_first"}
_COSINE = ("Merge", {"mode": "cos", "dot_axes": 1}, {"from": [0, 1], "as": "function"})
_SQUEEZED = "lost that axis"
_LEAVES_OUT = {
    **{"nb_filter": 3, "nb_row": 1, "nb_col": 4, "subsample": [3, 3]},
    **{"border_mode": "same", "dim_ordering": "tf"},
}
KINDS = {
    "same average of Theano counts its zeros": Kind(
        "2.0.9-theano", (5, 5, 2), (("AveragePooling2D", {"pool_size": [3, 3], "strides": [2, 2], "padding": "same"}),)
    ),
    "same volumes of Theano keep what padding adds": Kind("2.0.9-theano", (4, 5, 4, 2), (("MaxPooling3D", _POOL_3D),)),
    "same mean volumes of Theano": Kind("2.0.9-theano", (4, 5, 4, 2), (("AveragePooling3D", _POOL_3D),)),
    "a Lambda in base64": Kind("2.2.4-tensorflow", (3,), (("Lambda", {}, {"function": "scale"}),)),
    "a Bidirectional gives two": Kind(
        "2.3.1-tensorflow",
        (4, 2),
        (("Bidirectional", {"merge_mode": None}, {"inner": _layer("GRU", {"units": 3})}),),
        outputs=2,
    ),
    "RepeatVector(1) in counted steps": Kind(
        "1.1.0-theano",
        (4, 3),
        (("TimeDistributed", {}, {"inner": _layer("RepeatVector", {"n": 1})}),),
        _SQUEEZED,
        counted=True,
    ),
    "RepeatVector(1), then others, in a model in counted steps": Kind(
        "1.1.0-theano",
        (4, 3),
        (
            (
                "TimeDistributed",
                {},
                {"inner": _layer("Model", {}, _model((3,), ("RepeatVector", {"n": 1}), ("ELU", {"alpha": 2.0})))},
            ),
        ),
        _SQUEEZED,
        counted=True,
    ),
    "TimeDistributedDense without bias is not saved": Kind(
        "1.1.0-tensorflow",
        (4, 3),
        (("TimeDistributedDense", {"output_dim": 2, "bias": False}),),
        "only in the architecture",
    ),
    "both orderings, one not recorded": Kind(
        "1.1.0-theano",
        (4, 4, 4),
        (
            ("Convolution2D", {"nb_filter": 4, "nb_row": 1, "nb_col": 1, "dim_ordering": "tf"}),
            ("UpSampling2D", {"size": [1, 2], "dim_ordering": "th"}),
            ("Convolution2D", {"nb_filter": 2, "nb_row": 1, "nb_col": 1, "dim_ordering": "th"}),
        ),
        asked=("dim_ordering",),
    ),
    "l2_normalize near 0 on Theano": Kind(
        "2.1.6-theano", (1,), (("LeakyReLU", {"alpha": 1e-4}), ("Lambda", {}, {"function": "normalize"}))
    ),
    "l2_normalize near 0 on TensorFlow": Kind(
        "2.2.4-tensorflow", (1,), (("LeakyReLU", {"alpha": 1e-6}), ("Lambda", {}, {"function": "normalize"}))
    ),
    "l2_normalize near 0 on Theano, Keras 1": Kind(
        "1.2.2-theano", (1,), (("LeakyReLU", {"alpha": 1e-6}), ("Lambda", {}, {"function": "normalize"}))
    ),
    "one channel, one place, a stride": Kind("1.1.0-tensorflow", (10, 4, 1), (_ONE_PLACE,)),
    "one channel, one place, a stride, padded": Kind(
        "1.1.0-tensorflow", (5, 2, 1), (("Convolution2D", {**_ONE_PLACE[1], "border_mode": "same"}),)
    ),
    **{
        f"a Lambda, {name}": Kind("2.2.4-tensorflow", (4, 3), (("Lambda", {}, {"function": name}),))
        for name in ("shapes", "padded", "chosen", "largest")
    },
    "a bias along the channels": Kind(
        "2.1.6-tensorflow",
        (2, 4, 2),
        (("Conv2D", _TH_CONV), ("Dense", {"units": 3, "activation": "tanh"})),
        asked=("dim_ordering",),
        data_format="channels_first",
    ),
    "a bias along the steps": Kind(
        "2.0.9-theano",
        (1, 2, 2),
        (
            ("Conv2D", {**_TH_CONV, "activation": "softsign"}),
            ("Reshape", {"target_shape": [3, 4]}),
            ("Dense", {"units": 3, "activation": "softmax"}),
        ),
        asked=("dim_ordering",),
        data_format="channels_first",
    ),
    "a sum of steps and a vector": Kind(
        "2.2.4-tensorflow", (4, 3), (("GlobalMaxPooling1D", {}), ("Add", {}, {"from": [0, 1]}))
    ),
    "a sum of a vector, steps and a vector": Kind(
        "2.1.6-theano", (4, 3), (("GlobalMaxPooling1D", {}), ("Add", {}, {"from": [1, 0, 1]}))
    ),
    **{
        f"a cosine is an axis longer than its {after} believes": Kind(
            stack, (3,), (("LeakyReLU", {"alpha": -1.0}), _COSINE, (after, {}))
        )
        for after, stack in (
            ("SReLU", "1.2.2-tensorflow"),
            ("ParametricSoftplus", "1.1.0-theano"),
            ("PReLU", "1.0.6-theano"),
        )
    },
    "local kernels on one channel, one place, a stride": Kind(
        "1.0.6-theano",
        (8, 2, 1),
        (
            (
                "LocallyConnected2D",
                {"nb_filter": 7, "nb_row": 3, "nb_col": 2, "subsample": [1, 3], "dim_ordering": "tf"},
            ),
        ),
    ),
    **{
        f"a separable convolution of {channels} channels whose stride leaves places out": Kind(
            "1.1.0-tensorflow", (9, 7, channels), (("SeparableConvolution2D", _LEAVES_OUT),)
        )
        for channels in (1, 2)
    },
    "an average of as many samples as steps": Kind(
        "2.1.6-theano", (4, 1), (("GlobalMaxPooling1D", {}), ("Average", {}, {"from": [0, 1]}))
    ),
    "a model of other sizes than it is called on": Kind(
        "1.1.0-theano",
        (6, 3),
        (("Model", {}, _model((4, 3), ("Cropping1D", {"cropping": [1, 1]}), counted=False)),),
        "went by the sizes that model",
    ),
    "a mask of steps of steps": Kind(
        "2.3.1-tensorflow",
        (3, 4, 2),
        (("Masking", {}), ("TimeDistributed", {}, {"inner": _layer("LSTM", {"units": 2})})),
        "handed each step's",
        pad=0.0,
    ),
    **{
        f"states inside a Merge of a Merge, {stack}": Kind(
            stack, (), (), graph=_merged(_merged(_recurrent("a"), _recurrent("b")), _recurrent("c", False))
        )
        for stack in ("1.0.6-tensorflow", "1.1.0-theano", "1.2.2-tensorflow")
    },
    "a cosine on every step": Kind(
        "1.0.6-theano",
        (4, 3),
        (
            (
                "TimeDistributed",
                {},
                {"inner": _layer("Model", {}, _model((3,), ("LeakyReLU", {"alpha": -1.0}), _COSINE, counted=False))},
            ),
        ),
        "one axis shorter",
    ),
    **{
        f"TimeDistributedDense({units}) on {n_steps} in counted steps, {stack}": Kind(
            stack,
            (2, n_steps, 5),
            (("TimeDistributed", {}, {"inner": _layer("TimeDistributedDense", {"output_dim": units})}),),
            _SQUEEZED,
            counted=True,
        )
        for stack, n_steps, units in (("1.0.6-theano", 3, 1), ("1.2.2-theano", 1, 4))
    },
}


def spec(name: str) -> Spec:
    """Return a kind as a graph of the generator."""
    kind = KINDS[name]
    graph = kind.graph or _graph(kind.shape, kind.layers, "x", kind.counted, kind.outputs)
    graph["inputs"][0]["pad"] = kind.pad
    number = list(KINDS).index(name)
    made = {"stack": kind.stack, "number": number, "seed": 7, "trained": False, "form": "json", "graph": graph}
    return {**made, "data_format": kind.data_format} if kind.data_format else made


def unpack(scratch: Path) -> dict[str, Path]:
    """Return the folder of each recorded kind, unpacked below `scratch`."""
    with zipfile.ZipFile(RECORDED) as archive:
        archive.extractall(scratch)
    return {name: scratch / kind.stack / str(number) for number, (name, kind) in enumerate(KINDS.items())}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stacks", type=Path, required=True)
    interpreters = environments(parser.parse_args().stacks)
    with tempfile.TemporaryDirectory() as scratch:
        folders = []
        for name, kind in KINDS.items():
            drawn = spec(name)
            folders.append(Path(scratch) / kind.stack / str(drawn["number"]))
            worker = Worker(Stack(*kind.stack.split("-")), interpreters[kind.stack], Path(scratch) / "log")
            made = worker.record(drawn, folders[-1])
            worker.close()
            if "made" not in made:
                raise SystemExit(f"{name}: {made}")
            print(name, made["made"]["noise"], flush=True)
        pack(folders, RECORDED)


if __name__ == "__main__":
    main()

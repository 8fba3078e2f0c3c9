"""Whole small models against Keras 1's formulas, and what must be refused by name."""

from typing import Any

import keras
import numpy as np
import pytest

from reprise_kit.compare.errors import InputError
from reprise_kit.port.keras_legacy.backend_functions import added
from reprise_kit.port.keras_legacy.build import build, migrate
from reprise_kit.port.keras_legacy.read import LayerWeights
from reprise_kit.port.keras_legacy.rules.weights import loaded
from reprise_kit.port.keras_legacy.tree import Node
from tests.port.keras_legacy.models import first, group, layer, model, normal, sequential

RANDOM = np.random.RandomState(0)


def conv(name: str = "conv", rows: int = 3, cols: int = 3, **config: Any) -> dict[str, Any]:
    settings = {"nb_filter": 2, "nb_row": rows, "nb_col": cols, "dim_ordering": "th", **config}
    return layer("Convolution2D", name, **settings)


def theano_conv(x: np.ndarray, w: np.ndarray, stride: int) -> np.ndarray:
    """th images and kernels: pad k // 2 on both sides, true convolution, stride, cut to ceil(n / stride)."""
    k = w.shape[2:]
    padded = np.pad(x, [(0, 0), (0, 0), (k[0] // 2,) * 2, (k[1] // 2,) * 2])
    windows = np.lib.stride_tricks.sliding_window_view(padded, k, (2, 3))[:, :, ::stride, ::stride]
    out = np.einsum("ncijkl,ockl->noij", windows, w[:, :, ::-1, ::-1])
    return out[:, :, : -(-x.shape[2] // stride), : -(-x.shape[3] // stride)]


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("kernel", [(3, 3), (4, 2), (2, 5)])
def test_same_under_theano(kernel: tuple[int, int], stride: int) -> None:
    w, b, x = normal(RANDOM, 2, 3, *kernel), normal(RANDOM, 2), normal(RANDOM, 2, 3, 9, 8)
    config = sequential(first(conv("conv", *kernel, border_mode="same", subsample=[stride] * 2), 3, 9, 8))
    found = np.asarray(build(model(config, group("conv", W=w, b=b)), "theano")(x))
    expected = theano_conv(x, w, stride) + b[:, None, None]
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() < 1e-5
    other = np.asarray(build(model(config, group("conv", W=w, b=b)), "tensorflow")(x))
    assert np.abs(other - expected).max() > 0.1


def test_average_pooling_under_theano_leaves_padding_out() -> None:
    x = normal(RANDOM, 1, 1, 5, 5)
    pool = layer("AveragePooling2D", "p", pool_size=[3, 3], strides=[1, 1], border_mode="same", dim_ordering="th")
    found = np.asarray(build(model(sequential(first(pool, 1, 5, 5))), "theano")(x))
    assert np.allclose(found[0, 0, 0, 0], x[0, 0, :2, :2].mean(), atol=1e-6)


@pytest.mark.parametrize(("mode", "axis"), [(1, -1), (2, 1)])
def test_normalization_with_what_is_at_hand(mode: int, axis: int) -> None:
    x, gamma, beta = normal(RANDOM, 6, 4), normal(RANDOM, 4), normal(RANDOM, 4)
    bn = first(layer("BatchNormalization", "bn", mode=mode, axis=axis, epsilon=1e-2), 4)
    stored = {"running_mean": normal(RANDOM, 4), "running_std": normal(RANDOM, 4) ** 2}
    migrated = migrate(model(sequential(bn), group("bn", gamma=gamma, beta=beta, **stored)), "theano")
    over = -1 if mode == 1 else 0
    scale = np.sqrt(x.var(over, keepdims=True) + 1e-2) + (1e-2 if mode == 1 else 0)
    expected = (x - x.mean(over, keepdims=True)) / scale * gamma + beta
    for found in (migrated.model(x, training=False), migrated.model.predict(x, verbose=0)):
        assert np.abs(np.asarray(found) - expected).max() < 1e-5


def frozen_nest(trainable: bool) -> tuple[dict[str, Any], list[np.ndarray]]:
    dense = first(layer("Dense", "d1", output_dim=3, trainable=trainable), 3)
    inner = sequential(dense, layer("Dense", "d2", output_dim=3))
    return sequential(inner, layer("Dense", "top", output_dim=1)), [normal(RANDOM, 3, 3) for _ in range(2)]


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize(("trainable", "version"), [(True, "1.2.2"), (False, "1.2.2"), (False, "1.0.6"), (False, None)])
def test_frozen_layers_of_a_nested_model_are_saved_last(trainable: bool, version: str | None, named: bool) -> None:
    config, (w1, w2) = frozen_nest(trainable)
    zero, top = np.zeros(3, np.float32), normal(RANDOM, 3, 1)
    names = ("d1", "d2") if named else ("x", "y")
    first_two, last_two = ([(f"{n}_W", w), (f"{n}_b", zero)] for n, w in zip(names, (w1, w2), strict=True))
    nest = group("sequential_1")
    moved = not trainable and version != "1.0.6"
    nest.arrays.extend([*last_two, *first_two] if moved else [*first_two, *last_two])
    source = model(config, nest, group("top", W=top, b=zero[:1]), version=version)
    if version is None and not named:
        with pytest.raises(InputError, match="--keras-version"):
            build(source, "theano")
        return
    x = normal(RANDOM, 2, 3)
    assert np.allclose(build(source, "theano")(x), x @ w1 @ w2 @ top, atol=1e-5)


def test_one_array_too_many_is_refused() -> None:
    dense = sequential(first(layer("Dense", "d", output_dim=2, bias=False), 3))
    with pytest.raises(InputError, match=r"d .Dense. takes 1 arrays"):
        build(model(dense, group("d", W=normal(RANDOM, 3, 2), b=normal(RANDOM, 2))), "theano")


def test_another_shape_is_refused() -> None:
    dense = sequential(first(layer("Dense", "d", output_dim=2), 3))
    with pytest.raises(InputError, match="layer d "):
        build(model(dense, group("d", W=normal(RANDOM, 4, 2), b=normal(RANDOM, 2))), "theano")


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (layer("CapsuleRouting", "caps", n=3), "caps: the class CapsuleRouting"),
        (layer("Dense", "d", activation="swish", output_dim=2), "'swish' is not one"),
        (layer("Lambda", "f", function="gibberish", function_type="lambda"), "f: a Lambda"),
        (layer("ZeroPadding2D", "pad", padding=[1, 1]), "pad .ZeroPadding2D.: its dim_ordering"),
        (layer("Dense", "d"), "output_dim"),
    ],
)
def test_refused_by_name(document: dict[str, Any], words: str) -> None:
    groups = [group("d", W=normal(RANDOM, 6, 2), b=normal(RANDOM, 2))] if document["class_name"] == "Dense" else []
    with pytest.raises(InputError, match=words):
        build(model(sequential(first(document, 4, 5, 6)), *groups), "theano")


def test_a_silent_dim_ordering_comes_from_the_neighbours() -> None:
    pad = first(layer("ZeroPadding2D", "pad", padding=[1, 2]), 3, 7, 6)
    weights = group("conv", W=normal(RANDOM, 2, 3, 3, 3), b=normal(RANDOM, 2))
    migrated = migrate(model(sequential(pad, conv()), weights), "theano")
    assert migrated.outputs["pad"].shape == (None, 3, 9, 10)
    assert any("dim_ordering th" in note for note in migrated.notes)


def test_where_no_dim_ordering_fits_both_say_why() -> None:
    pad = first(layer("ZeroPadding2D", "pad", padding=[1, 2]), 3, 7, 6)
    with pytest.raises(InputError, match=r"with --dim-ordering th: layer r .*with --dim-ordering tf: layer r "):
        build(model(sequential(pad, layer("Reshape", "r", target_shape=[5]))), "theano")


def test_channels_last_is_the_same_model() -> None:
    weights = group("conv", W=normal(RANDOM, 2, 3, 3, 3), b=normal(RANDOM, 2))
    flat = layer("Flatten", "flat")
    x = normal(RANDOM, 2, 3, 7, 6)
    for tail in ([], [flat]):
        source = model(sequential(first(conv(), 3, 7, 6), *tail), weights)
        plain = np.asarray(build(source, "theano")(x))
        turned = np.asarray(build(source, "theano", channels_last=True)(np.moveaxis(x, 1, -1)))
        assert np.allclose(turned if tail else np.moveaxis(turned, -1, 1), plain, atol=1e-6)


def test_hard_sigmoid_everywhere_is_the_old_one() -> None:
    w, b, x = normal(RANDOM, 3, 4), normal(RANDOM, 4), normal(RANDOM, 5, 3)
    dense = sequential(first(layer("Dense", "d", output_dim=4, activation="hard_sigmoid"), 3))
    found = build(model(dense, group("d", W=w, b=b)), "theano")(x)
    assert np.allclose(found, np.clip(0.2 * (x @ w + b) + 0.5, 0, 1), atol=1e-6)


def test_a_bug_of_keras_1_is_not_chosen_in_silence() -> None:
    inputs = [first(layer("InputLayer", name), 3) for name in "ab"]
    for document in inputs:
        document["inbound_nodes"] = []
    dot = {**layer("Merge", "dot", mode="dot", dot_axes=1), "inbound_nodes": [[["a", 0, 0], ["b", 0, 0]]]}
    places = {"input_layers": [["a", 0, 0], ["b", 0, 0]], "output_layers": [["dot", 0, 0]]}
    source = model(
        {"class_name": "Model", "config": {"name": "m", "layers": [*inputs, dot], **places}}, version="1.1.0"
    )
    x, y = normal(RANDOM, 4, 3), normal(RANDOM, 4, 3)
    with pytest.raises(InputError, match=r"layer dot: .*--legacy-bugs"):
        build(source, "tensorflow")
    assert np.allclose(build(source, "tensorflow", legacy_bugs="keep")([x, y]), x @ y.T, atol=1e-6)
    assert np.allclose(build(source, "theano")([x, y]), (x * y).sum(1, keepdims=True), atol=1e-6)


def test_a_branch_in_two_merges_is_one_input_and_one_layer() -> None:
    def branch(name: str) -> dict[str, Any]:
        return sequential(first(layer("Dense", name, output_dim=3, bias=False), 3))

    inner = sequential(layer("Merge", "m1", mode="mul", layers=[branch("a"), branch("q")]))
    outer = sequential(layer("Merge", "m2", mode="sum", layers=[inner, branch("q")]), layer("Activation", "t"))
    wa, wq, a, q = normal(RANDOM, 3, 3), normal(RANDOM, 3, 3), normal(RANDOM, 2, 3), normal(RANDOM, 2, 3)
    made = build(model(outer, group("a", W=wa), group("q", W=wq)), "theano")
    assert len(made.inputs) == 2
    assert np.allclose(made([a, q]), (a @ wa) * (q @ wq) + q @ wq, atol=1e-5)


def test_nested_models_at_one_place_of_two_merges_are_two() -> None:
    """A Sequential of Keras 1 has no name in its file."""

    def branch(name: str) -> dict[str, Any]:
        return sequential(
            first(layer("Activation", f"{name}_in"), 3), sequential(layer("Dense", name, output_dim=3, bias=False))
        )

    halves = [
        sequential(layer("Merge", f"m{half}", mode="sum", layers=[branch(f"a{half}"), branch(f"b{half}")]))
        for half in (0, 1)
    ]
    outer = sequential(layer("Merge", "m", mode="mul", layers=halves))
    w, x = normal(RANDOM, 4, 3, 3), normal(RANDOM, 4, 2, 3)
    groups = [LayerWeights(f"sequential_{i}", [(f"d{i}_W", one)]) for i, one in enumerate(w)]
    found = build(model(outer, *groups), "theano")(list(x))
    assert np.allclose(found, (x[0] @ w[0] + x[1] @ w[1]) * (x[2] @ w[2] + x[3] @ w[3]), atol=1e-5)


def test_a_migrated_model_loads_without_us(tmp_path) -> None:
    weights = group("conv", W=normal(RANDOM, 2, 3, 3, 3), b=normal(RANDOM, 2))
    made = build(model(sequential(first(conv(border_mode="same"), 3, 7, 6)), weights), "theano")
    made.save(tmp_path / "m.keras")
    again = keras.saving.load_model(tmp_path / "m.keras", safe_mode=True)
    x = normal(RANDOM, 2, 3, 7, 6)
    assert np.array_equal(np.asarray(again(x)), np.asarray(made(x)))


@pytest.mark.parametrize("names", [("not_equal", "any"), ("any_1", "not_equal_2"), ("any_2", "any_1")])
def test_layers_may_be_called_as_operations_are(names: tuple[str, str]) -> None:
    """Keras 3 names its operations too, and refuses a graph in which a name stands twice."""
    keras.utils.clear_session()
    config = sequential(
        first(layer("Masking", names[0], mask_value=0.0), 3, 2),
        layer("Activation", names[1], activation="relu"),
        layer("SimpleRNN", "rnn", output_dim=2, activation="tanh", return_sequences=False),
    )
    arrays = group("rnn", W=normal(RANDOM, 2, 2), U=normal(RANDOM, 2, 2), b=normal(RANDOM, 2))
    built = migrate(model(config, arrays), "theano")
    assert {one.name for one in built.model.layers} >= {names[1]}
    assert np.isfinite(built.model.predict(normal(RANDOM, 2, 3, 2), verbose=0)).all()


def test_weights_along_an_open_axis_are_refused_by_name() -> None:
    """Keras 1 before 1.2 on TensorFlow multiplies every sample with every other: the product's width is the batch."""
    node = Node("PReLU", "slopes", {})
    with pytest.raises(InputError, match=r"layer slopes \(PReLU\): it has weights along an axis whose size is open"):
        loaded(keras.layers.PReLU(), [np.zeros(3)], node)(keras.Input((None,)))


@pytest.mark.parametrize("shapes", [((1, 3, 3), (1, 3, 1)), ((1, 3, 1), (1, 1, 3)), ((1, 3, 2, 3), (3, 1, 1))])
def test_a_sum_stretches_each_to_the_others_shape(shapes: Any) -> None:
    """Keras 3.15's add of TensorFlow takes the second for a bias along another axis."""
    x, y = (RANDOM.normal(size=shape).astype("float32") for shape in shapes)
    assert np.array_equal(np.asarray(added(keras.ops, x, y)), x + y)


def test_a_sum_of_one_counted_sample_is_stretched() -> None:
    shapes = {"a": [1, 3, 3], "b": [1, 3, 1]}
    inputs = [layer("InputLayer", name, batch_input_shape=shape) | {"name": name} for name, shape in shapes.items()]
    ends = [["a", 0, 0], ["b", 0, 0]]
    merge = layer("Merge", "sum", mode="sum") | {"name": "sum", "inbound_nodes": [ends]}
    config = {"name": "m", "layers": [*inputs, merge], "input_layers": ends, "output_layers": [["sum", 0, 0]]}
    x, y = normal(RANDOM, 1, 3, 3), normal(RANDOM, 1, 3, 1)
    built = build(model({"class_name": "Model", "config": config}), "theano")
    assert np.array_equal(np.asarray(built([x, y])), x + y)


@pytest.mark.parametrize("kind", ["Cropping1D", "SimpleRNN"])
def test_what_went_by_a_size_that_keras_1_misjudged_is_refused(kind: str) -> None:
    """Theano 0.8 ignored atrous_rate and gave two steps more than Keras 1.1 took it to; a crop cut by the latter."""
    atrous = layer("AtrousConvolution1D", "a", nb_filter=1, filter_length=3, atrous_rate=2, border_mode="valid")
    after = {
        "Cropping1D": layer("Cropping1D", "c", cropping=[1, 1]),
        "SimpleRNN": layer("SimpleRNN", "c", output_dim=1, unroll=True, activation="tanh"),
    }[kind]
    arrays = [group("a", W=np.ones((3, 1, 1, 1), np.float32), b=np.zeros(1, np.float32))]
    if kind == "SimpleRNN":
        one = np.ones((1, 1), np.float32)
        arrays.append(group("c", W=one, U=one, b=np.zeros(1, np.float32)))
    source = model(sequential(first(atrous, 8, 1), after), *arrays, version="1.1.0")
    assert build(source, "theano", legacy_bugs="fix").input_shape == (None, 8, 1)
    with pytest.raises(InputError, match=r"layer c: it went by the size that Keras 1 believed a to have"):
        build(source, "theano", legacy_bugs="keep")


@pytest.mark.parametrize("sizes", [[-5], ["inf"], ["nan"], [2**62], [[3]], [{}]])
def test_an_input_of_no_size_is_refused_by_its_layers_name(sizes: list[Any]) -> None:
    config = sequential(first(layer("Dense", "d", output_dim=2), *sizes))
    with pytest.raises(InputError, match="layer d"):
        migrate(model(config, group("d", W=np.ones((3, 2), np.float32), b=np.ones(2, np.float32))), "theano")


def test_an_input_of_no_type_is_refused_by_its_layers_name() -> None:
    config = sequential(first(layer("Embedding", "e", input_dim=3, output_dim=2, input_dtype="integral"), 4))
    with pytest.raises(InputError, match="layer e"):
        migrate(model(config, group("e", W=np.ones((3, 2), np.float32))), "theano")


def test_an_ordering_of_another_kind_is_refused() -> None:
    """A list where a name is expected, which cannot be one of a set."""
    config = sequential(first(layer("ZeroPadding2D", "z", padding=[1, 1], dim_ordering=["th"]), 3, 4, 4))
    with pytest.raises(InputError, match=r"layer z: dim_ordering \[.th.\]; th or tf is needed"):
        migrate(model(config), "theano")

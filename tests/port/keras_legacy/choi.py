"""Choi's taggers as Keras-1 configs, written from the shapes in their weights files: the originals are code."""

from typing import Any

from reprise_kit.port.keras_legacy.read import LayerWeights, OldModel, weights
from tests.shared import SHARED

DATA = SHARED / "data/choi"


def layer(class_name: str, name: str, **config: Any) -> dict[str, Any]:
    return {"class_name": class_name, "config": {"name": name, **config}, "name": name}


def convolution(name: str, filters: int) -> dict[str, Any]:
    return layer("Convolution2D", name, nb_filter=filters, nb_row=3, nb_col=3, border_mode="same", dim_ordering="th")


def normalization(name: str, axis: int, epsilon: float, mode: int = 0) -> dict[str, Any]:
    return layer("BatchNormalization", name, axis=axis, mode=mode, epsilon=epsilon)


def blocks(filters: list[int], pools: list[tuple[int, int]], epsilon: float) -> list[dict[str, Any]]:
    made = []
    for i, (count, pool) in enumerate(zip(filters, pools, strict=True), 1):
        made += [
            convolution(f"conv{i}", count),
            normalization(f"bn{i}", 1, epsilon),
            layer("ELU", f"elu_{i}", alpha=1.0),
            layer("MaxPooling2D", f"pool{i}", pool_size=pool, dim_ordering="th"),
            layer("Dropout", f"dropout{i}", p=0.5),
        ]
    return made


def gru(name: str, sequences: bool) -> dict[str, Any]:
    return layer(
        "GRU", name, output_dim=32, activation="tanh", inner_activation="hard_sigmoid", return_sequences=sequences
    )


def chain(layers: list[dict[str, Any]]) -> dict[str, Any]:
    return {"class_name": "Sequential", "config": layers}


def crnn(epsilon: float) -> dict[str, Any]:
    start = layer("ZeroPadding2D", "zeropadding2d_1", padding=[0, 37])
    start["config"]["batch_input_shape"] = [None, 1, 96, 1366]
    tail = [
        layer("Permute", "permute_1", dims=[3, 1, 2]),
        layer("Reshape", "reshape_1", target_shape=[15, 128]),
        gru("gru1", True),
        gru("gru2", False),
        layer("Dropout", "dropout_1", p=0.3),
        layer("Dense", "output", output_dim=50, activation="sigmoid"),
    ]
    middle = blocks([64, 128, 128, 128], [(2, 2), (3, 3), (4, 4), (4, 4)], epsilon)
    return chain([start, normalization("bn_0_freq", 3, epsilon), *middle, *tail])


def cnn(epsilon: float) -> dict[str, Any]:
    start = normalization("bn_0_freq", 3, epsilon)
    start["config"]["batch_input_shape"] = [None, 1, 96, 1366]
    middle = blocks([32, 128, 128, 192, 256], [(2, 4), (2, 4), (2, 4), (3, 5), (4, 4)], epsilon)
    tail = [layer("Flatten", "flatten_1"), layer("Dense", "output", output_dim=50, activation="sigmoid")]
    return chain([start, *middle, *tail])


def tagger(kind: str, backend: str, epsilon: float) -> OldModel:
    config = {"crnn": crnn, "cnn": cnn}[kind](epsilon)
    return OldModel(config, weights(DATA / f"music_tagger_{kind}_weights_{backend}.h5"), None, False)


def compact_blocks(depth: int, backend: str) -> OldModel:
    """The first `depth` blocks of compact_cnn as the nested model they are saved as, on the mel layer's output."""
    inner = []
    for i, pool in enumerate([(2, 4), (3, 4), (2, 5), (2, 4), (4, 4)][:depth], 1):
        inner += [
            convolution(f"convolution2d_{i}", 32),
            normalization(f"batchnormalization_{i}", 1, 1e-3, mode=2),
            layer("ELU", f"elu_{i}", alpha=1.0),
            layer("MaxPooling2D", f"maxpooling2d_{i}", pool_size=pool, dim_ordering="th"),
        ]
    inner[0]["config"]["batch_input_shape"] = [None, 1, 96, 1360]
    pool = layer("GlobalAveragePooling2D", "features", dim_ordering="th")
    groups = weights(DATA / f"compact_cnn_weights_layer{depth - 1}_{backend}.hdf5")
    saved = [LayerWeights("ConvBNEluDr", g.arrays) for g in groups if g.layer_name == "ConvBNEluDr"]
    return OldModel(chain([chain(inner), pool]), saved, "1.2.2", False)

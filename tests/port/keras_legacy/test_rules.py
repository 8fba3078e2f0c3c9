"""Small decisions of the rules, at their very edges."""

from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest

from reprise_kit.port.keras_legacy.rules import activation, core, deconvolution, normalization, pooling
from reprise_kit.port.keras_legacy.rules.context import Context
from reprise_kit.port.keras_legacy.tree import Node


def node(**config: Any) -> Node:
    return Node("Deconvolution2D", "layer", config)


@pytest.mark.parametrize(
    ("mode", "kernel", "stride", "extra", "size"),
    [
        *[("valid", 3, 2, None, 15), ("valid", 2, 3, None, 21), ("valid", 4, 1, None, 10), ("valid", 3, 2, 1, 16)],
        *[("valid", 5, 3, 0, 23), ("valid", 4, 2, 1, 17), ("same", 3, 2, None, 14), ("same", 2, 3, None, 21)],
        *[("same", 4, 1, None, 7), ("same", 3, 2, 1, 14), ("same", 5, 3, 0, 19), ("same", 4, 2, 1, 13)],
        *[("full", 3, 2, None, 11), ("full", 2, 3, None, 18), ("full", 4, 1, None, 4), ("full", 3, 2, 1, 12)],
        *[("full", 5, 3, 0, 15), ("full", 4, 2, 1, 11)],
    ],
)
def test_a_transposed_convolution_is_as_long_as_in_keras_2(
    mode: str, kernel: int, stride: int, extra: int | None, size: int
) -> None:
    """The sizes are what deconv_length of Keras 2.2.4 returned for 7 steps."""
    asked = node(border_mode=mode, output_padding=extra if extra is None else [extra])
    assert deconvolution._computed_sizes(asked, (7,), (kernel,), (stride,)) == (size,)


@pytest.mark.parametrize(
    ("version", "counts", "uncropped"),
    [((2, 0, 3), False, True), ((2, 0, 4), True, True), ((2, 1, 4), True, True), ((2, 1, 5), False, True),
     ((2, 1, 6), False, False)],
)  # fmt: skip
def test_same_pooling_on_theano_hangs_on_the_version(version: tuple[int, ...], counts: bool, uncropped: bool) -> None:
    """Keras 2.0.4 to 2.1.4 count their zeros in a mean; Keras 2 to 2.1.5 keep the rim of a volume."""
    context: Any = SimpleNamespace(dialect=SimpleNamespace(kernels_last=True), known_version=lambda why: version)
    assert [pooling._padding_counts(context, node(), n) for n in (1, 2, 3)] == [counts, counts, False]
    assert [pooling._uncropped(context, node(), n) for n in (1, 2, 3)] == [False, False, uncropped]
    context.dialect.kernels_last = False  # Keras 1 did neither, and is not asked for its version
    context.known_version = None
    for n in (1, 2, 3):
        assert not pooling._padding_counts(context, node(), n) and not pooling._uncropped(context, node(), n)


def test_a_context_begins_without_masks() -> None:
    assert not Context("theano").masked


@pytest.mark.parametrize("twin_first", [True, False])
def test_a_shared_normalization_is_one_layer_on_the_axis_of_its_first_image(twin_first: bool) -> None:
    """An image that has a channels-last twin is normalised there; no other is turned for it."""
    context = Context("theano")
    last, first = keras.Input((4, 5, 3)), keras.Input((3, 4, 5))
    images = [context.from_last(last, "image"), first]
    arrays = [np.linspace(k + 0.5, k + 1.5, 3) for k in range(4)]
    apply = normalization._stored(context, Node("BatchNormalization", "bn", {}), 1, 1e-3, arrays)
    outputs = [apply(image) for image in (images if twin_first else images[::-1])]
    model = keras.Model([last, first], outputs)
    (layer,) = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    assert layer.axis == (-1 if twin_first else 1)
    turned = [layer for layer in model.layers if isinstance(layer, keras.layers.Permute)]
    assert len(turned) == (3 if twin_first else 1)  # back from both, and there where no twin was; else the image itself
    x = np.random.default_rng(1).normal(size=(2, 3, 4, 5)).astype("float32")
    gamma, beta, mean, variance = (array[:, None, None] for array in arrays)
    wanted = (x - mean) / np.sqrt(variance + 1e-3) * gamma + beta
    for found in model.predict([x.transpose(0, 2, 3, 1), x], verbose=0):
        np.testing.assert_allclose(found, wanted, atol=1e-5)


def applied(builder: Any, made: Node, x: np.ndarray, **settings: Any) -> tuple[np.ndarray, keras.Model, Context]:
    """What a rule's layers make of an input, the model of it, and the context with its notes."""
    context = Context("tensorflow", **settings)
    given = keras.Input(x.shape[1:])
    model = keras.Model(given, builder(context, made)(given))
    return model.predict(x, verbose=0), model, context


@pytest.mark.parametrize(("rate", "kept"), [(0.0, False), (0.4, True), (1.0, False), (-0.5, False)])
def test_what_keras_1_never_dropped_is_no_dropout(rate: float, kept: bool) -> None:
    x = np.ones((2, 5), "float32")
    found, model, _ = applied(core.dropout, Node("Dropout", "drop", {"p": rate}), x)
    np.testing.assert_array_equal(found, x)
    assert [layer.rate for layer in model.layers if isinstance(layer, keras.layers.Dropout)] == [rate] * kept


@pytest.mark.parametrize(("ordering", "wanted"), [("th", "channels_first"), ("tf", "channels_last")])
@pytest.mark.parametrize("recorded", [True, False])
def test_whole_planes_are_dropped_along_their_axis(ordering: str, wanted: str, recorded: bool) -> None:
    config = {"p": 0.5} | ({"dim_ordering": ordering} if recorded else {})
    settings = {} if recorded else {"dim_ordering": ordering}
    _, model, _ = applied(
        core.dropout, Node("SpatialDropout2D", "drop", config), np.ones((1, 3, 4, 5), "f4"), **settings
    )
    assert model.get_layer("drop").data_format == wanted


@pytest.mark.parametrize(("sigma", "kept"), [(0.0, True), (0.3, True), (1.0, True), (1.5, False), (-0.1, False)])
def test_noise_that_keras_3_does_not_take_is_left_out_and_said(sigma: float, kept: bool) -> None:
    x = np.ones((2, 5), "float32")
    found, model, context = applied(core.gaussian_noise, Node("GaussianNoise", "noise", {"sigma": sigma}), x)
    np.testing.assert_array_equal(found, x)
    assert any(isinstance(layer, keras.layers.GaussianNoise) for layer in model.layers) is kept
    assert (f"noise of {sigma}" in " ".join(context.notes)) is not kept


@pytest.mark.parametrize("config", [{}, {"max_value": 2.0}, {"max_value": 0.0}, {"max_value": 2, "threshold": 1.0},
                                    {"negative_slope": 0.5}, {"threshold": -1.0, "negative_slope": 0.25}])  # fmt: skip
def test_relu_by_its_definition(config: dict[str, Any]) -> None:
    x = np.linspace(-3, 3, 25, dtype="float32")[None]
    most, slope, threshold = (config.get(key) for key in ("max_value", "negative_slope", "threshold"))
    slope, threshold = slope or 0.0, threshold or 0.0
    wanted = np.where(x > threshold, x, slope * (x - threshold))  # Keras: x * (x > threshold)
    wanted = wanted if most is None else np.minimum(wanted, most)
    np.testing.assert_allclose(applied(activation.relu, Node("ReLU", "relu", config), x)[0], wanted, atol=1e-6)


def test_masked_steps_become_zero_and_no_others() -> None:
    x = np.random.default_rng(2).normal(size=(3, 4, 4)).astype("float32")
    x[0, 1], x[1, 2], x[2, 3, 0] = 7.0, 7.0, 7.0  # the last in one place only
    wanted = x.copy()
    wanted[0, 1], wanted[1, 2] = 0.0, 0.0
    found, _, _ = applied(core.masking, Node("Masking", "mask", {"mask_value": 7.0}), x)
    np.testing.assert_array_equal(found, wanted)

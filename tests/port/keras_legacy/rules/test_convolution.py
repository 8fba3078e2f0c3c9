"""Where a convolution's windows lie, by the formulas of the old backends."""

from typing import Any

import keras
import numpy as np
import pytest

from reprise_kit.compare.errors import InputError
from reprise_kit.port.keras_legacy.dialects.dialect import KERAS2
from reprise_kit.port.keras_legacy.rules import convolution
from tests.port.keras_legacy.rules.parts import computed, context, node, numbers


@pytest.mark.parametrize(("mode", "said"), [(None, "valid"), ("valid", "valid"), ("same", "same"), ("full", "full")])
def test_border_modes(mode: str | None, said: str) -> None:
    assert convolution.border_mode(node("Convolution2D", border_mode=mode)) == said
    with pytest.raises(InputError, match="border_mode 'causal'"):
        convolution.border_mode(node("Convolution2D", border_mode="causal"))


def padded(kernel: tuple[int, ...], strides: tuple[int, ...], **config: Any) -> tuple[str, Any]:
    """Keras 3's padding, and what is padded around an input of ones before it."""
    settings = {key: config.pop(key) for key in ("version", "dialect") if key in config}
    made = node(config.pop("class_name", "Convolution2D"), **config)
    padding, layer = convolution.same_padding(context("theano", **settings), made, kernel, strides)
    return padding, layer and layer.padding


@pytest.mark.parametrize(
    ("kernel", "strides", "config", "wanted"),
    [
        ((3, 3), (1, 1), {"border_mode": "valid"}, ("valid", None)),
        ((3, 5), (1, 1), {"border_mode": "same"}, ("same", None)),
        ((3, 5), (2, 1), {"border_mode": "same"}, ("valid", ((1, 1), (2, 2)))),
        ((4, 3), (1, 1), {"border_mode": "same"}, ("valid", ((2, 1), (1, 1)))),
        ((2,), (1,), {"border_mode": "same"}, ("valid", (1, 0))),
        ((3, 4), (2, 2), {"border_mode": "full"}, ("valid", ((2, 2), (3, 3)))),
        ((3,), (1,), {"border_mode": "valid", "left_padded": True}, ("valid", (2, 0))),
        ((4, 2), (1, 1), {"border_mode": "same", "class_name": "SeparableConvolution2D"},
         ("valid", ((2, 2), (1, 1)))),
        ((2, 3, 4), (1, 1, 1), {"border_mode": "same", "version": (1, 1, 2)}, ("valid", ((0, 1), (1, 1), (1, 2)))),
        ((2, 3, 4), (1, 1, 1), {"border_mode": "same", "version": (1, 2)}, ("valid", ((1, 0), (1, 1), (2, 1)))),
        ((3, 3, 3), (2, 2, 2), {"border_mode": "same"}, ("valid", ((1, 1),) * 3)),
    ],
)  # fmt: skip
def test_same_on_theano_pads_half_the_kernel_in_front(
    kernel: tuple[int, ...], strides: tuple[int, ...], config: dict[str, Any], wanted: tuple[str, Any]
) -> None:
    """Theano's "half" is k // 2 on both sides; Keras cut what an even kernel gave too much behind."""
    assert padded(kernel, strides, **config) == wanted


def test_padding_that_no_file_decides_is_asked_for() -> None:
    with pytest.raises(InputError, match="3-D padding of even kernels depends on the Keras version"):
        padded((2, 3, 3), (1, 1, 1), border_mode="same")
    with pytest.raises(InputError, match="'full' on Theano only"):
        convolution.same_padding(context(), node("Convolution2D", border_mode="full"), (3, 3), (1, 1))


@pytest.mark.parametrize("n", range(4, 15))
@pytest.mark.parametrize(("k", "stride"), [(1, 3), (2, 3), (1, 5), (2, 6), (3, 2), (4, 3)])
def test_windows_of_old_tensorflow(n: int, k: int, stride: int) -> None:
    """kernels/ops_util of 0.12: padding of (ceil(n / s) - 1) * s + k - n in all, where it begins truncated to zero."""
    pads, starts = convolution.old_tensorflow_windows(node("Convolution1D"), (n,), (k,), (stride,))
    places = -(-n // stride)
    needed = (places - 1) * stride + k - n
    ((before, behind),), (start,) = pads, starts
    assert before - (start.start or 0) == int(needed / 2) and start.stop is None
    assert (before + n + behind - (start.start or 0) - k) // stride + 1 == places
    assert (before, behind) == (0, 0) or start.start == 0


@pytest.mark.parametrize(
    ("strides", "settings", "inside"),
    [((3, 4), {}, False), ((5, 1), {}, True), ((1, 5), {}, True), ((4, 4), {}, False),
     ((5, 5), {"legacy_bugs": "fix"}, False), ((5, 5), {"legacy_bugs": "keep"}, True),
     ((5, 5), {"dialect": KERAS2}, False)],
)  # fmt: skip
def test_windows_far_apart_began_inside(strides: tuple[int, int], settings: dict[str, Any], inside: bool) -> None:
    found = context(**settings)
    assert convolution.placed_inside(found, node("Convolution2D"), (3, 3), strides) is inside
    assert len(found.notes) == inside
    padding, layer = convolution.old_tensorflow_same(found, node("Convolution2D"), (3, 3), strides)
    assert (padding, layer is None) == (("valid", False) if inside else ("same", True))


@pytest.mark.parametrize(
    ("backend", "settings", "rate", "border", "ran", "misjudged", "notes"),
    [
        ("tensorflow", {}, (2, 2), "valid", (2, 2), False, 0),
        ("theano", {}, (1, 1), "valid", (1, 1), False, 0),
        ("theano", {"version": (1, 1, 0), "legacy_bugs": "keep"}, (2, 2), "valid", (1, 1), True, 1),
        ("theano", {"version": (1, 1, 0), "legacy_bugs": "keep"}, (2, 3), "same", (1, 1), False, 1),
        ("theano", {"version": (1, 1, 0), "legacy_bugs": "fix"}, (2, 3), "valid", (2, 3), False, 2),
        ("theano", {"version": (1, 2, 0)}, (2, 1), "valid", (2, 1), False, 1),
        ("theano", {"version": (2, 0, 9), "dialect": KERAS2}, (2, 1), "valid", (2, 1), False, 0),
    ],
)
def test_the_dilation_that_ran(
    backend: str, settings: dict[str, Any], rate: tuple[int, ...], border: str, ran: Any, misjudged: bool, notes: int
) -> None:
    found = context(backend, **settings)
    made = node("AtrousConvolution2D", border_mode=border)
    assert convolution._dilation(found, made, rate) == ran
    assert (found.misjudged == {made.name}) is misjudged and len(found.notes) == notes


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("kernel", [1, 2, 3, 5])
@pytest.mark.parametrize("stride", [1, 2, 3, 7])
def test_one_place_is_found_and_cut_out(kernel: int, stride: int, padding: str) -> None:
    """By counting the places, and by the window of a padded row of numbers."""
    for n in range(kernel, 9):
        length = n if padding == "same" else n - kernel + 1
        places = list(range(0, length, stride))
        one = convolution.one_place((n, n), (kernel, kernel), (1, stride), padding)
        assert one == ([1] if len(places) == 1 and stride > 1 else [])
        if not one:
            continue
        row = np.arange(1.0, n + 1, dtype="float32")
        needed = max(kernel - n, 0) if padding == "same" else 0
        wanted = np.pad(row, (needed // 2, needed - needed // 2))[:kernel]
        x = np.broadcast_to(row[:, None], (1, n, n, 1))
        cut = np.asarray(convolution.windows(x, (kernel, kernel), (1, stride), padding, one))
        assert cut.shape[2] == kernel and np.array_equal(cut[0, cut.shape[1] // 2, :, 0], wanted)
        assert cut.shape[1] == (n + kernel - 1 if padding == "same" else n)
    both = convolution.one_place((2, 2), (2, 2), (7, 7), padding)
    assert both == [0, 1]


@pytest.mark.parametrize(
    ("channels", "strides", "taken"),
    [(1, (1, 1), [((1, 1), "same")]), (1, (5, 1), [((1, 1), "valid")]), (1, (2, 1), [((2, 1), "same")]),
     (1, (5, 2), [((1, 2), "valid")]), (2, (5, 5), [((5, 5), "same")])],
)  # fmt: skip
def test_no_stride_where_there_is_one_place(channels: int, strides: tuple[int, int], taken: list[Any]) -> None:
    asked: list[Any] = []

    def made(strides: tuple[int, ...], padding: str) -> Any:
        asked.append((strides, padding))
        return lambda x: x

    apply = convolution.strided(node("Convolution2D"), (3, 3), strides, "same", made)
    for _ in range(2):  # shared by two images
        apply(np.ones((1, 5, 5, channels), "float32"))
    assert asked == taken


def test_images_of_which_one_has_one_place_share_no_layer() -> None:
    apply = convolution.strided(node("Convolution2D"), (3, 3), (5, 5), "same", lambda *_: lambda x: x)
    apply(np.ones((1, 5, 5, 1), "float32"))
    with pytest.raises(InputError, match="a single place for its kernel"):
        apply(np.ones((1, 6, 6, 1), "float32"))
    open_size = convolution.strided(node("Convolution2D"), (3, 3), (5, 5), "same", lambda *_: lambda x: x)
    assert open_size(keras.Input((None, 5, 1))).shape == (None, None, 5, 1)


def test_how_far_a_kernel_reaches() -> None:
    assert convolution.wide((3, 4, 1), (1, 2, 5)) == (3, 7, 1)
    assert convolution.after(None, len)("ab") == 2 and convolution.after(str, len)(123) == 3
    assert convolution.kernel_2d(node("Convolution2D", nb_row=2, nb_col=3)) == (2, 3)
    assert convolution.kernel_3d(node("Convolution3D", kernel_dim1=2, kernel_dim2=3, kernel_dim3=4)) == (2, 3, 4)


@pytest.mark.parametrize("length", [1, 3])
@pytest.mark.parametrize("config", [{}, {"subsample_length": 2}, {"atrous_rate": 2}, {"border_mode": "same"}])
def test_a_convolution_over_steps_by_its_definition(length: int, config: dict[str, Any]) -> None:
    """Keras 1 on TensorFlow: a correlation with kernels (length, 1, n_in, n_out)."""
    w, b, x = numbers(length, 1, 2, 3), numbers(3, seed=1), numbers(2, 9, 2, seed=2)
    made = node("Convolution1D", {"W": w, "b": b}, filter_length=length, nb_filter=3, **config)
    stride, rate = config.get("subsample_length", 1), config.get("atrous_rate", 1)
    pad = (length - 1) // 2 if "border_mode" in config else 0
    row = np.pad(x, [(0, 0), (pad, pad), (0, 0)])
    places = range(0, row.shape[1] - (length - 1) * rate, stride)
    wanted = [sum(row[:, i + k * rate] @ w[k, 0] for k in range(length)) + b for i in places]
    np.testing.assert_allclose(computed(made, x), np.stack(wanted, 1), atol=1e-5)


@pytest.mark.parametrize("backend", ["tensorflow", "theano"])
def test_kernels_of_keras_1_lie_as_the_images(backend: str) -> None:
    """th: (n_out, n_in, k1, k2), turned round on Theano; Keras 2's lie channels last, whatever the images."""
    x, w, b = numbers(1, 3, 5, 5), numbers(2, 3, 3, 3), numbers(2)
    made = node("Convolution2D", {"W": w, "b": b}, nb_filter=2, nb_row=3, nb_col=3, dim_ordering="th")
    turned = w[:, :, ::-1, ::-1] if backend == "theano" else w
    windows = np.lib.stride_tricks.sliding_window_view(x, (3, 3), (2, 3))
    wanted = np.einsum("ncijkl,ockl->noij", windows, turned) + b[:, None, None]
    np.testing.assert_allclose(computed(made, x, within=context(backend)), wanted, atol=1e-5)
    made.weights["W"] = w.transpose(2, 3, 1, 0)
    found = computed(made, x, within=context(backend, dialect=KERAS2, version=(2, 2, 4)))
    np.testing.assert_allclose(found, wanted, atol=1e-5)

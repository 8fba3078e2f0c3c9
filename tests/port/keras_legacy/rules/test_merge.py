"""Merges by their definitions, and which axes a product sums over."""

from typing import Any

import keras
import numpy as np
import pytest

from reprise_kit.compare.errors import InputError
from reprise_kit.port.keras_legacy.dialects.dialect import KERAS2
from reprise_kit.port.keras_legacy.rules import merge
from tests.port.keras_legacy.rules.parts import computed, context, node, numbers

EARLY = {"version": (1, 0, 7)}
ELEMENTWISE = {"sum": np.add, "mul": np.multiply, "max": np.maximum, "ave": lambda x, y: (x + y) / 2}
OF_KERAS_2 = {"sub": np.subtract, "min": np.minimum}


@pytest.mark.parametrize("mode", [*ELEMENTWISE, *OF_KERAS_2])
def test_number_by_number(mode: str) -> None:
    x, y = numbers(2, 3), numbers(2, 3, seed=1)
    wanted = {**ELEMENTWISE, **OF_KERAS_2}[mode](x, y)
    np.testing.assert_allclose(computed(node("Merge", mode=mode), x, y, within=context(dialect=KERAS2)), wanted)
    if mode in OF_KERAS_2:
        with pytest.raises(InputError, match=f"the merge mode '{mode}' is not one of Keras 1's"):
            computed(node("Merge", mode=mode), x, y)
    else:
        np.testing.assert_allclose(computed(node("Merge", mode=mode), x, y), wanted)


def test_a_mode_of_no_keras_is_refused() -> None:
    with pytest.raises(InputError, match="the merge mode 'norm'"):
        computed(node("Merge", mode="norm"), numbers(2, 3), numbers(2, 3))
    np.testing.assert_allclose(computed(node("Merge"), numbers(2, 3), numbers(2, 3)), 2 * numbers(2, 3))


@pytest.mark.parametrize(("shapes", "places"), [
    ([(2, 4, 3), (2, 3)], [None, (1,)]), ([(2, 3), (2, 5, 4, 3)], [(1, 2), None]),
    ([(2, 3, 3), (2, 3, 1)], [None, None]),
])  # fmt: skip
def test_a_sum_gives_missing_axes_behind_the_samples(shapes: Any, places: Any) -> None:
    """K.expand_dims(x, 1) until the ranks agree (keras/layers/merge.py of Keras 2)."""
    x, y = (numbers(*shape, seed=i) for i, shape in enumerate(shapes))
    wide = [a if place is None else np.expand_dims(a, place) for a, place in zip((x, y), places, strict=True)]
    np.testing.assert_allclose(computed(node("Merge", mode="sum"), x, y), wide[0] + wide[1], atol=1e-6)


@pytest.mark.parametrize("mode", ELEMENTWISE)
def test_as_many_samples_as_steps_are_no_bias(mode: str) -> None:
    """keras.ops.add of 3.15 takes (4, 1, 1) for a bias along the 4 steps of (4, 4, 1)."""
    x, y = numbers(4, 4, 1), numbers(4, 1, seed=1)
    wanted = ELEMENTWISE[mode](x, y[:, None])
    np.testing.assert_allclose(computed(node("Merge", mode=mode), x, y), wanted, atol=1e-6)


@pytest.mark.parametrize("twins", [0, 1, 2])
@pytest.mark.parametrize(("config", "axis"), [({"mode": "concat", "concat_axis": 1}, 1), ({"mode": "concat"}, -1),
                                              ({"mode": "sum"}, None)])  # fmt: skip
def test_merges_of_images_meet_on_their_twins(twins: int, config: dict[str, Any], axis: int | None) -> None:
    """th images of which both were turned are merged there; the answer is the same, however many were."""
    found = context("theano")
    lasts = [keras.Input((4, 5, 3)) for _ in range(2)]
    images = [found.from_last(x, "image") if i < twins else keras.ops.transpose(x, (0, 3, 1, 2))
              for i, x in enumerate(lasts)]  # fmt: skip
    merged = merge.merge(found, node("Merge", **config))(images)
    assert (found.twin(merged) is not None) is (twins == 2 and axis != -1)
    x, y = numbers(2, 4, 5, 3), numbers(2, 4, 5, 3, seed=1)
    turned = [a.transpose(0, 3, 1, 2) for a in (x, y)]
    wanted = turned[0] + turned[1] if axis is None else np.concatenate(turned, axis)
    np.testing.assert_allclose(np.asarray(keras.Model(lasts, merged)([x, y])), wanted, atol=1e-6)


@pytest.mark.parametrize("axis", [-1, 1])
def test_a_shared_concat_goes_by_the_images_it_meets(axis: int) -> None:
    found, made = context("theano"), node("Merge", mode="concat", concat_axis=axis)
    apply = merge.merge(found, made)
    first = apply([keras.Input((3, 4)), keras.Input((3, 4))])
    again = apply([keras.Input((3, 4)), keras.Input((3, 4))])
    assert first.shape == again.shape == ((None, 3, 8) if axis == -1 else (None, 6, 4))


@pytest.mark.parametrize("config", [{"mode": "sum"}, {"mode": "concat", "concat_axis": 1}])
def test_a_shared_merge_is_of_one_name_however_it_is_called(config: dict[str, Any]) -> None:
    """Keras 3 takes no name twice; on turned images, on others and on tensors of unlike shapes it is another layer."""
    found, given = context("theano"), keras.Input((4, 5, 3))
    apply = merge.merge(found, node("Merge", **config))
    turned, plain = found.from_last(given, "image"), keras.ops.transpose(given, (0, 3, 1, 2))
    pairs = [[turned, turned], [plain, plain]]
    pairs += [[plain, plain[:, :1]]] * 2 if config["mode"] == "sum" else [[plain, plain[:, :1]]]
    x = numbers(2, 4, 5, 3)
    image = x.transpose(0, 3, 1, 2)
    join = np.add if config["mode"] == "sum" else lambda *both: np.concatenate(both, 1)
    wanted = [join(image, image[:, : y.shape[1]]) for _, y in pairs]
    model = keras.Model(given, [apply(pair) for pair in pairs])
    for y, expected in zip(model(x), wanted, strict=True):
        np.testing.assert_allclose(np.asarray(y), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("backend", "settings", "axes", "ranks", "wanted"),
    [
        ("theano", {}, -1, (2, 2), (1, 1)),
        ("theano", {}, [[1], [2]], (3, 3), (1, 2)),
        ("theano", {}, [1, [2]], (3, 4), (1, 2)),
        ("tensorflow", {}, [1, 2], (3, 3), (1, 2)),
        ("tensorflow", {"version": (1, 0, 8)}, -1, (3, 2), (2, 1)),
        ("tensorflow", {"version": (1, 0, 8)}, [1, -1], (3, 3), (1, 2)),
        ("tensorflow", {**EARLY, "legacy_bugs": "fix"}, -1, (2, 2), (1, 1)),
        ("tensorflow", {**EARLY, "legacy_bugs": "keep"}, -1, (3, 3), (1, 1)),
        ("tensorflow", {**EARLY, "legacy_bugs": "keep"}, [1, -1], (3, 4), (1, 2)),
        ("tensorflow", {**EARLY, "legacy_bugs": "keep"}, [1, 1], (2, 2), (1, 1)),
    ],
)
def test_axes_of_a_product(backend: str, settings: Any, axes: Any, ranks: Any, wanted: tuple[int, int]) -> None:
    pair = [np.ones((2,) * rank) for rank in ranks]
    assert merge._dot_axes(context(backend, **settings), node("Merge", dot_axes=axes), pair) == wanted


@pytest.mark.parametrize(
    ("settings", "axes", "words"),
    [
        ({}, -1, "depends on the Keras version"),
        (EARLY, -1, "took a negative axis of a product as the last but one; say --legacy-bugs"),
        ({**EARLY, "legacy_bugs": "keep"}, -1, "here the samples"),
        ({}, [1, 1, 1], "one axis for each of two tensors"),
        ({}, [[1, 2], [1]], "dot_axes is .1, 2., a whole number"),
    ],
)
def test_axes_of_a_product_that_are_refused(settings: dict[str, Any], axes: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        merge._dot_axes(context(**settings), node("Merge", dot_axes=axes), [np.ones((2, 2))] * 2)


@pytest.mark.parametrize(("mode", "backend", "shapes", "axes", "terms"), [
    *[(mode, "theano", ((2, 3), (2, 3)), (1, 1), "ni,ni->n") for mode in ("dot", "cos")],
    *[(mode, "tensorflow", ((2, 4, 3), (2, 4, 3)), (2, 2), "nai,nbi->nab") for mode in ("dot", "cos")],
    ("dot", "theano", ((2, 3, 4), (2, 4, 5)), (2, 1), "nai,nib->nab"),
    ("dot", "theano", ((2, 3, 4), (2, 3)), (1, 1), "nia,ni->na"),
    ("dot", "tensorflow", ((2, 3, 4), (2, 5, 4)), (2, 2), "nai,nbi->nab"),
])  # fmt: skip
def test_products_by_einsum(mode: str, backend: str, shapes: Any, axes: Any, terms: str) -> None:
    """cos: over the root of each tensor's product with itself, sqrt of what is below 0 taken as 0 (merge.py)."""
    x, y = (numbers(*shape, seed=i) for i, shape in enumerate(shapes))
    made = node("Merge", mode=mode, dot_axes=list(axes))
    wanted = np.einsum(terms, x, y)
    if mode == "cos":
        length = np.sqrt(np.maximum(np.einsum(terms, x, x) * np.einsum(terms, y, y), 0))
        wanted = np.expand_dims(wanted / np.maximum(length, 1e-7), 1)
    wanted = wanted[..., None] if wanted.ndim == (2 if mode == "cos" else 1) else wanted
    np.testing.assert_allclose(computed(made, x, y, within=context(backend)), wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("settings", "shapes", "words"),
    [
        ({}, ((3,), (3,)), "the product of two vectors on TensorFlow depends on the Keras version"),
        ({"version": (1, 1)}, ((3,), (3,)), "every sample's product with every other's; say --legacy-bugs"),
        ({}, ((3, 4), (3,)), r"tensors with \(3, 2\) axes"),
        ({}, ((3,), (3, 4)), r"tensors with \(2, 3\) axes"),
        ({}, ((3,), (3,), (3,)), "dot merges two tensors, 3 are there"),
    ],
)
def test_products_that_are_refused(settings: dict[str, Any], shapes: Any, words: str) -> None:
    pair = [numbers(2, *shape) for shape in shapes]
    with pytest.raises(InputError, match=words):
        computed(node("Merge", mode="dot", dot_axes=[1, 1]), *pair, within=context(**settings))


def test_two_vectors_on_tensorflow_from_keras_1_2_on() -> None:
    x, y = numbers(2, 3), numbers(2, 3, seed=1)
    found = computed(node("Merge", mode="dot", dot_axes=1), x, y, within=context(version=(1, 2)))
    np.testing.assert_allclose(found, (x * y).sum(1, keepdims=True), atol=1e-6)


@pytest.mark.parametrize(
    ("backend", "version", "axes", "ranks", "wanted"),
    [
        ("tensorflow", (2, 2, 4), 1, (3, 3), (1, 1)),
        ("tensorflow", (2, 2, 4), [-1, 1], (3, 2), (2, 1)),
        ("tensorflow", (2, 2, 4), (2, -2), (3, 3), (2, 1)),
        ("tensorflow", (2, 3), 2, (4, 4), (2, 2)),
        ("theano", (2, 0), 2, (4, 3), (2, 2)),
        ("tensorflow", (2, 2), 2, (4, 3), r"tensors with \[4, 3\] axes"),
        ("tensorflow", (2, 2), 0, (3, 3), "a product over the samples' axis"),
        ("tensorflow", (2, 2), [1, -3], (3, 3), "a product over the samples' axis"),
        ("tensorflow", (2, 2), [1, 1, 1], (3, 3), "one axis for each of two"),
        ("tensorflow", (2, 2), 1, (3, 3, 3), "one axis for each of two"),
    ],
)
def test_axes_of_keras_2s_product(backend: str, version: Any, axes: Any, ranks: Any, wanted: Any) -> None:
    found, pair = context(backend, version=version, dialect=KERAS2), [np.ones((2,) * rank) for rank in ranks]
    if isinstance(wanted, tuple):
        assert merge._dot2_axes(found, node("Dot", axes=axes), pair) == wanted
    else:
        with pytest.raises(InputError, match=wanted):
            merge._dot2_axes(found, node("Dot", axes=axes), pair)


@pytest.mark.parametrize("normalize", [True, False])
def test_keras_2s_product(normalize: bool) -> None:
    x, y = numbers(2, 3, 4), numbers(2, 5, 4, seed=1)
    units = [a / np.linalg.norm(a, axis=2, keepdims=True) if normalize else a for a in (x, y)]
    made = node("Dot", axes=2, normalize=normalize)
    found = computed(made, x, y, within=context(version=(2, 2, 4), dialect=KERAS2))
    np.testing.assert_allclose(found, np.einsum("nai,nbi->nab", *units), atol=1e-5)

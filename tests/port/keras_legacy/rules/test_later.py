"""Layers that only tf.keras had: what their configs may hold, and what is refused by name."""

from typing import Any

import numpy as np
import pytest

from reprise_kit.compare.errors import InputError
from reprise_kit.port.keras_legacy.dialects.dialect import KERAS2, TF_KERAS
from reprise_kit.port.keras_legacy.rules import later
from tests.port.keras_legacy.rules.parts import computed, context, node, numbers

ARRAYS = {"gamma": np.array([1, 2, 3], "float32"), "beta": np.array([0, 1, 0], "float32")}
NORM = {"axis": [2], "epsilon": 0.1, "center": True, "scale": True}
HARMLESS: list[dict[str, Any]] = [
    {},
    {"groups": 1},
    {"ragged": False},
    {"unknown": None},
    {"gamma_initializer": {"a": 1}},
]


def of_tf() -> Any:
    return context(dialect=TF_KERAS, version=(2, 8))


@pytest.mark.parametrize("more", HARMLESS)
def test_what_changes_nothing_is_taken(more: dict[str, Any]) -> None:
    x = numbers(2, 4, 3)
    wanted = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 0.1) * ARRAYS["gamma"]
    found = computed(node("LayerNormalization", ARRAYS, **NORM, **more), x, within=of_tf())
    np.testing.assert_allclose(found, wanted + ARRAYS["beta"], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"groups": 2}, "a LayerNormalization with groups=2 is not supported"),
        ({"shift": 0}, "a LayerNormalization with shift=0 is not supported"),  # 0 is a value, though it equals False
        ({"ragged": True}, "with ragged=True"),
        ({"unknown": 3}, "with unknown=3"),
        ({"epsilon": {"class_name": "Own"}}, "with an object in its config"),
    ],
)
def test_what_changes_something_is_refused(more: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        computed(node("LayerNormalization", ARRAYS, **{**NORM, **more}), numbers(2, 4, 3), within=of_tf())


@pytest.mark.parametrize("kind", ["LayerNormalization", "Rescaling", "RandomFlip"])
def test_a_class_of_that_name_in_an_older_keras_is_a_persons_own(kind: str) -> None:
    with pytest.raises(InputError, match=f"the class {kind} is not one of Keras 2's"):
        computed(node(kind, scale=2.0), numbers(2, 4, 4, 3), within=context(dialect=KERAS2))


def test_a_normalization_takes_its_statistics_from_its_arrays() -> None:
    mean, variance = np.array([1, 2, 3], "float32"), np.array([4, 9, 0.25], "float32")
    made = node("Normalization", {"mean": mean, "variance": variance, "count": np.array(5)}, axis=[-1])
    x = numbers(2, 3)
    np.testing.assert_allclose(computed(made, x, within=of_tf()), (x - mean) / np.sqrt(variance), rtol=1e-5, atol=1e-6)


def test_rescaling_by_its_definition() -> None:
    x = numbers(2, 3)
    found = computed(node("Rescaling", scale=2.0, offset=-1.0, dtype="float64"), x, within=of_tf())
    np.testing.assert_allclose(found, 2 * x - 1, atol=1e-6)


@pytest.mark.parametrize("kind", later.AUGMENTING)
def test_what_augments_images_does_nothing_at_inference(kind: str) -> None:
    found, x = of_tf(), numbers(1, 4, 4, 3)
    if kind in ("RandomCrop", "RandomHeight", "RandomWidth"):
        with pytest.raises(InputError, match=f"a {kind} is not supported: it changes sizes"):
            computed(node(kind), x, within=found)
    else:
        np.testing.assert_array_equal(computed(node(kind), x, within=found), x)
        assert f"the augmentation {kind}" in found.notes[0]


def attention(**arguments: Any) -> Any:
    random = {"query": (4, 2, 3), "qb": (2, 3), "key": (4, 2, 3), "kb": (2, 3), "value": (4, 2, 3), "vb": (2, 3),
              "out": (2, 3, 4), "ob": (4,)}  # fmt: skip
    weights = {role: numbers(*shape, seed=i) for i, (role, shape) in enumerate(random.items())}
    return node("MultiHeadAttention", weights, num_heads=2, key_dim=3, first={"tensor": 0}, arguments=arguments)


def attended(w: dict[str, np.ndarray], q: np.ndarray, v: np.ndarray, k: np.ndarray) -> np.ndarray:
    """softmax(q k / sqrt(key_dim)) v of each head, and their sum through the last kernel."""
    parts = ((q, "query", "qb"), (k, "key", "kb"), (v, "value", "vb"))
    query, key, value = (np.einsum("nti,ihd->nhtd", x, w[role]) + w[b][:, None] for x, role, b in parts)
    scores = np.exp(query @ key.swapaxes(2, 3) / np.sqrt(3))
    heads = scores / scores.sum(-1, keepdims=True) @ value
    return np.einsum("nhtd,hdo->nto", heads, w["out"]) + w["ob"]


@pytest.mark.parametrize("key", [True, False])
def test_attention_on_the_tensors_that_the_file_names(key: bool) -> None:
    x, y = numbers(2, 3, 4), numbers(2, 5, 4, seed=1)
    z = numbers(2, 5, 4, seed=2)
    made = attention(value={"tensor": 1}, attention_mask=None, **({"key": {"tensor": 2}} if key else {}))
    found = computed(made, x, y, z, within=of_tf()) if key else computed(made, x, y, within=of_tf())
    np.testing.assert_allclose(found, attended(made.weights, x, y, z if key else y), rtol=1e-4, atol=1e-4)
    with pytest.raises(InputError, match="a MultiHeadAttention called with value, attention_mask"):
        computed(attention(value={"tensor": 0}, attention_mask={"tensor": 0}), x, within=of_tf())


def test_the_hard_sigmoid_of_tf_keras_is_the_old_one() -> None:
    found = of_tf()
    assert later._word(found, "hard_sigmoid") is later.hard_sigmoid_k1 and found.needs == {"reprise>hard_sigmoid_k1"}
    other = of_tf()
    assert later._word(other, "sigmoid") == "sigmoid" and not other.needs

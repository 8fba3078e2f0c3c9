"""What running_std was in each version, and normalisation with what is at hand, by the formulas of each."""

from typing import Any

import numpy as np
import pytest

from reprise_kit.compare.errors import InputError
from reprise_kit.port.keras_legacy.rules import normalization
from tests.port.keras_legacy.rules.parts import computed, context, node, numbers

READINGS = [
    ("tensorflow", (), "variance"),
    ("tensorflow", (1, 0, 6), "variance"),
    ("tensorflow", (0, 3, 3), "std"),
    ("theano", (0, 3, 3), "std"),
    ("theano", (1, 0, 6), "std"),
    ("theano", (1, 0, 7), "sqrt"),
    ("theano", (1, 0, 8), "variance"),
    ("theano", (1, 2, 2), "variance"),
]
ROOTS = {"std": lambda stored, e: stored + e, "sqrt": lambda stored, e: np.sqrt(stored) + e,
         "variance": lambda stored, e: np.sqrt(stored + e)}  # fmt: skip


def arrays(n: int) -> dict[str, np.ndarray]:
    drawn = {role: numbers(n, seed=i) for i, role in enumerate(("gamma", "beta", "running_mean"))}
    return {**drawn, "running_std": np.linspace(0.2, 2.0, n, dtype="float32")}


@pytest.mark.parametrize(("backend", "version", "reading"), READINGS)
def test_what_running_std_is(backend: str, version: Any, reading: str) -> None:
    made, found = node("BatchNormalization", arrays(4), epsilon=0.1), context(backend, version=version)
    assert normalization.reading(found, made) == reading
    epsilons = {"std": (0.1, 0.1), "sqrt": (0.0, 0.1), "variance": (0.1, 0.0)}
    assert normalization._epsilons(found, made, 2, 0.1) == epsilons[reading]
    assert normalization._epsilons(found, made, 1, 0.1) == (0.1, 0.1)
    x, stored = numbers(3, 4, seed=9), arrays(4)
    root = ROOTS[reading](stored["running_std"], 0.1)
    wanted = (x - stored["running_mean"]) / root * stored["gamma"] + stored["beta"]
    np.testing.assert_allclose(computed(made, x, within=found), wanted, rtol=1e-5, atol=1e-5)


def test_what_no_file_says_is_asked_for() -> None:
    with pytest.raises(InputError, match="what running_std means in a BatchNormalization on Theano depends"):
        normalization.reading(context("theano"), node("BatchNormalization"))
    with pytest.raises(InputError, match="BatchNormalization mode 3; Keras 1 has 0, 1 and 2"):
        computed(node("BatchNormalization", arrays(4), epsilon=0.1, mode=3), numbers(3, 4))


@pytest.mark.parametrize(("mode", "axis", "shape"), [(1, -1, (5, 4)), (1, -1, (2, 3, 4)), (2, 1, (5, 4)),
                                                     (2, 1, (2, 4, 3)), (2, -1, (2, 3, 4))])  # fmt: skip
def test_with_what_is_at_hand(mode: int, axis: int, shape: tuple[int, ...]) -> None:
    """Mode 1: over the last axis of each sample; mode 2: over all but `axis` of the batch."""
    x, stored = numbers(*shape, seed=9), arrays(4)
    made = node("BatchNormalization", stored, epsilon=0.1, mode=mode, axis=axis)
    over = (x.ndim - 1,) if mode == 1 else tuple(i for i in range(x.ndim) if i != axis % x.ndim)
    variance = x.var(over, keepdims=True)
    root = np.sqrt(variance + 0.1) + (0.1 if mode == 1 else 0)
    along = [1] * x.ndim
    along[-1 if mode == 1 else axis] = 4
    gamma, beta = (stored[role].reshape(along) for role in ("gamma", "beta"))
    wanted = (x - x.mean(over, keepdims=True)) / root * gamma + beta
    np.testing.assert_allclose(computed(made, x), wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("missing", [(), ("gamma",), ("beta",), ("gamma", "beta")])
def test_without_scale_or_centre(missing: tuple[str, ...]) -> None:
    x, stored = numbers(3, 4, seed=9), {role: a for role, a in arrays(4).items() if role not in missing}
    settings = {key: role not in missing for key, role in (("scale", "gamma"), ("center", "beta"))}
    found = computed(node("BatchNormalization", stored, epsilon=0.1, **settings), x)
    wanted = (x - stored["running_mean"]) / np.sqrt(stored["running_std"] + 0.1)
    np.testing.assert_allclose(found, wanted * stored.get("gamma", 1) + stored.get("beta", 0), rtol=1e-5, atol=1e-5)

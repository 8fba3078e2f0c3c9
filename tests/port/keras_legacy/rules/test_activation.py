"""Activations with settings and weights, by the old definitions."""

from typing import Any

import keras
import numpy as np
import pytest

from reprise_kit.compare.errors import InputError
from tests.port.keras_legacy.rules.parts import computed, context, node, numbers

ROW = np.linspace(-3, 3, 25, dtype="float32")[None]


def below(slope: float) -> Any:
    return lambda x: np.where(x > 0, x, slope * x)


@pytest.mark.parametrize(
    ("kind", "config", "wanted"),
    [
        ("LeakyReLU", {}, below(0.3)),
        ("LeakyReLU", {"alpha": 0.0}, below(0.0)),
        ("LeakyReLU", {"alpha": 0.5}, below(0.5)),
        ("LeakyReLU", {"alpha": -0.5}, below(-0.5)),
        ("ELU", {}, lambda x: np.where(x > 0, x, np.expm1(x))),
        ("ELU", {"alpha": 2.0}, lambda x: np.where(x > 0, x, 2 * np.expm1(x))),
        ("ThresholdedReLU", {}, lambda x: x * (x > 1)),
        ("ThresholdedReLU", {"theta": 0.0}, lambda x: x * (x > 0)),
        ("ThresholdedReLU", {"theta": 2.0}, lambda x: x * (x > 2)),
        ("ThresholdedReLU", {"theta": -1.0}, lambda x: x * (x > -1)),
        ("Activation", {"activation": "hard_sigmoid"}, lambda x: np.clip(0.2 * x + 0.5, 0, 1)),
        ("Activation", {"activation": "softmax"}, lambda x: np.exp(x) / np.exp(x).sum(-1, keepdims=True)),
        ("Activation", {"activation": "softsign"}, lambda x: x / (1 + np.abs(x))),
    ],
)
def test_by_its_definition(kind: str, config: dict[str, Any], wanted: Any) -> None:
    np.testing.assert_allclose(computed(node(kind, **config), ROW), wanted(ROW), atol=1e-6)


@pytest.mark.parametrize("config", [{}, {"axis": 1}, {"axis": -2}])
def test_a_softmax_over_an_axis(config: dict[str, int]) -> None:
    x, axis = numbers(2, 3, 4), config.get("axis", -1)
    wanted = np.exp(x) / np.exp(x).sum(axis, keepdims=True)
    np.testing.assert_allclose(computed(node("Softmax", **config), x), wanted, atol=1e-6)


@pytest.mark.parametrize("shape", [(4,), (3, 4), (1, 4), (3, 1), (1, 1)])
def test_slopes_that_axes_share(shape: tuple[int, ...]) -> None:
    """The file holds a 1 along an axis that shares them, and no word of it."""
    alphas, x = numbers(*shape), numbers(2, *([3, 4] if len(shape) == 2 else [4]), seed=1)
    np.testing.assert_allclose(
        computed(node("PReLU", {"alphas": alphas}), x), np.where(x > 0, x, alphas * x), atol=1e-6
    )


@pytest.mark.parametrize("backend", ["theano", "tensorflow"])
def test_an_s_shaped_relu(backend: str) -> None:
    """advanced_activations.py; Theano's relu of a maximum also bounds the left part from above."""
    t_left, a_left, t_right, a_right = (numbers(4, seed=i) for i in range(4))
    weights = {"t_left": t_left, "a_left": -np.abs(a_left), "t_right": t_right, "a_right": a_right}
    x, right = numbers(20, 4, seed=9) * 3, t_left + np.abs(t_right)
    left = t_left - np.abs(a_left) * np.minimum(x - t_left, 0)
    if backend == "theano":
        left = np.minimum(left, right)
    wanted = np.where(x < t_left, left, np.where(x > right, right + a_right * (x - right), x))
    found = context(backend)
    np.testing.assert_allclose(computed(node("SReLU", weights), x, within=found), wanted, atol=1e-5)
    assert found.needs == {"reprise>SReLU"}


def test_a_softplus_with_weights() -> None:
    alphas, betas, x = numbers(1, 4), numbers(1, 4, seed=1), numbers(2, 3, 4, seed=2)
    found = computed(node("ParametricSoftplus", {"alphas": alphas, "betas": betas}), x)
    np.testing.assert_allclose(found, alphas * np.log1p(np.exp(betas * x)), atol=1e-5)


@pytest.mark.parametrize(
    ("weights", "shape", "fits"),
    [((4,), (4,), True), ((1,), (4,), True), ((1, 4), (3, 4), True), ((4,), (3, 4), False), ((3,), (4,), False),
     ((4,), (1,), False), ((3, 1), (4, 4), False)],
)  # fmt: skip
def test_weights_that_would_stretch_the_input_are_refused(weights: Any, shape: Any, fits: bool) -> None:
    made = node("ParametricSoftplus", {role: np.ones(weights, "float32") for role in ("alphas", "betas")})
    if fits:
        assert computed(made, numbers(2, *shape)).shape == (2, *shape)
    else:
        with pytest.raises(InputError, match="weights of shape"):
            computed(made, numbers(2, *shape))


@pytest.mark.parametrize("kind", ["LeakyReLU", "ELU", "ThresholdedReLU", "ReLU"])
def test_activations_meet_the_channels_last_twin(kind: str) -> None:
    from reprise_kit.port.keras_legacy.rules.context import RULES

    found, last = context("theano"), keras.Input((4, 5, 3))
    y = RULES[kind](found, node(kind))(found.from_last(last, "x"))
    assert y.shape == (None, 3, 4, 5) and found.twin(y) is not None

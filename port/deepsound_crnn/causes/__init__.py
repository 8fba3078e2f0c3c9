"""Known causes of a difference between the CRNN and its original; layers in NumPy, straight from the checkpoint."""

from collections.abc import Callable, Mapping
from functools import partial
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from reprise_kit.compare.contract import Case, Cause
from reprise_kit.port.deepsound_crnn.causes import front_end
from reprise_kit.port.deepsound_crnn.model import FILTER_LENGTH, N_FILTERS, POOL
from reprise_kit.port.keras_legacy import convert, read
from reprise_kit.port.keras_legacy.fill import by_role

Array = NDArray[np.floating]
GATES = "ifco"  # input, forget, cell, output
CONVOLUTIONS = ("convolution_1", "convolution_2", "convolution_3")


def _weights(case: Case, layer: str) -> Mapping[str, np.ndarray]:
    """Return a layer's arrays by role; raises LookupError where there are none, InputError for another file."""
    if case.weights is None:
        raise LookupError("no weights file")
    for stored in read.weights(case.weights):
        if stored.layer_name == layer:
            return by_role(stored.arrays)
    raise LookupError(f"no {layer} in {case.weights.name}")


def _pooled(x: Array) -> Array:
    """ReLU and max-pooling, (n_steps, n) to (n_steps // 2, n): what stands between two of the traced layers."""
    n = len(x) // POOL * POOL
    array: Array = np.maximum(x[:n].reshape(-1, POOL, x.shape[1]).max(axis=1), 0)
    return array


def convolution(case: Case, backend: str | None = None, same: bool = False) -> Array:
    """Convolve along time; backend: whose kernel order is read. same: zeros at both ends keep the length."""
    arrays = _weights(case, case.stage)
    kernel = convert.conv1d_kernel(arrays["W"], backend or case.backend, FILTER_LENGTH, N_FILTERS)
    x = case.array if case.stage == CONVOLUTIONS[0] else _pooled(case.array)
    x = np.pad(x, ((FILTER_LENGTH // 2,) * 2, (0, 0))) if same else x
    x = x.astype(np.float64)
    n_out = len(x) - FILTER_LENGTH + 1
    total = sum(x[k : k + n_out] @ kernel[k].astype(np.float64) for k in range(FILTER_LENGTH))
    return np.asarray(total + arrays["b"], np.float32)


def other_kernels(case: Case) -> Array:
    """Kernels as the other backend stores them: reversed along time."""
    return convolution(case, case.other_backend)


def hard_sigmoid(x: Array, slope: float) -> Array:
    """Return clip(slope x + 1/2, 0, 1)."""
    array: Array = np.clip(slope * x + 0.5, 0, 1)
    return array


def sigmoid(x: Array) -> Array:
    """Return the logistic function."""
    return 0.5 * (1 + np.tanh(x / 2))  # never overflows


def lstm(case: Case, order: str = GATES, gate: Callable[[Array], Array] | None = None) -> Array:
    """Run the LSTM; order: the stored gates that are taken for i, f, c and o. gate: their activation."""
    gate = gate or partial(hard_sigmoid, slope=0.2)
    arrays = _weights(case, "lstm_1")
    w, u, b = (np.concatenate([arrays[f"{kind}_{g}"] for g in order], axis=-1).astype(np.float64) for kind in "WUb")
    entering = _pooled(case.array).astype(np.float64) @ w + b
    h = c = np.zeros(len(u))
    answers = []
    for x in entering:
        i, f, new, o = np.split(x + h @ u, len(GATES))
        c = gate(f) * c + gate(i) * np.tanh(new)
        h = gate(o) * np.tanh(c)
        answers.append(h)
    return np.asarray(answers, np.float32)


def step_probs(case: Case, activation: Callable[[Array], Array] | None = None) -> Array:
    """Answer each step; activation: softmax unless another is given."""
    arrays = _weights(case, "timedistributed_1")
    z = case.array.astype(np.float64) @ arrays["W"] + arrays["b"]
    if activation:
        return activation(z).astype(np.float32)
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    array: Array = (e / e.sum(axis=-1, keepdims=True)).astype(np.float32)
    return array


def clip_probs(case: Case) -> Array:
    """Mean over time."""
    return np.asarray(case.array.mean(axis=0, dtype=np.float64), np.float32)


def largest(case: Case) -> Array:
    """Maximum over time."""
    return np.asarray(case.array.max(axis=0))


def last(case: Case) -> Array:
    """The last step."""
    return np.asarray(case.array[-1])


def _gates_taken_for(order: str) -> Cause:
    named = ", ".join(f"{stored} for {role}" for role, stored in zip(GATES, order, strict=True) if role != stored)
    return Cause(
        f"the LSTM's gates mixed up ({named})",
        "Keras 1 stores each gate under its own name, in the order i, c, f, o",
        ("lstm_1",),
        partial(lstm, order=order),
    )


RULES: dict[str, Callable[[Case], np.ndarray]] = {
    **front_end.RULES,
    **dict.fromkeys(CONVOLUTIONS, convolution),
    "lstm_1": lstm,
    "step_probs": step_probs,
    "clip_probs": clip_probs,
}
CAUSES = [
    *front_end.CAUSES,
    Cause(
        "kernels reversed along time",
        "the checkpoint was saved under the other backend",
        CONVOLUTIONS,
        other_kernels,
        "Use --source-backend {backend}.",
    ),
    Cause(
        "zeros at both ends",
        "border_mode same, where the original has valid",
        CONVOLUTIONS,
        partial(convolution, same=True),
    ),
    Cause(
        "Keras 3's hard_sigmoid",
        "its slope is 1/6, Keras 1's is 1/5",
        ("lstm_1",),
        partial(lstm, gate=partial(hard_sigmoid, slope=1 / 6)),
    ),
    Cause(
        "the logistic sigmoid",
        "the default of newer Keras, where Keras 1 has hard_sigmoid",
        ("lstm_1",),
        partial(lstm, gate=sigmoid),
    ),
    *(_gates_taken_for("".join(order)) for order in permutations(GATES) if "".join(order) != GATES),
    Cause(
        "sigmoid in place of softmax",
        "the labels exclude one another here",
        ("step_probs",),
        partial(step_probs, activation=sigmoid),
    ),
    Cause("the maximum over time", "the original takes the mean", ("clip_probs",), largest),
    Cause("the last step", "the original takes the mean", ("clip_probs",), last),
]

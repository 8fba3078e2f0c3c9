"""One rule per kind of weight, from Keras 1 to Keras 3: pure NumPy, arrays in, arrays out.

Axes: k1, k2, k3 kernel positions; n_in, n_out channels; n_units. `backend` is the one the file was *saved*
under, "theano" or "tensorflow": Theano's convolution reverses its kernel, so those kernels are stored
reversed along every spatial axis, whatever their dim_ordering. `dim_ordering` is "th" or "tf".
"""

from collections.abc import Mapping

import numpy as np

Arrays = Mapping[str, np.ndarray]

# Keras 3's hard_sigmoid is clip(x / 6 + 1/2), Keras 1's clip(x / 5 + 1/2): the old at x is the new at 6/5 x.
HARD_SIGMOID_GAIN = np.float32(1.2)


def flip(kernel: np.ndarray, backend: str, n_spatial: int) -> np.ndarray:
    """Reverse the first `n_spatial` axes of a kernel saved under Theano; leave TensorFlow's alone."""
    if backend == "theano":
        return kernel[(slice(None, None, -1),) * n_spatial]
    return kernel


def conv1d_kernel(w: np.ndarray, backend: str, length: int, n_out: int) -> np.ndarray:
    """(length, 1, n_in, n_out), or up to Keras 1.0.8 (n_out, n_in, length, 1), to (length, n_in, n_out)."""
    if w.ndim != 4 or (w.shape[:2] != (length, 1) and w.shape[2:] != (length, 1)):
        raise ValueError(f"a Convolution1D kernel of shape {w.shape} is neither of Keras 1's two layouts")
    if w.shape[:2] != (length, 1) or w.shape[3] != n_out:
        w = np.transpose(w, (2, 3, 1, 0))
    return flip(w[:, 0], backend, 1)


def conv2d_kernel(w: np.ndarray, backend: str, dim_ordering: str) -> np.ndarray:
    """th (n_out, n_in, k1, k2) or tf (k1, k2, n_in, n_out) to (k1, k2, n_in, n_out)."""
    return flip(np.transpose(w, (2, 3, 1, 0)) if dim_ordering == "th" else w, backend, 2)


def conv3d_kernel(w: np.ndarray, backend: str, dim_ordering: str) -> np.ndarray:
    """th (n_out, n_in, k1, k2, k3) or tf (k1, k2, k3, n_in, n_out) to (k1, k2, k3, n_in, n_out)."""
    return flip(np.transpose(w, (2, 3, 4, 1, 0)) if dim_ordering == "th" else w, backend, 3)


def deconv2d_kernel(w: np.ndarray, backend: str, dim_ordering: str) -> np.ndarray:
    """As conv2d_kernel, then to Conv2DTranspose's (k1, k2, n_out, n_in)."""
    return np.transpose(conv2d_kernel(w, backend, dim_ordering), (0, 1, 3, 2))


def maxout_dense(w: np.ndarray, b: np.ndarray | None) -> list[np.ndarray]:
    """(k, n_in, n_out) and (k, n_out) to one dense layer of k * n_out units, piece by piece."""
    kernel = np.transpose(w, (1, 0, 2)).reshape(w.shape[1], -1)
    return [kernel] if b is None else [kernel, b.reshape(-1)]


def lstm_gates(arrays: Arrays, hard: bool) -> list[np.ndarray]:
    """Twelve arrays, or one W, U, b set ordered i, f, c, o, to Keras 3's kernel, recurrent kernel, bias."""
    return _gates(arrays, "ifco", "ifo" if hard else "")


def gru_gates(arrays: Arrays, hard: bool, hard_candidate: bool = False) -> list[np.ndarray]:
    """Nine arrays, or one W, U, b set ordered z, r, h, to Keras 3's kernel, recurrent kernel, bias."""
    return _gates(arrays, "zrh", ("zr" if hard else "") + ("h" if hard_candidate else ""))


def convlstm_gates(arrays: Arrays, backend: str, dim_ordering: str, hard: bool) -> list[np.ndarray]:
    """Twelve arrays, kernels as Convolution2D's, to Keras 3's kernel, recurrent kernel, bias."""
    turned = {
        role: value if role.startswith("b") else conv2d_kernel(value, backend, dim_ordering)
        for role, value in arrays.items()
    }
    return _gates(turned, "ifco", "ifo" if hard else "")


def _gates(arrays: Arrays, order: str, hard: str) -> list[np.ndarray]:
    """Join gates along the last axis in Keras 3's order, those in `hard` scaled for its hard_sigmoid."""
    joined = []
    for kind in "WUb":
        if kind == "b" and not any(role.startswith("b") for role in arrays):
            continue  # Keras 2's use_bias=False
        if kind in arrays:
            parts = np.split(arrays[kind], len(order), axis=-1)
        else:
            parts = [arrays[f"{kind}_{gate}"] for gate in order]
        gains = [HARD_SIGMOID_GAIN if gate in hard else np.float32(1) for gate in order]
        joined.append(np.concatenate([part * gain for part, gain in zip(parts, gains, strict=True)], axis=-1))
    return joined


def cudnn(arrays: Arrays, n_gates: int) -> dict[str, np.ndarray]:
    """Keras 2's CuDNN arrays to those of a plain LSTM (4 gates; biases summed) or GRU (3; biases kept apart).

    cuDNN keeps every gate's input kernel (n_in, n_units) as (n_units, n_in) in memory, and its recurrent kernel
    transposed.
    """
    kernels = [w.T.reshape(w.shape, order="F") for w in np.split(arrays["W"], n_gates, axis=1)]
    recurrent = [u.T for u in np.split(arrays["U"], n_gates, axis=1)]
    b = arrays["b"].reshape(2, -1)
    return {
        "W": np.concatenate(kernels, axis=1),
        "U": np.concatenate(recurrent, axis=1),
        "b": b.sum(axis=0) if n_gates == 4 else b,
    }


def moving_variance(running_std: np.ndarray, reading: str, epsilon: float) -> tuple[np.ndarray, float]:
    """Return Keras 3's (moving_variance, epsilon) for one reading of Keras 1's running_std.

    "variance": (x - m) / sqrt(v + epsilon), Keras 1.0.7 on TensorFlow and 1.0.8 on everywhere.
    "std": (x - m) / (s + epsilon), Keras up to 1.0.6 on Theano.
    "sqrt": (x - m) / (sqrt(v) + epsilon), Keras 1.0.7 on Theano.
    """
    wide = running_std.astype(np.float64)
    if reading == "variance":
        return running_std, epsilon
    root = wide if reading == "std" else np.sqrt(wide)
    return np.square(root + epsilon).astype(np.float32), 0.0

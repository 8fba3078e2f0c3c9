"""Random CaffeNets: a .caffemodel in either layout, and the .prototxt that OpenCV wants beside it."""

import subprocess
import sys
from pathlib import Path

import numpy as np

from reprise_kit.port.gwardys_2014.caffenet import ALPHA, BETA, CONVOLUTIONS, DENSE, LOCAL, NORMALISED, POOLED

Blobs = dict[str, list[np.ndarray]]


def random_blobs(size: int, widths: tuple[int, ...] = (16, 24, 32, 32, 24, 64, 48, 20), seed: int = 0) -> Blobs:
    """Weights of a narrow CaffeNet for pictures of a size; biases too, scaled so that nothing dies on the way."""
    random = np.random.default_rng(seed)
    side = (size - 11) // 4 + 1
    for _ in POOLED:
        side = -(-(side - 3) // 2) + 1
    windows = {"conv1": 11, "conv2": 5, "conv3": 3, "conv4": 3, "conv5": 3}
    found, entering = {}, 3
    for (name, form), width in zip(CONVOLUTIONS.items(), widths, strict=False):
        found[name] = (width, entering // form["groups"], windows[name], windows[name])
        entering = width
    entering *= side * side
    for name, width in zip(DENSE, widths[5:], strict=True):
        found[name] = (width, entering)
        entering = width

    def drawn(name: str, shape: tuple[int, ...]) -> list[np.ndarray]:
        # Pixels up to 135 enter: activations up to some tens.
        scale = 0.005 if name == "conv1" else np.sqrt(1 / np.prod(shape[1:]))
        weights, bias = random.normal(size=shape) * scale, random.normal(size=shape[0]) * 0.1
        return [weights.astype("<f4"), bias.astype("<f4")]

    return {name: drawn(name, shape) for name, shape in found.items()}


def varint(value: int) -> bytes:
    out = b""
    while value > 127:
        out, value = out + bytes([value & 127 | 128]), value >> 7
    return out + bytes([value])


def field(number: int, content: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(content)) + content


def number(at: int, value: int) -> bytes:
    return varint(at << 3) + varint(value)


def blob(array: np.ndarray, old: bool) -> bytes:
    if old:  # four numbers, ones in front
        shape = b"".join(number(1 + i, n) for i, n in enumerate((1,) * (4 - array.ndim) + array.shape))
    else:
        shape = field(7, field(1, b"".join(map(varint, array.shape))))
    return shape + field(5, array.tobytes())


def caffemodel(blobs: Blobs, old: bool = False) -> bytes:
    """A .caffemodel; old: as of 2014, with V1LayerParameter."""
    kinds = {"conv": (4, "Convolution"), "fc": (14, "InnerProduct")}
    out = field(1, b"CaffeNet")
    for name, arrays in blobs.items():
        kind, text = kinds[name.rstrip("12345678")]
        content = b"".join(field(6 if old else 7, blob(array, old)) for array in arrays)
        if old:
            out += field(2, field(4, name.encode()) + number(5, kind) + content)
        else:
            out += field(100, field(1, name.encode()) + field(2, text.encode()) + content)
    return out


def layer(name: str, kind: str, bottom: str, parameters: str = "") -> str:
    return f'layer {{ name: "{name}" type: "{kind}" bottom: "{bottom}" top: "{name}" {parameters} }}\n'


def prototxt(blobs: Blobs, size: int) -> str:
    """The network's description, no layer in place, so that each can be asked for."""
    text = f'name: "CaffeNet"\ninput: "data"\ninput_dim: 1\ninput_dim: 3\ninput_dim: {size}\ninput_dim: {size}\n'
    below = "data"
    for name, form in CONVOLUTIONS.items():
        n, (weights, _) = name[-1], blobs[name]
        given = f"num_output: {len(weights)} kernel_size: {weights.shape[2]} stride: {form['stride']} "
        given += f"pad: {form['pad']} group: {form['groups']}"
        text += layer(name, "Convolution", below, f"convolution_param {{ {given} }}")
        text += layer(f"relu{n}", "ReLU", name)
        below = f"relu{n}"
        if n in POOLED:
            text += layer(f"pool{n}", "Pooling", below, "pooling_param { pool: MAX kernel_size: 3 stride: 2 }")
            below = f"pool{n}"
        if n in NORMALISED:
            given = f"local_size: {LOCAL} alpha: {ALPHA} beta: {BETA}"
            text += layer(f"norm{n}", "LRN", below, f"lrn_param {{ {given} }}")
            below = f"norm{n}"
    for name in DENSE:
        text += layer(name, "InnerProduct", below, f"inner_product_param {{ num_output: {len(blobs[name][0])} }}")
        below = name
        if name != "fc8":
            text += layer(f"relu{name[-1]}", "ReLU", name)
            below = f"relu{name[-1]}"
    return text + layer("prob", "Softmax", below)


OPENCV = """
import sys
sys.path.append(sys.argv[1])
import cv2, numpy as np
cv2.setNumThreads(1)
net = cv2.dnn.readNetFromCaffe(sys.argv[2], sys.argv[3])
net.enableFusion(False)
given = np.load(sys.argv[4])
net.setInput(given["picture"])
names = [str(name) for name in given["names"]]
np.savez(sys.argv[5], **dict(zip(names, [np.array(array) for array in net.forward(names)])))
"""


def by_opencv(packages: Path, folder: Path, blobs: Blobs, size: int, picture: np.ndarray, names: list[str]) -> dict:
    """Return what leaves each layer by OpenCV's importer; picture: (1, 3, size, size) float32."""
    (folder / "net.prototxt").write_text(prototxt(blobs, size))
    (folder / "net.caffemodel").write_bytes(caffemodel(blobs))
    np.savez(folder / "given.npz", picture=picture, names=np.array(names))
    places = [str(folder / name) for name in ("net.prototxt", "net.caffemodel", "given.npz", "left.npz")]
    done = subprocess.run([sys.executable, "-c", OPENCV, str(packages), *places], capture_output=True, text=True,
                          timeout=300, check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr[-500:]
    with np.load(folder / "left.npz") as left:
        return {name: left[name] for name in names}

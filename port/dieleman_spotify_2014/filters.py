"""What the first layer listens for: all its filters as one picture, and the clips that excite each most."""

from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from reprise_kit.compare.pictures import plain
from reprise_kit.port.dieleman_spotify_2014.recommender import Recommender

COLUMNS = 64


def picture(kernel: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return all filters, (length, 128, n), as a picture from -1 to 1, low bands at the bottom."""
    length, bands, n = kernel.shape
    rows = -(-n // COLUMNS)
    canvas = np.zeros((rows * (bands + 2), COLUMNS * (length + 2)), np.float32)
    for number in range(n):
        one = kernel[:, ::-1, number].T / max(float(np.abs(kernel[:, :, number]).max()), 1e-12)
        top, left = number // COLUMNS * (bands + 2), number % COLUMNS * (length + 2)
        canvas[top : top + bands, left : left + length] = one
    return canvas


def excited(machine: Recommender, clips: Sequence[Path], count: int) -> dict[str, list[list[str]]]:
    """Return the names of the `count` clips that excite each filter most, by maximum and by mean over time."""
    first = keras.Model(machine.model.input, machine.model.get_layer("conv_1").output)
    left = [np.asarray(first(_window(machine, clip), training=False))[0] for clip in clips]
    heard = {
        "maximum": np.array([one.max(axis=0) for one in left]),
        "mean": np.array([one.mean(axis=0) for one in left]),
    }
    orders = {how: np.argsort(-values, axis=0, kind="stable")[:count].T for how, values in heard.items()}
    return {how: [[clips[row].name for row in rows] for rows in order] for how, order in orders.items()}


def _window(machine: Recommender, clip: Path) -> NDArray[np.float32]:
    wanted = machine.model.input.shape[1]
    frames = machine.frames(clip)
    return frames[None, (len(frames) - wanted) // 2 :][:, :wanted]


@plain()
def write(folder: Path, machine: Recommender, clips: Sequence[Path], count: int) -> int:
    """Write filters.png and filters.csv (filter,how,clips); return the number of filters."""
    from matplotlib.image import imsave

    kernel = np.asarray(machine.model.get_layer("conv_1").kernel)
    imsave(folder / "filters.png", picture(kernel), cmap="RdBu_r", vmin=-1, vmax=1)
    lines = ["filter,how,clips"]
    for how, names in excited(machine, clips, count).items():
        lines += [f'{number},{how},"{"; ".join(row)}"' for number, row in enumerate(names)]
    (folder / "filters.csv").write_text("\n".join(lines) + "\n", "utf-8")
    return int(kernel.shape[2])

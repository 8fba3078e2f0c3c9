"""The log-mel spectrogram as a small grey picture for the page."""

import base64

import numpy as np
from numpy.typing import NDArray

FRAMES_PER_COLUMN = 4  # 186 ms
BANDS_PER_ROW = 4
ROWS = 32
DARKEST, BRIGHTEST = -12.0, 6.0  # ln(power) of byte 0 and byte 255


class Picture:
    """Columns of 32 bytes, low frequencies first, as frames arrive."""

    def __init__(self) -> None:
        """Start an empty picture."""
        self.waiting: NDArray[np.float32] | None = None

    def draw(self, log_mel: NDArray[np.float32]) -> str:
        """Take (n_frames, n_mels) ln(power); return the columns that are complete, base64."""
        frames = log_mel if self.waiting is None else np.concatenate([self.waiting, log_mel])
        n_columns = len(frames) // FRAMES_PER_COLUMN
        used = n_columns * FRAMES_PER_COLUMN
        self.waiting = frames[used:]
        blocks = frames[:used].reshape(n_columns, FRAMES_PER_COLUMN, frames.shape[1] // BANDS_PER_ROW, BANDS_PER_ROW)
        level = (blocks.mean(axis=(1, 3)) - DARKEST) / (BRIGHTEST - DARKEST)
        return base64.b64encode((level.clip(0, 1) * 255).astype(np.uint8).tobytes()).decode()

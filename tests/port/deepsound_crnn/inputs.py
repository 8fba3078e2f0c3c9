"""What the recorded traces of the original's trainer and filters were made from; made again by the tests.

    python -m tests.port.deepsound_crnn.inputs OUT_FOLDER

writes request.npz for train_trace.py and filters.pkl for filters_trace.py (both in original/deepsound_crnn).
"""

import sys
from pathlib import Path

import numpy as np

from reprise_kit.port.deepsound_crnn.training import dataset
from reprise_kit.port.deepsound_crnn.training import initial_weights as start
from tests.port.deepsound_crnn.make_corpus import make

STRIDE = 101  # every 101st weight is recorded
STEPS = 10


def training_request() -> dict[str, np.ndarray]:
    """60 tracks of 52 frames that mean nothing, a third of them padded; 10 batches of 16. Old streams: they stay."""
    random = np.random.RandomState(2016)
    labels = random.randint(0, 10, 60)
    x = (random.normal(size=(60, 52, 128)) * 2 - 4 + 0.3 * labels[:, None, None]).astype(np.float32)
    x[::3, 36:] = np.log(np.float32(1e-6))
    batches = np.array([random.permutation(42)[:16] for _ in range(STEPS)])
    given = {"x": x, "y": np.eye(10, dtype=np.float32)[labels], "batches": batches, "keep": np.array([1, 9, 10])}
    return given | {f"start/{name}": array for name, array in start.keras1_weights(3).items()}


def filters_corpus(folder: Path) -> dataset.Corpus:
    """Twenty synthetic tracks, none of them padded."""
    make(folder / "tracks", 2)
    return dataset.collect(folder / "tracks", folder / "parts")


if __name__ == "__main__":
    out = Path(sys.argv[1])
    np.savez(out / "request.npz", **training_request())  # type: ignore[arg-type]
    dataset.save(filters_corpus(out), out / "filters.pkl")

"""The half-iterations of PyPI's implicit, in a process of its own."""

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from reprise_kit.port.wmf_2014.settings import Settings
from tests.pypi import installed

PACKAGES = ("implicit==0.7.3", "tqdm==4.67.1", "threadpoolctl==3.6.0")
PROGRAM = """
import sys
sys.path.append(sys.argv[1])  # NumPy and SciPy stay the kit's
import numpy as np, scipy.sparse
from implicit.als import AlternatingLeastSquares
given = np.load(sys.argv[2])
rows, columns = given["surplus"][:, :2].astype(int).T
counts = scipy.sparse.csr_matrix((1 + given["surplus"][:, 2], (rows, columns)))  # its alpha multiplies c, not c - 1
model = AlternatingLeastSquares(factors=given["start"].shape[1], regularization=float(given["penalty"]), alpha=1.0,
                                iterations=1, use_cg=bool(given["use_cg"]), use_gpu=False, num_threads=1,
                                dtype=np.float32, random_state=0)
model.item_factors = given["start"].copy()
model.fit(counts, show_progress=False)
np.savez(sys.argv[3], users=model.user_factors, items=model.item_factors)
"""


def by_implicit(surplus: np.ndarray, start: np.ndarray, settings: Settings, use_cg: bool) -> dict[str, np.ndarray]:
    """Return users_01 and items_01 by implicit, from the same start; skips where the package cannot be had."""
    packages = installed(*PACKAGES)
    with TemporaryDirectory() as folder:
        given, left = (Path(folder, name) for name in ("given.npz", "left.npz"))
        np.savez(given, surplus=surplus, start=start, penalty=settings.penalty, use_cg=use_cg)
        command = [sys.executable, "-c", PROGRAM, str(packages), str(given), str(left)]
        subprocess.run(command, check=True, capture_output=True, timeout=120)
        with np.load(left) as found:
            return {"users_01": found["users"], "items_01": found["items"]}

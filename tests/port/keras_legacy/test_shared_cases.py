"""Models on which earlier rules were wrong or refused, each from a real old Keras: right through a reloaded file.

The same kinds, made by ourselves, are in the recorded family (models_masks.py and others).
"""

from pathlib import Path

import numpy as np
import pytest

from reprise_kit.compare.errors import InputError
from reprise_kit.port.keras_legacy.build import migrate
from reprise_kit.port.keras_legacy.read import read
from tests.port.keras_legacy.outcome import TOLERANCE, golden, relative_error, reloaded
from tests.shared import SHARED, needs_shared

CASES = SHARED / "cases" / "migrate"
# What is rightly refused, and what the refusal must say.
REFUSED = {
    "floordiv": "code in a file is never run",
    "glob": "code in a file is never run",
    "up_flat": "--dim-ordering",
}


def _folders() -> list[Path]:
    found = [*CASES.glob("k1.2.2-*"), CASES / "masked_bi_merge", *CASES.glob("keras0/*"), *CASES.glob("keras2/*")]
    return sorted([*found, *(path for group in ("lambdas", "random", "suites") for path in (CASES / group).glob("*"))])


def _migrated(folder: Path, **settings: str):
    architecture = folder / "model.json"
    whole = not architecture.exists()
    model = read(None if whole else architecture, folder / ("whole.h5" if whole else "weights.h5"))
    guessed = "tensorflow" if folder.name.endswith("-te") else "theano"
    return migrate(model, model.backend or guessed, **settings)


@needs_shared
@pytest.mark.parametrize("folder", _folders(), ids=lambda folder: folder.name)
def test_case(folder: Path, tmp_path: Path) -> None:
    if folder.name in REFUSED:
        with pytest.raises(InputError, match=REFUSED[folder.name]):
            _migrated(folder)
        return
    inputs, expected = golden(folder)
    assert relative_error(reloaded(_migrated(folder), tmp_path)(inputs), expected) <= TOLERANCE


@needs_shared
def test_all_are_there() -> None:
    assert len(_folders()) >= 53
    assert {folder.name for folder in _folders()} >= set(REFUSED)


@needs_shared
def test_a_question_has_an_answer(tmp_path: Path) -> None:
    folder = CASES / "suites" / "up_flat"
    inputs, expected = golden(folder)
    errors = {
        ordering: relative_error(reloaded(_migrated(folder, dim_ordering=ordering), tmp_path)(inputs), expected)
        for ordering in ("th", "tf")
    }
    assert min(errors.values()) <= TOLERANCE < 1e-2 < max(errors.values()), errors


@needs_shared
def test_a_wrong_answer_is_seen(tmp_path: Path) -> None:
    """The same comparison fails where the masks are left out."""
    folder = CASES / "k1.2.2-th-sum_mm"
    inputs, expected = golden(folder)
    shifted = [np.where(x == 0, 1, x) for x in inputs]
    assert relative_error(reloaded(_migrated(folder), tmp_path)(shifted), expected) > 1e-2

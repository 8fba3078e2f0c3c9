"""A verification that kills its process, as native code can, is a verdict of its model and leaves the others theirs."""

import os
import signal
from dataclasses import replace
from pathlib import Path

from reprise_kit.apps.adopt.adopted import PROVEN, STOPPED, WHOSE, Adopted, Report, Verification
from reprise_kit.apps.adopt.captured import Captured
from reprise_kit.apps.adopt.judging import Judge
from reprise_kit.compare.workers import child


def _captured(name: str) -> Captured:
    return Captured(name, "predict", "1.1.0", "theano", "th", own=True, stand_in=True, calls=1)


def _dies_at_model_1(captured: Captured, folder: Path, models: Path) -> Adopted:
    if captured.name == "model_1":
        (models / "model_1.keras").write_bytes(b"half of it")
        os.kill(os.getpid(), signal.SIGABRT)
    agrees = Verification(WHOSE["own.npz"], "agrees", ("agrees with the recording",))
    return Adopted(captured, f"{os.getpid()}", (), (agrees,))


def test_a_death_is_one_models_verdict(tmp_path: Path) -> None:
    with child() as process:
        judge = Judge(process, _dies_at_model_1)
        one, two, three = (judge.adopt(_captured(f"model_{i}"), tmp_path, tmp_path) for i in (1, 2, 3))
    assert one.code == STOPPED and one.file is None and not (tmp_path / "model_1.keras").exists()
    assert one.conclusion.startswith("not proven: could not be judged") and "SIGABRT" in one.conclusion
    assert (two.code, three.code) == (PROVEN, PROVEN)
    assert two.file == three.file != str(os.getpid()), "one child for as many as it lives"
    report = Report({}, [one, two])
    assert "could not be judged" in report.checks[0] and '"exit_code": 2' in report.json()


def test_what_is_to_be_checked_of_many_models_is_one_line() -> None:
    stand_in = Verification(WHOSE["stand_in.npz"], "agrees", ("agrees with the recording",))
    models = [
        Adopted(replace(_captured(f"model_{i}"), event="built" if i < 3 else "predict"), None, (), (stand_in,))
        for i in (1, 2, 3)
    ]
    assert Report({}, models).checks == [
        "model_1, model_2, model_3: right, proven on stand-in input only",
        "model_1, model_2: seen as built, so these weights are drawn, not a file's",
    ]

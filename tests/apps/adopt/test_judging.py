"""A verification that kills its process, as native code can, is a verdict of its model and leaves the others theirs."""

import os
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from reprise_kit.apps.adopt.adopted import (
    ON_STAND_IN,
    PROVEN,
    STOPPED,
    WHOSE,
    Adopted,
    Finding,
    Report,
    Verification,
    adopt,
    with_twins,
)
from reprise_kit.apps.adopt.captured import Captured
from reprise_kit.apps.adopt.judging import Judge
from reprise_kit.compare.workers import child
from tests.port.keras_legacy import models


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


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("Custom", "not proven: layer zeta: the class Custom is not one"),
        ("Dense", "not proven: no old Keras builds it"),
    ],
)
def test_what_could_not_be_recorded_is_refused_by_name_where_it_is(kind: str, says: str, tmp_path: Path) -> None:
    architecture, _ = models.save(tmp_path, *models.dense_net(np.random.RandomState(0)))
    architecture.write_text(architecture.read_text().replace('"Dense"', f'"{kind}"', 1))
    architecture.rename(tmp_path / "architecture.json")
    one = replace(_captured("model_1"), own=False, stand_in=False, notes=("no old Keras builds it",))
    found = adopt(one, tmp_path, tmp_path)
    assert found.code == STOPPED and found.conclusion.startswith(says) and found.file is None
    (tmp_path / "weights.h5").unlink()
    assert adopt(one, tmp_path, tmp_path).conclusion == "not proven: no old Keras builds it", "which says more"


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


def test_a_state_of_which_nothing_can_be_shown_stands_by_a_proven_one_of_its_network() -> None:
    def model(name: str, finding: Finding, whose: str = "stand_in.npz") -> Adopted:
        said = {"agrees": "agrees with the recording", "proves nothing": "the outputs are the same for every sample"}
        return Adopted(_captured(name), None, (), (Verification(WHOSE[whose], finding, (said.get(finding, finding),)),))

    dead, right, other = model("dead", "proves nothing"), model("right", "agrees"), model("other", "proves nothing")
    refused, differs = model("refused", "refused"), model("differs", "differs")
    networks = dict.fromkeys(("dead", "right", "refused", "differs"), "one") | {"other": "another"}
    found = with_twins([dead, right, other, refused, differs], networks)
    assert [one.code for one in found] == [ON_STAND_IN, ON_STAND_IN, STOPPED, STOPPED, 1]
    assert found[0].conclusion == (
        "the network of right, which is right; with these weights the outputs are the same for every sample"
    )
    assert found[1:] == [right, other, refused, differs]
    assert with_twins([dead, other], networks) == [dead, other], "two that show nothing show nothing"
    assert with_twins([dead, right], {}) == [dead, right], "what has no architecture is like nothing"
    proven = with_twins([model("right", "agrees", "own.npz"), dead], networks)
    assert Report({}, proven).headline.endswith("own input, 1 of them by another of the same network.")
    assert Report({}, proven).code == PROVEN and "dead: the network of right" in Report({}, proven).checks[0]

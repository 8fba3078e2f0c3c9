"""What a comparison says: the headline, the worst clip of a stage, and reports that carry the same verdicts."""

import dataclasses
import json
import re

import numpy as np
import pytest

from reprise_kit.compare import pictures, registry, runners
from reprise_kit.compare.comparison import ClipComparison, compare_clips, headline, worst
from reprise_kit.compare.diff import diff
from reprise_kit.compare.errors import InputError
from reprise_kit.compare.input import Input, find
from reprise_kit.compare.report import Report
from reprise_kit.compare.runners import Settings
from reprise_kit.compare.stage import StageRow, ToleranceRow
from reprise_kit.compare.system import CLIPS, System, SystemFile
from reprise_kit.compare.trace import Trace, load

SYSTEM = registry.load("deepsound_crnn")
SIDES = ("the recorded original", "the port")


def comparison(name, **changed):
    """A recorded trace against itself, with some arrays changed."""
    reference = load(SYSTEM.recorded / "theano" / name)
    candidate = dataclasses.replace(reference, arrays={**reference.arrays, **changed})
    clip = Input.open(CLIPS / name)
    verdicts = [diff(reference, candidate, SYSTEM.stages, mode) for mode in ("isolated", "chained")]
    return ClipComparison(clip, reference, candidate, *verdicts)


@pytest.fixture
def agreeing():
    return comparison("shortest.wav")


@pytest.fixture
def differing():
    flipped = load(SYSTEM.recorded / "theano" / "silence.wav").arrays["step_probs"][:, ::-1]
    return comparison("silence.wav", step_probs=np.ascontiguousarray(flipped))


def test_the_headline_names_the_first_fault_and_counts_flipped_labels(agreeing, differing):
    assert "agrees" in headline([agreeing], SIDES, "theano")
    text = headline([agreeing, differing], SIDES, "theano")
    assert "DIFFERS" in text
    assert "1 of 2 clips" in text
    assert "first at stage step_probs of silence.wav" in text
    assert f"{agreeing.steps[0]} of {agreeing.steps[1] + differing.steps[1]} steps" in text


def test_the_worst_clip_of_a_stage_is_the_failing_one(agreeing, differing):
    stage = next(s for s in SYSTEM.stages if s.name == "step_probs")
    verdict, clip = worst([agreeing, differing, agreeing], stage, "chained")
    assert clip.path.name == "silence.wav"
    assert verdict.outcome == "mismatch"


def test_reports_carry_every_verdict(agreeing, differing, tmp_path):
    report = Report(SYSTEM, [agreeing, differing], SIDES, "theano")
    paths = report.write(tmp_path)
    about = json.loads(paths["json"].read_text())
    assert about["agrees"] is False
    assert [len(clip["verdicts"]) for clip in about["clips"]] == [2 * len(SYSTEM.stages)] * 2
    assert [clip["first_difference"] for clip in about["clips"]] == [None, "step_probs"]
    page = paths["html"].read_text()
    for stage in SYSTEM.stages:
        assert stage.name in page
        assert stage.name in paths["md"].read_text()
    assert page.count("data:image/png;base64,") == 4
    assert "http://" not in page.replace("https://github.com", "")
    assert 'src="http' not in page


def test_keys_reach_all_that_scrolls_and_every_column_has_a_name(agreeing):
    page = Report(SYSTEM, [agreeing], SIDES, "theano").html()
    scrolling = re.findall(r'<(?:pre|div class="scroll")[^>]*>', page)
    assert len(scrolling) == 5 and all('tabindex="0"' in tag for tag in scrolling)
    assert re.findall(r"<th[^>]*></th>", page) == []


def test_an_empty_comparison_is_no_agreement(tmp_path):
    with pytest.raises(InputError, match="no clips"):
        headline([], SIDES, "theano")
    with pytest.raises(InputError, match="empty set"):
        compare_clips([], SYSTEM.stages, None, None, tmp_path)
    with pytest.raises(InputError, match="without sound files"):
        find([tmp_path])


def test_recordings_answer_only_for_their_own_weights_and_clips(tmp_path):
    clip = Input.open(CLIPS / "silence.wav")
    other = tmp_path / "weights.h5"
    other.write_bytes(SYSTEM.default_weights.read_bytes() + b"\0")
    with pytest.raises(InputError, match="other weights"):
        runners.open_runner("recorded", Settings(SYSTEM, other, "theano")).trace(clip, SYSTEM.stages)
    (tmp_path / "new.wav").write_bytes(clip.path.read_bytes() + b"\0")
    with pytest.raises(InputError, match="no recorded trace of this file"):
        recorded = runners.open_runner("recorded", Settings(SYSTEM, None, "theano"))
        recorded.trace(Input.open(tmp_path / "new.wav"), SYSTEM.stages)
    assert "no trace" in runners.open_runner("recorded", Settings(SYSTEM, None, "tensorflow")).unavailable_reason()


STAGES = {
    "grid": (("n_rows", "n_columns"), "grey", (4, 5)),
    "deep": (("n_channels", "n_rows", "n_columns"), "activation", (1, 4, 5)),
    "long": (("n_samples",), "full scale", (500,)),
    "short": (("n_features",), "activation", (7,)),
    "answer": (("n_labels",), "probability", (2,)),
}


@pytest.mark.parametrize("name", STAGES)
def test_every_stage_is_drawn_by_its_axes_and_unit(name, tmp_path):
    axes, unit, shape = STAGES[name]
    tolerance = ToleranceRow(0.0, 0.0, "equal")
    row = StageRow(name, axes, "float64", unit, "clip", chained=tolerance)
    own = System("own", tmp_path, "own", SystemFile("Own", "none", (row,), ("a", "b"), input="file"))
    array = np.linspace(0, 1, int(np.prod(shape))).reshape(shape)
    traced = Trace("own", "one", "0", {name: array})
    verdicts = diff(traced, traced, own.stages)
    result = ClipComparison(Input(tmp_path / "one", "0"), traced, traced, verdicts, verdicts)
    page = Report(own, [result], SIDES, "tensorflow").html()
    assert page.count("data:image/png;base64,") == 1 and f'alt="one: {name} ({unit}), both sides"' in page


def test_what_cannot_be_drawn_is_left_out(tmp_path):
    result = comparison("shortest.wav", log_mel=np.zeros((3, 3)), step_probs=np.full((1, 10), np.nan, np.float32))
    names = [one.stage.name for one in pictures.chosen(result, SYSTEM)]
    assert "log_mel" not in names and "step_probs" not in names and names


def test_the_stage_at_fault_is_drawn(differing):
    changed = differing.reference.arrays["lstm_1"] + 1
    assert "lstm_1" in [one.stage.name for one in pictures.chosen(comparison("silence.wav", lstm_1=changed), SYSTEM)]
    assert "lstm_1" not in [one.stage.name for one in pictures.chosen(differing, SYSTEM)]


def test_the_fault_is_the_first_isolated_one_else_the_first_chained_one():
    """A verdict that differs is false: the first isolated fault must not give way to a later or a chained one."""
    good = comparison("silence.wav")
    assert good.fault is None
    bad = {"samples": good.reference.arrays["samples"] + 1, "log_mel": good.reference.arrays["log_mel"] + 9}
    worse = comparison("silence.wav", **bad)
    assert worse.fault is worse.isolated[1] and worse.fault.stage == "samples"
    later = dataclasses.replace(worse, isolated=good.isolated)
    assert later.fault is later.chained[1]
    crossed = dataclasses.replace(worse, isolated=comparison("silence.wav", log_mel=bad["log_mel"]).isolated)
    assert crossed.fault is crossed.isolated[2] and crossed.fault.stage == "log_mel"

"""The harness must say no: one verdict per declared stage, whatever is wrong with the candidate."""

import numpy as np
import pytest

from reprise_kit.compare import registry
from reprise_kit.compare.diff import diff, relative
from reprise_kit.compare.errors import InputError
from reprise_kit.compare.stage import Stage, Tolerance
from reprise_kit.compare.trace import Trace, load
from reprise_kit.compare.verdict import first_difference

SYSTEM = registry.load("deepsound_crnn")
STAGES = SYSTEM.stages
SHAPES = {
    "native": (900,), "samples": (450,), "log_mel": (40, 128), "convolution_1": (36, 256), "convolution_2": (14, 256),
    "convolution_3": (3, 256), "lstm_1": (1, 256), "step_probs": (1, 10), "clip_probs": (10,),
}  # fmt: skip


def trace(**changed):
    rng = np.random.default_rng(0)
    arrays = {s.name: rng.normal(size=SHAPES[s.name]).astype(s.dtype) for s in STAGES}
    arrays |= changed
    kept = {name: array for name, array in arrays.items() if array is not None}
    return Trace(SYSTEM.name, "clip.wav", "0" * 64, kept)


def outcomes(candidate, mode="chained"):
    verdicts = diff(trace(), candidate, STAGES, mode)
    assert [v.stage for v in verdicts] == [s.name for s in STAGES]
    return {v.stage: v.outcome for v in verdicts}


@pytest.mark.parametrize("mode", ["chained", "isolated"])
def test_equal_traces_match_at_every_stage(mode):
    assert set(outcomes(trace(), mode).values()) == {"match"}


@pytest.mark.parametrize("stage", [s.name for s in STAGES])
def test_each_fault_is_named_at_its_stage(stage):
    whole = trace().arrays[stage]
    nan = whole.copy()
    nan.flat[-1] = np.nan
    faults = {
        "missing": None,
        "nonfinite": nan,
        "shape": whole[..., :-1],
        "mismatch": whole + np.array(1, whole.dtype),
    }
    for outcome, array in faults.items():
        found = outcomes(trace(**{stage: array}))
        assert found.pop(stage) == outcome
        assert set(found.values()) == {"match"}


def test_one_extra_frame_is_not_trimmed():
    longer = np.concatenate([trace().arrays["log_mel"], trace().arrays["log_mel"][:1]])
    assert outcomes(trace(log_mel=longer))["log_mel"] == "shape"


def test_empty_arrays_are_no_agreement():
    empty = np.zeros((0, 128))
    verdicts = diff(trace(log_mel=empty), trace(log_mel=empty), STAGES)
    assert first_difference(verdicts).stage == "log_mel"


def test_infinities_on_both_sides_are_no_agreement():
    infinite = np.full((10,), np.inf, np.float32)
    verdicts = diff(trace(clip_probs=infinite), trace(clip_probs=infinite), STAGES)
    assert first_difference(verdicts).outcome == "nonfinite"


def test_a_value_just_outside_the_tolerance_fails_and_one_inside_passes():
    stage = next(s for s in STAGES if s.name == "step_probs")
    zero = np.zeros((1, 10), np.float32)
    atol = stage.tolerances["chained"].atol
    for factor, outcome in ((0.99, "match"), (1.01, "mismatch")):
        moved = zero.copy()
        moved[0, 3] = factor * atol
        verdict = diff(trace(step_probs=zero), trace(step_probs=moved), [stage])[0]
        assert verdict.outcome == outcome
        assert verdict.worst_index == (0, 3)
        assert verdict.needed_atol == pytest.approx(factor * atol)


def test_rounding_alone_fails_where_bit_equality_is_the_point():
    stage = next(s for s in STAGES if s.name == "samples")
    reference = trace().arrays["samples"]
    for share, outcome in ((0.39, "match"), (0.41, "mismatch")):
        rounded = reference.copy()
        n = int(share * len(rounded))
        rounded[:n] += np.float32(3e-8) * np.sign(rounded[:n])
        moved = np.where(rounded == reference, np.nextafter(reference, np.float32(0)), rounded)[:n]
        rounded[:n] = moved
        verdict = diff(trace(samples=reference / 4), trace(samples=rounded / 4), [stage])[0]
        assert verdict.outcome == outcome
        assert verdict.max_abs < 1e-7


def test_different_clips_and_no_stages_raise():
    other = Trace(SYSTEM.name, "other.wav", "1" * 64, trace().arrays)
    with pytest.raises(InputError, match="different clips"):
        diff(trace(), other, STAGES)
    with pytest.raises(InputError, match="no stages"):
        diff(trace(), trace(), [])
    with pytest.raises(ValueError, match="empty"):
        first_difference([])


def test_lossy_codecs_get_their_own_tolerance_only_between_two_decoders():
    stage = next(s for s in STAGES if s.name == "native")
    reference, candidate = trace().arrays["native"], trace().arrays["native"] + np.float32(3e-5)

    def verdict(codec, decoder):
        sides = [
            Trace(SYSTEM.name, "c", "0" * 64, {"native": a}, {}, {"codec": codec, "decoder": d})
            for a, d in ((reference, "ffmpeg 5.1.9"), (candidate, decoder))
        ]
        return diff(*sides, [stage])[0].outcome

    assert verdict("opus", "PyAV 18.1.0") == "match"
    assert verdict("opus", "ffmpeg 5.1.9") == "mismatch"
    assert verdict("mp3", "PyAV 18.1.0") == "mismatch"


def test_traces_survive_the_disk_and_damage_is_one_line(tmp_path):
    saved = trace()
    saved.save(tmp_path / "t")
    read = load(tmp_path / "t")
    assert read.input_sha256 == saved.input_sha256
    assert all(np.array_equal(read.arrays[name], saved.arrays[name]) for name in SHAPES)
    content = (tmp_path / "t" / "trace.npz").read_bytes()
    for damage in (b"", content[:200], b"PK" + content[2:100], b"not a zip"):
        (tmp_path / "t" / "trace.npz").write_bytes(damage)
        with pytest.raises(InputError, match="not a readable trace"):
            load(tmp_path / "t")
    with pytest.raises(InputError, match=r"no trace\.npz"):
        load(tmp_path)


def test_pickles_are_refused(tmp_path):
    trace().save(tmp_path / "t")
    np.savez(tmp_path / "t" / "trace.npz", native=np.array([{"a": 1}], dtype=object))
    with pytest.raises(InputError, match="not a readable trace"):
        load(tmp_path / "t")


def test_axes_that_are_not_the_declared_ones_are_no_agreement():
    """Both sides alike, and both not what the stage is."""
    for wrong in (np.zeros((1, 40, 128)), np.zeros(128)):
        (verdict,) = diff(trace(log_mel=wrong), trace(log_mel=wrong), [s for s in STAGES if s.name == "log_mel"])
        assert verdict.outcome == "shape"


@pytest.mark.parametrize("kind", [bool, np.complex64, "S3"])
def test_values_that_are_no_real_numbers_are_no_agreement(kind):
    stages = [s for s in STAGES if s.name == "clip_probs"]
    good, other = trace().arrays["clip_probs"], np.ones(10, kind)
    for sides in ((other, other), (good, other), (other, good)):
        assert diff(trace(clip_probs=sides[0]), trace(clip_probs=sides[1]), stages)[0].outcome == "shape"


def test_a_relative_tolerance_allows_more_where_the_reference_is_large():
    stage = Stage("x", ("n",), "float32", "m", "clip", {"chained": Tolerance(0.5, 0.1, "of the test")})
    reference = np.array([100.0, -100.0, 0.0])
    for moved, outcome in (([10.4, -10.4, 0.4], "match"), ([0, 0, 0.6], "mismatch"), ([0, 10.6, 0], "mismatch")):
        sides = (Trace(SYSTEM.name, "c", "0" * 64, {"x": a}) for a in (reference, reference + np.array(moved)))
        assert diff(*sides, [stage])[0].outcome == outcome


@pytest.mark.parametrize(("worst", "largest", "found"), [(1.0, 4.0, 0.25), (0.0, 0.0, 0.0), (1e-9, 0.0, np.inf)])
def test_a_difference_is_relative_to_the_largest_value(worst, largest, found):
    assert relative(worst, largest) == found

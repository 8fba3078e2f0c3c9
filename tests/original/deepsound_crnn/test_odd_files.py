"""Any file that a stranger may drop in: the port answers what the live original answers, or both refuse it.

`python -m pytest tests/original/deepsound_crnn/test_odd_files.py` tries some fifty; with REPRISE_ODD_FILES=all every
container and codec that the ffmpeg program writes, some 450.
"""

import os

import numpy as np
import pytest

from reprise_kit.compare import registry, runners
from reprise_kit.compare.errors import InputError
from reprise_kit.compare.input import Input
from reprise_kit.compare.profiles.audio import REDECODED_CODECS
from reprise_kit.compare.runners import Settings
from tests.port.audio import odd_files

SYSTEM = registry.load("deepsound_crnn")
PROMISED = 5e-5  # probability
STEP = 1 / 32768  # of a 16-bit sample
NOT_ASKED = "SciPy 0.17 would need"  # minutes: the original is not started
LIMIT = "longer than"  # what the port does not take in, however the original would fare


@pytest.fixture(scope="module")
def odd(live, tmp_path_factory):
    """(kind/name, path) of every file."""
    names = None if os.environ.get("REPRISE_ODD_FILES") == "all" else odd_files.FORTY
    made = list(odd_files.make(tmp_path_factory.mktemp("odd"), names))
    assert len(made) >= (400 if names is None else sum(len(line.split()) for line in names.values()))
    return made


@pytest.fixture(scope="module")
def theirs(live, odd):
    """What the original made of each: a trace, or its one line."""
    return {path: outcome(live, path) for _, path in odd}


def outcome(runner, path):
    try:
        return runner.trace(Input.open(path), SYSTEM.stages)
    except InputError as error:
        return str(error)


def port(decoder):
    return runners.open_runner("port", Settings(SYSTEM, None, "theano", options={"decoder": decoder}))


def judged(odd, theirs, ours):
    """Lines on what is not as the original's, and how many were answered and refused alike."""
    wrong, answered, refused, worst = [], 0, 0, 0.0
    for kind, path in odd:
        original, candidate = theirs[path], outcome(ours, path)
        if isinstance(original, str) and NOT_ASKED in original:
            continue
        if isinstance(original, str) or isinstance(candidate, str):
            alike = isinstance(original, str) and isinstance(candidate, str) and "\n" not in candidate
            refused += alike
            if not alike and not (isinstance(candidate, str) and LIMIT in candidate):
                wrong.append(f"{kind}/{path.name}: {str(original)[:200]} against {str(candidate)[:200]}")
            continue
        answered += 1
        fault = difference(original, candidate)
        worst = max(worst, off(original, candidate, "step_probs"))
        if fault:
            wrong.append(f"{kind}/{path.name}: {fault}")
    print(f"{answered} answered alike, {refused} refused by both, max |dp| {worst:.1e}")
    return wrong, answered, refused


def off(original, candidate, stage):
    one, other = original.arrays[stage], candidate.arrays[stage]
    return float(np.abs(one - other).max()) if one.shape == other.shape else np.inf


def difference(original, candidate):
    """Say how an answer differs from the original's by more than is allowed, or return None."""
    native, probs = off(original, candidate, "native"), off(original, candidate, "step_probs")
    redecoded = candidate.provenance["decoder"] != original.provenance["decoder"]
    if redecoded and candidate.provenance["codec"] in REDECODED_CODECS:
        rows = {stage.name: stage.tolerances["chained_redecoded"].atol for stage in SYSTEM.stages}
        over = [f"{name} {off(original, candidate, name):.1e}" for name in rows if off(original, candidate, name) > rows[name]]
        return ", ".join(over) or None
    if native or probs > PROMISED:
        return f"native off by {native / STEP:.2f} steps, probabilities by {probs:.1e}"
    same = original.arrays["step_probs"].argmax(-1) == candidate.arrays["step_probs"].argmax(-1)
    return None if same.all() else f"the same label on {same.sum()} of {same.size} steps"


@pytest.mark.parametrize("decoder", ["ffmpeg", "pyav"])
def test_odd_files_are_answered_as_the_original_answers_them(odd, theirs, decoder):
    wrong, answered, refused = judged(odd, theirs, port(decoder))
    assert not wrong, "\n".join(wrong)
    assert answered >= 25 and refused >= 8

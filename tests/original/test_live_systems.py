"""Every other system's live original against its port, through the same trace contract.

Upstream's code and weights are the user's to fetch (`reprise fetch SYSTEM`); REPRISE_UPSTREAMS=DIR names a folder that
holds a fetched upstream for each system instead. What is missing is named, and fails where REPRISE_REQUIRE asks for it.
"""

import os
from pathlib import Path

import pytest

from reprise_kit.compare import registry, runners, system
from reprise_kit.compare.input import Input, find
from reprise_kit.compare.diff import diff
from reprise_kit.compare.fetch import upstream_folder
from reprise_kit.compare.pins import check
from reprise_kit.compare.runners import Settings
from reprise_kit.compare.system import ROOT
from reprise_kit.compare.verdict import first_difference
from tests.require import require

CLIPS = ("drums_mono_vbr.mp3", "piano_22050.wav")
# deepsound_crnn has tests of its own; of a paper there is no original.
NAMES = [name for name in registry.names() if name != "deepsound_crnn" and registry.load(name).file.upstream]


def settings(name: str) -> Settings:
    loaded = registry.load(name)
    named = os.environ.get("REPRISE_UPSTREAMS")
    folder = Path(named) / name if named else upstream_folder(loaded)
    if not folder.is_dir():
        require("upstream", f"{name} is not fetched: reprise fetch {name}")
    state = check(loaded, folder)
    assert not state.altered, f"{folder} holds altered files"
    if state.missing or loaded.file.weights.path in state.missing_optional:
        require("upstream", f"{folder} lacks {(*state.missing, *state.missing_optional)[0]}")
    return Settings(loaded, None, loaded.backend, folder)


@pytest.mark.parametrize("name", NAMES)
def test_the_port_agrees_with_the_live_original(name: str) -> None:
    agree(name, "node" if registry.load(name).file.node else "python27")


def inputs(chosen: system.System) -> list[Path]:
    if chosen.file.input == "sound":
        return [ROOT / "tests/clips" / clip for clip in CLIPS]
    found = find([chosen.inputs], chosen).files
    assert found
    return found


def agree(name: str, kind: str) -> None:
    """Hold a system's port to its original, run by a kind of runner, at every stage in both modes."""
    chosen = settings(name)
    original = runners.open_runner(kind, chosen)
    reason = original.unavailable_reason()
    if reason:
        require(kind, reason)
    port = runners.open_runner("port", chosen)
    stages = chosen.system.stages
    try:
        for clip in map(Input.open, inputs(chosen.system)):
            reference = original.trace(clip, stages)
            assert reference.provenance["runner"] == kind
            assert reference.provenance["upstream_commit"] == chosen.system.upstream.commit
            for mode, given in (("isolated", reference), ("chained", None)):
                verdicts = diff(reference, port.trace(clip, stages, given), stages, mode)
                assert len(verdicts) == len(stages)
                assert first_difference(verdicts) is None, (clip.path.name, mode)
    finally:
        original.close()  # type: ignore[attr-defined]

"""How a dump is recorded in its own Keras: what its second process is asked."""

import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reprise_kit.apps.adopt import captured


@pytest.mark.parametrize(
    ("shape", "out", "few"),
    [
        ("[null, 416, 416, 3]", "stand_in.npz", True),
        ("[null, 64, 64, 3]", "stand_in.npz", False),
        ("[null, null, 3]", "stand_in.npz", False),
        ("[null, 416, 416, 3]", "own.npz", False),  # the repository's own are all taken
    ],
)
def test_of_large_samples_few_are_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shape: str, out: str, few: bool
) -> None:
    (tmp_path / "architecture.json").write_text(f'{{"batch_input_shape": {shape}, "name": "first"}}')
    asked: list[str] = []

    def run(words: list[str], variables: dict[str, str], *_: object) -> types.SimpleNamespace:
        asked.extend(words)
        assert variables["PYTHONPATH"] == f"{tmp_path}/gan:{tmp_path}", "its own layers are found where it found them"
        (tmp_path / out).touch()
        return types.SimpleNamespace(code=0)

    monkeypatch.setattr(captured.box, "needed", lambda *_: {})
    monkeypatch.setattr(captured.box, "open_box", lambda *_: types.SimpleNamespace(name=str, run=run))
    recorder = captured.Recorder(Path("python"), {}, tmp_path, tmp_path, False)
    about = captured._About("built", folders=["gan", "../elsewhere"])
    assert recorder.record(tmp_path, about, out) == ""
    assert ("--samples" in asked) is few and (not few or asked[asked.index("--samples") + 1] == "1")


class Recorder(captured.Recorder):
    """Stands in for the recorder: of each file what it writes, or why it cannot."""

    written: dict[str, dict[str, np.ndarray] | str]

    def record(self, folder: Path, _: object, out: str, *__: str) -> str:
        arrays = self.written[out]
        if isinstance(arrays, str):
            return arrays
        np.savez(folder / out, **arrays)  # type: ignore[arg-type]
        return ""


def recorded(folder: Path, written: dict[str, Any], **kept: dict[str, np.ndarray]) -> tuple[captured.Captured, Path]:
    """A dump with these arrays, recorded by a stand-in; what is captured, and its folder."""
    dump = folder / "caught" / "1-0-0"
    dump.mkdir(parents=True)
    (dump / "about.json").write_text('{"event": "built", "keras": "2.0.6", "backend": "tensorflow"}')
    for name in captured.FILES:
        (dump / name).write_text("{}")
    for name, arrays in kept.items():
        np.savez(dump / name, **arrays)  # type: ignore[arg-type]
    recorder = Recorder(Path("python"), {}, folder, folder, False)
    object.__setattr__(recorder, "written", written)
    (found,) = captured.record_all(dump.parent, folder / "out", recorder, lambda _: None)
    return found, folder / "out" / "model_1"


LIVE = {"in_0": np.eye(3, 4), "out_0": np.eye(3)}
SILENT = {"in_0": np.eye(3, 4), "out_0": np.ones((3, 3))}


@pytest.mark.parametrize("is_whole", [True, False])
def test_what_was_recorded_within_its_program_counts(tmp_path: Path, is_whole: bool) -> None:
    """A second process builds another model where a layer's configuration does not say all, or none."""
    within = LIVE if is_whole else {"out_0": np.eye(3)}
    found, folder = recorded(tmp_path / "other", {"stand_in.npz": SILENT}, stand_in=within)
    assert (found.own, found.stand_in) == (False, True)
    taken = captured.npz.load(folder / "stand_in.npz")["out_0"]
    assert np.array_equal(taken, (LIVE if is_whole else SILENT)["out_0"])
    said = " ".join(found.notes)
    assert ("recorded within its program" if is_whole else "within the program is left out") in said
    found, folder = recorded(tmp_path / "none", {"stand_in.npz": "Keras 2.0.6 cannot build it"}, stand_in=within)
    assert found.stand_in is is_whole and (folder / "stand_in.npz").is_file() is is_whole
    assert ("cannot build it" in " ".join(found.notes)) is not is_whole


def test_what_its_program_taught_it_on_is_recorded_within_too(tmp_path: Path) -> None:
    """A call without an answer: what a second process would answer on it may be another model's."""
    taught = {"in_0": np.eye(3, 4)}
    found, folder = recorded(tmp_path, {}, call_0=taught, stand_in=LIVE, own=LIVE)
    assert (found.own, found.stand_in) == (True, True)
    assert (folder / "own.npz").is_file() and "on inputs that it was taught on" in " ".join(found.notes)


def test_what_shows_most_goes_first_and_every_model_before_a_second_state_of_one(tmp_path: Path) -> None:
    taught, answered = {"in_0": np.eye(3)}, {"in_0": np.eye(3), "out_0": np.eye(3)}
    kept = {"1-0-0/call_0": taught, "1-0-1/call_0": taught, "1-1-0/call_0": taught, "1-2-0/none": taught}
    kept |= {"1-3-4/stand_in": answered, "2-3-0/call_1": answered, "1-4-4/own": answered}
    for name, arrays in kept.items():
        (tmp_path / name).parent.mkdir()
        np.savez(tmp_path / name, **arrays)  # type: ignore[arg-type]
    (tmp_path / "1-2-0" / "own.npz").write_bytes(b"none")
    ranked = sorted(tmp_path.iterdir(), key=captured._rank)
    assert [path.name for path in ranked] == ["2-3-0", "1-4-4", "1-3-4", "1-0-0", "1-1-0", "1-0-1", "1-2-0"]


@pytest.mark.parametrize("drawn", [{}, {"drawn": np.array(True)}], ids=["its own input", "drawn"])
@pytest.mark.parametrize(("call", "asked"), [(SILENT, True), (LIVE, False)], ids=["silent", "live"])
def test_where_its_calls_show_nothing_drawn_ones_are_recorded_too(
    tmp_path: Path, call: dict[str, np.ndarray], drawn: dict[str, np.ndarray], asked: bool
) -> None:
    written = {"own.npz": "no layers", "stand_in.npz": LIVE}
    found, folder = recorded(tmp_path, written, call_0={**call, **drawn})
    assert (found.own, found.stand_in) == (not drawn, bool(drawn) or asked)
    if found.stand_in:
        assert np.array_equal(captured.npz.load(folder / "stand_in.npz")["out_0"], np.eye(3))

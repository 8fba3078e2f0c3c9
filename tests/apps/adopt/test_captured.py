"""How a dump is recorded in its own Keras: what its second process is asked."""

import types
from pathlib import Path

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

    def run(words: list[str], *_: object) -> types.SimpleNamespace:
        asked.extend(words)
        (tmp_path / out).touch()
        return types.SimpleNamespace(code=0)

    monkeypatch.setattr(captured.box, "needed", lambda *_: {})
    monkeypatch.setattr(captured.box, "open_box", lambda *_: types.SimpleNamespace(name=str, run=run))
    recorder = captured.Recorder(Path("python"), {}, tmp_path, tmp_path, False)
    assert recorder.record(tmp_path, captured._About("built"), out) == ""
    assert ("--samples" in asked) is few and (not few or asked[asked.index("--samples") + 1] == "1")


@pytest.mark.parametrize("is_whole", [True, False])
def test_what_was_recorded_within_its_program_counts_where_it_cannot_be_again(tmp_path: Path, is_whole: bool) -> None:
    dump = tmp_path / "caught" / "1-0-0"
    dump.mkdir(parents=True)
    (dump / "about.json").write_text('{"event": "built", "keras": "2.0.6", "backend": "tensorflow"}')
    for name in captured.FILES:
        (dump / name).write_text("{}")
    arrays = {"in_0": np.eye(3, 4), "out_0": np.eye(3)}
    np.savez(dump / "stand_in.npz", **(arrays if is_whole else {"out_0": np.eye(3)}))

    class Cannot(captured.Recorder):
        def record(self, *_: object) -> str:
            return "Keras 2.0.6 cannot build it"

    recorder = Cannot(Path("python"), {}, tmp_path, tmp_path, False)
    (found,) = captured.record_all(dump.parent, tmp_path / "out", recorder, lambda _: None)
    assert (found.own, found.stand_in) == (False, is_whole)
    assert (tmp_path / "out/model_1/stand_in.npz").is_file() is is_whole
    said = " ".join(found.notes)
    assert ("recorded within its program" if is_whole else "within the program is left out") in said
    assert "cannot build it" in said

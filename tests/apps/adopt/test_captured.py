"""How a dump is recorded in its own Keras: what its second process is asked."""

import types
from pathlib import Path

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

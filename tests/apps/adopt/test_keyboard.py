"""A program that waits for a person's words, in a box where nobody is."""

import importlib
import json
import os
import subprocess
import sys
import types
from pathlib import Path

import pytest

from reprise_kit.apps.adopt import arguments, run
from reprise_kit.apps.adopt.run import SPY
from tests.apps.adopt.conftest import Old
from tests.apps.adopt.test_spy import DENSE, calls, spied


def test_what_a_person_would_type_is_typed_and_is_no_input_of_its_own(old: Old, tmp_path: Path) -> None:
    code = (
        DENSE + "model.predict(x)\n"
        "print([raw_input('your name: '), raw_input('row: '), raw_input('again (y/n)? '), input('rows: ')])\n"
        "model.predict(x)\n"
    )
    done, (folder,) = spied(old, tmp_path, code)
    assert done.stdout.endswith("['hello', '1', 'y', 1]\n"), done.stderr
    before, after = calls(folder)
    assert "drawn" not in before and after["drawn"].item()
    said = (tmp_path / "caught" / "notes.txt").read_text()
    assert "nobody is at its keyboard: it was given 'hello' when it asked 'your name: '" in said


def test_a_file_that_it_asks_for_is_its_repositorys(old: Old, tmp_path: Path) -> None:
    """So what it asks its model then is its own."""
    kinds = json.dumps(list(arguments.by_kind(["in/b.jpg", "in/a.jpg", "net.h5", "in/tale.txt"])))
    code = DENSE + "print(raw_input('Image name: '))\nmodel.predict(x)\n"
    done, (folder,) = spied(old, tmp_path, code, REPRISE_SPY_FILES=kinds)
    assert done.stdout.endswith("in/a.jpg\n"), done.stderr
    assert "drawn" not in calls(folder)[0]


@pytest.mark.parametrize(
    ("question", "typed"),
    [
        ("path to the text file: ", "in/tale.txt"),
        ("Enter an image: ", "in/a.jpg"),
        ("model file> ", "net.h5"),
        ("How many images? ", "1"),
        ("a text: ", "hello"),
        ("Ask a question about the image: ", "hello"),
        ("Load the saved model file? (y/n) ", "y"),
        ("Choose a model file [1/2]: ", "1"),
        ("Image width: ", "1"),
        ("Save model file as: ", "1"),
        ("Folder of the image: ", "1"),
    ],
)
def test_what_asks_for_a_file(monkeypatch: pytest.MonkeyPatch, question: str, typed: str) -> None:
    monkeypatch.syspath_prepend(str(SPY))
    keyboard = importlib.import_module("reprise_spy.keyboard")
    monkeypatch.setattr(keyboard, "FILES", list(arguments.by_kind(["in/b.jpg", "in/a.jpg", "net.h5", "in/tale.txt"])))
    assert (keyboard.file_for(question) or keyboard.answer(question)) == typed


def test_a_box_is_told_its_files(tmp_path: Path) -> None:
    """Those that Python 2 takes typed."""
    (tmp_path / "in").mkdir()
    for name in ("in/b.jpg", "in/\u00e4.txt"):
        (tmp_path / name).touch()
    opened = types.SimpleNamespace(name=lambda path: f"/adopted/{path.name}")
    program = run.Program("python one.py", tmp_path, Path("python"), {})
    variables = run._variables(program, opened, tmp_path, tmp_path)  # type: ignore[arg-type]
    said = json.loads(variables["REPRISE_SPY_FILES"])
    assert [path for _, path in said] == [f"/adopted/{tmp_path.name}/in/b.jpg"]


@pytest.mark.parametrize("module", ["builtins", "__builtin__"])
def test_who_asks_for_ever_is_left_alone(old: Old, tmp_path: Path, module: str) -> None:
    python, ask = (sys.executable, "input") if module == "builtins" else (old.python, "raw_input")
    code = (
        "from reprise_spy import keyboard\nkeyboard.sit_down()\nasked = 0\ntry:\n    while True:\n"
        f"        {ask}()\n        asked += 1\nexcept EOFError:\n    print(asked)\n"
    )
    env = {**old.variables, "PYTHONPATH": str(SPY), "REPRISE_SPY_OUT": ""}
    answered = [python, "-c", code]
    done = subprocess.run(answered, cwd=tmp_path, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.stdout == "64\n", done.stderr


def test_a_file_of_answers_is_read_to_its_end(old: Old, tmp_path: Path) -> None:
    (tmp_path / "answers").write_text("mine\n")
    code = f"import sys, os\nos.dup2(os.open('{tmp_path}/answers', os.O_RDONLY), 0)\n"
    code += "from reprise_spy import keyboard\nkeyboard.sit_down()\nprint(raw_input())\nraw_input()\n"
    env = {**os.environ, **old.variables, "PYTHONPATH": str(SPY), "REPRISE_SPY_OUT": ""}
    done = subprocess.run([old.python, "-c", code], cwd=tmp_path, env=env, capture_output=True, text=True)
    assert done.stdout == "mine\n" and "EOFError" in done.stderr

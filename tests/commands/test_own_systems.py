"""A system of one's own: written by `new-system`, held to the contract, compared, asked, shown; it breaks by name."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from reprise_kit.apps.demo.analysis import Limits, analyse
from reprise_kit.apps.demo.engine import Engines
from reprise_kit.commands import comparing, new_system, own_systems
from reprise_kit.compare import registry
from reprise_kit.compare import trace as traces
from reprise_kit.compare.digest import sha256
from reprise_kit.compare.errors import InputError
from reprise_kit.compare.input import Input
from reprise_kit.compare.runners import open_runner

NAME = "tongue"
OPTIONAL = {"parity", "suffixes"}  # keys of the skeleton's system.toml without which it is as valid


def forget() -> None:
    """Forget the modules of systems from elsewhere: the next test has another system of that name."""
    for name in [name for name in sys.modules if name.startswith("reprise_systems")]:
        del sys.modules[name]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield new_system.write(NAME, tmp_path, new_system.letters)
    forget()


def run(*arguments: object, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "reprise_kit", *map(str, arguments)]
    env = {**os.environ, **variables, "COLUMNS": "160"}
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=env, timeout=300, check=False)


def checked(folder: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, list[str]]:
    """The exit code of check-system, and its lines that say FAIL or, where it is refused, the one line."""
    capsys.readouterr()
    try:
        code = own_systems.check(folder, (), None, None, None)
    except InputError as error:
        return 2, [str(error)]
    return code, [line for line in capsys.readouterr().out.splitlines() if line.startswith("FAIL")]


def test_it_keeps_the_contract_and_every_command_takes_it(folder: Path, tmp_path: Path) -> None:
    where = folder.relative_to(tmp_path)
    done = run("check-system", where, cwd=tmp_path)
    assert done.returncode == 0 and "keeps the contract" in done.stdout and done.stdout.count("ok  ") >= 12
    done = run("compare", "--system", where, cwd=tmp_path)
    assert done.returncode == 0 and "agrees with the recorded original" in done.stdout, done.stderr
    verdicts = json.loads((tmp_path / "report" / "report.json").read_text())["clips"][0]["verdicts"]
    assert len(verdicts) == 8 and {v["outcome"] for v in verdicts} == {"match"}
    done = run("predict", where / "inputs/river.txt", "--system", NAME, cwd=tmp_path, REPRISE_SYSTEMS=str(tmp_path))
    assert done.returncode == 0 and re.search(r"^river\.txt +english \d+% ", done.stdout, re.M), done.stderr
    assert f"\n{NAME}: " in run("systems", cwd=tmp_path, REPRISE_SYSTEMS=str(folder)).stdout


def test_what_a_person_names_wrongly_is_no_fault_of_the_system(folder: Path, tmp_path: Path) -> None:
    for inputs, weights in (((tmp_path / "none.txt",), None), ((), tmp_path / "none.json")):
        with pytest.raises(InputError, match="none"):
            own_systems.check(folder, inputs, weights, None, None)


def test_its_traces_are_compared_by_its_folder(folder: Path, tmp_path: Path) -> None:
    recorded = folder / "recorded/tensorflow/river.txt"
    done = run("diff", recorded, recorded, "--system", folder, cwd=tmp_path.parent)
    assert done.returncode == 0 and "All 4 stages agree" in done.stdout, done.stderr
    unknown = run("compare", "--system", folder, folder / "weights.json", cwd=tmp_path)
    assert unknown.returncode == 2 and "trace adapter" in unknown.stderr


def test_the_demo_offers_it_and_answers(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPRISE_SYSTEMS", str(folder))
    engine = Engines().find(NAME)
    offer = engine.offer()
    assert offer["available"] and offer["accepts"] == [".txt"] and offer["knows"] == "2 languages: english, german"
    events = dict(analyse(folder / "inputs" / "river.txt", engine, Limits(), lambda: None, True))
    expected = traces.load(folder / "recorded/tensorflow/river.txt").arrays["probs"]
    np.testing.assert_allclose(events["result"]["clip_probs"], expected, atol=1e-6)
    assert events["result"]["top"] == "english" and events["result"]["system"] == NAME


def test_the_adapter_answers_line_by_line(folder: Path, tmp_path: Path) -> None:
    weights, text = folder / "weights.json", folder / "inputs" / "river.txt"
    command = [sys.executable, folder / "trace.py", "--weights", weights, "--upstream", folder, "--backend", "theano"]
    asked = [{"clip": str(text), "out": str(tmp_path / "one")}, {"clip": str(tmp_path / "none"), "out": str(tmp_path)}]
    lines = "".join(json.dumps(one) + "\n" for one in asked)
    done = subprocess.run(command, input=lines, capture_output=True, text=True, check=True, timeout=60)
    first, second, third = map(json.loads, done.stdout.splitlines())
    assert first == second == {"ok": True} and "none" in third["error"] and "\n" not in third["error"]
    recorded = traces.load(folder / "recorded/tensorflow/river.txt").arrays
    for name, array in traces.load(tmp_path / "one").arrays.items():
        np.testing.assert_array_equal(array, recorded[name])


def keys(table: dict, path: tuple = ()) -> Iterator[tuple]:
    for key, value in table.items():
        yield (*path, key)
        if isinstance(value, dict):
            yield from keys(value, (*path, key))
        if key == "stage":
            for i, row in enumerate(value):
                yield from keys(row, (*path, key, i))


def without(lines: list[str], path: tuple) -> str:
    """The text without the line of a key (all of a table's lines); keys inside a line are cut out of it."""
    head = [i for i, line in enumerate(lines) if line == "[[stage]]"]
    if path == ("stage",):
        return "\n".join(lines[: head[0]])
    if path == ("weights",):
        at = lines.index("[weights]")
        return "\n".join(lines[:at] + lines[at + 3 :])
    start = head[path[1]] if path[0] == "stage" else lines.index("[weights]") if path[0] == "weights" else 0
    key = path[2] if path[0] == "stage" else path[-1]
    at = next(i for i in range(start, len(lines)) if lines[i].startswith(f"{key} = "))
    if len(path) < 4:
        return "\n".join(lines[:at] + lines[at + 1 :])
    inner = tomllib.loads(lines[at])[key]
    kept = ", ".join(f"{name} = {json.dumps(value)}" for name, value in inner.items() if name != path[3])
    return "\n".join([*lines[:at], f"{key} = {{ {kept} }}", *lines[at + 1 :]])


def test_a_key_less_is_one_line_that_names_it(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = folder / "system.toml"
    text = file.read_text()
    every = [path for path in keys(tomllib.loads(text)) if not OPTIONAL & set(map(str, path))]
    assert len(every) >= 40
    for path in every:
        file.write_text(without(text.splitlines(), path))
        code, said = checked(folder, capsys)
        assert code and len(said) == 1 and "\n" not in said[0] and str(path[-1]) in said[0], (path, code, said)


def test_a_stage_less_is_one_line_that_names_it(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = folder / "system.toml"
    head, *stages = file.read_text().split("[[stage]]")
    for i, stage in enumerate(stages):
        file.write_text("[[stage]]".join([head, *stages[:i], *stages[i + 1 :]]))
        code, said = checked(folder, capsys)
        name = tomllib.loads(stage)["name"]
        assert code and said and name in said[0], (name, code, said)


@pytest.mark.parametrize(
    "name", ["system.toml", "pipeline.py", "trace.py", "adapter.py", "weights.json", "inputs/river.txt",
             "recorded/tensorflow/river.txt/trace.npz", "recorded/tensorflow/river.txt/trace.json"],
)  # fmt: skip
def test_a_file_less_is_one_line_that_names_it(name: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / name).unlink()
    code, said = checked(folder, capsys)
    wanted = "inputs" if name.startswith("inputs") else Path(name).name
    assert code and len(said) == 1 and wanted in said[0] and "\n" not in said[0], (code, said)


@pytest.mark.parametrize("name", ["trace.npz", "trace.json"])
@pytest.mark.parametrize("inputs", [1, 2])
def test_compare_without_a_file_of_its_recording_is_one_line(
    inputs: int, name: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recorded = folder / "recorded/tensorflow"
    if inputs == 2:
        other = (folder / "inputs/river.txt").rename(folder / "inputs/sea.txt")
        (recorded / "river.txt").rename(recorded / "sea.txt")
        (folder / "inputs/river.txt").write_text(other.read_text() + "More of it.\n")
        made = open_runner("port", comparing.settings(str(folder), None, None))
        made.trace(Input.open(folder / "inputs/river.txt"), registry.load(folder).stages).save(recorded / "river.txt")
    (recorded / "river.txt" / name).unlink()
    chosen = comparing.settings(str(folder), None, None)
    with pytest.raises(InputError, match=rf"{name}|river\.txt: no recorded trace") as said:
        comparing.compare([], "recorded", "port", tmp_path / "report", chosen)
    assert "\n" not in str(said.value) and not any(capsys.readouterr()) and not (tmp_path / "report").exists()


LACKS = {
    "Options": (
        "return Pipeline(weights)\n",
        "return Pipeline(weights)\n\n\ndel Options\n",
        "pipeline.py: defines no Options",
    ),
    "open_pipeline": ("def open_pipeline(", "def opened(", "pipeline.py: defines no open_pipeline"),
    "predict": ("def predict(", "def predicts(", "pipeline.py: its pipeline has no predict"),
    "a bracket": ("(frozen=True)", "(frozen=True", "pipeline.py, line"),
    "what it asks for": ("self.weights = weights\n", "self.weights = weights.gone\n", "pipeline.py, line"),
}


@pytest.mark.parametrize("what", LACKS)
def test_a_port_that_lacks_something_is_one_line_of_every_command(what: str, folder: Path, tmp_path: Path) -> None:
    old, new, said_so = LACKS[what]
    text = (folder / "pipeline.py").read_text()
    assert old in text
    (folder / "pipeline.py").write_text(text.replace(old, new))
    for words in (["predict", folder / "inputs/river.txt"], ["compare", "--out", tmp_path / "report"]):
        done = run(*words, "--system", folder, cwd=tmp_path)
        assert done.returncode == 2 and said_so in done.stderr and done.stderr.count("\n") == 1, done.stderr
        assert "unforeseen" not in done.stderr and not done.stdout


def test_what_is_the_matter_of_no_input_is_said_of_none(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "inputs/sea.txt").write_text("the sea, the sea")
    (folder / "pipeline.py").unlink()
    chosen = comparing.settings(str(folder), None, None)
    reference = str(tmp_path / "traces")
    for name in ("river.txt", "sea.txt"):
        digest = Input.open(folder / "inputs" / name).sha256
        about = {"weights_sha256": sha256(folder / "weights.json")}
        traces.Trace(NAME, name, digest, {}, {}, about).save(Path(reference) / name)
    with pytest.raises(InputError, match=r"^the candidate cannot run: system tongue has no port yet"):
        comparing.compare([], reference, "port", tmp_path / "report", chosen)


def test_what_several_inputs_show_alike_is_said_once(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for n in range(5):
        (folder / f"inputs/sea{n}.txt").write_text(f"the sea {n}")
    file = folder / "system.toml"
    file.write_text("[[stage]]".join(file.read_text().split("[[stage]]")[:-1]))
    code, said = checked(folder, capsys)
    assert code == 1 and len(said) == 1 and said[0].count("probs is no stage") == 1
    assert "river.txt, sea0.txt, sea1.txt and 3 more: probs" in said[0]


def test_a_recorded_stage_that_is_not_declared_is_not_passed_over(folder: Path, tmp_path: Path) -> None:
    file = folder / "system.toml"
    file.write_text("[[stage]]".join(file.read_text().split("[[stage]]")[:-1]))
    with pytest.raises(InputError, match=r"the reference holds probs, no stage of system\.toml"):
        comparing.compare([], "recorded", "port", tmp_path / "report", comparing.settings(str(folder), None, None))


def test_a_recording_of_no_weights_or_of_fewer_stages_breaks_the_contract(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    room = folder / "recorded/tensorflow/river.txt"
    whole = traces.load(room)
    shutil.rmtree(room)
    fewer = {name: array for name, array in whole.arrays.items() if name != "probs"}
    replace(whole, arrays=fewer, provenance={}).save(room)
    code, said = checked(folder, capsys)
    assert code == 1 and "no weights_sha256" in said[0] and "no probs" in said[0]
    with pytest.raises(InputError, match=r"weights\.json: the recorded traces are of other weights; put those back"):
        comparing.compare([], "recorded", "port", tmp_path / "report", comparing.settings(str(folder), None, None))


def test_a_system_that_cannot_be_read_hides_no_other(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "system.toml").write_text("")
    monkeypatch.setenv("REPRISE_SYSTEMS", str(folder))
    with pytest.raises(InputError, match=r"tongue/system\.toml"):
        comparing.systems()
    said = capsys.readouterr().out
    assert all(f"\n{name}: " in f"\n{said}" for name in registry.names() if name != NAME)


def test_a_place_without_systems_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPRISE_SYSTEMS", str(tmp_path))
    with pytest.raises(InputError, match=r"REPRISE_SYSTEMS names .*, where there is no system\.toml"):
        registry.names()


BREAKS = {
    "a stage too many": ("return Traced(arrays)", "return Traced({**arrays, 'extra': arrays['probs']})", "extra"),
    "another dtype": ("np.int64)\n", "np.int32)\n", "int32"),
    "not finite": ("powers / powers.sum()", "powers / powers.sum() * np.nan", "not finite"),
    "isolated is not chained": (
        'arrays[name] = self.stage(name, arrays[source], {})',
        'arrays[name] = self.stage(name, arrays[source], {}) + (name == "scores")',
        "stage scores: off by 1",
    ),
    "no InputError": ("if not counts.any():", "if False:", "empty file"),
    "no hash": ('"weights_sha256": sha256, ', "", "weights_sha256"),
    "an error of its own": ("totals / totals.sum()", "totals / nothing", "pipeline.py, line"),
    "an end of its own": ("totals / totals.sum()", "exit(0)", "SystemExit: 0 (pipeline.py, line"),
    "an end on import": ("LANGUAGES = (", "raise SystemExit(0)\nLANGUAGES = (", "pipeline.py ends the program"),
    "other labels": ('LANGUAGES = ("english", "german")', 'LANGUAGES = ("german", "english")', "labels"),
}  # fmt: skip


@pytest.mark.parametrize("break_", BREAKS)
def test_the_contract_bites(break_: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old, new, said_so = BREAKS[break_]
    text = (folder / "pipeline.py").read_text()
    assert old in text
    (folder / "pipeline.py").write_text(text.replace(old, new))
    code, said = checked(folder, capsys)
    assert code == 1 and any(said_so in line for line in said), said


def test_what_is_told_to_end_while_a_port_is_imported_ends(folder: Path, tmp_path: Path) -> None:
    text = (folder / "pipeline.py").read_text()
    told = "import os\nimport signal\n\nos.kill(os.getpid(), signal.SIGTERM)\n"
    (folder / "pipeline.py").write_text(text.replace("LETTERS = ", f"{told}LETTERS = ", 1))
    for words in (["check-system", folder], ["predict", folder / "inputs/river.txt", "--system", folder]):
        done = run(*words, cwd=tmp_path)
        assert (done.returncode, done.stderr) == (143, "reprise: terminated\n") and "FAIL" not in done.stdout


@pytest.mark.parametrize("more", ["[" * 5000, ".".join("a" * 20_000) + " = 1", "# " + "x" * (16 << 20)])
def test_a_description_that_no_parser_bounds_is_refused(more: str, folder: Path) -> None:
    with (folder / "system.toml").open("a") as file:
        file.write(f"\n{'more = ' if more[0] == '[' else ''}{more}\n")
    with pytest.raises(InputError, match=r"system\.toml: ") as caught:
        registry.load(folder)
    assert len(str(caught.value)) < 300


def test_a_pipe_is_no_input_and_is_not_waited_for(folder: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "river.txt")
    for inputs in (["river.txt"], ["river.txt", folder / "inputs" / "river.txt"]):
        done = run("predict", *inputs, "--system", folder, cwd=tmp_path)
        assert done.returncode == (2 if len(inputs) == 1 else 1) and "river.txt: a folder, a pipe" in done.stderr


def test_nothing_is_written_over(folder: Path, tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with pytest.raises(InputError, match="not empty"):
        new_system.write(NAME, tmp_path, new_system.letters)
    assert before == {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    for name, why in (("../up", "a name of letters"), ("", "a name of letters"), (registry.DEFAULT, "already")):
        with pytest.raises(InputError, match=why):
            new_system.write(name, tmp_path, new_system.letters)

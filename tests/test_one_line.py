"""Whatever happens, a command says it in one line and with the code that means it."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from reprise_kit import cli
from reprise_kit.commands import comparing
from reprise_kit.compare.errors import InputError
from reprise_kit.compare.system import CLIPS, ROOT
from reprise_kit.port.audio import parts as audio_parts
from tests.port.audio import hostile_decoders
from tests.port.keras_legacy import models

CLIP = CLIPS / "shortest.wav"


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """The command line in this process: (exit code, standard output, standard error)."""
    kept = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    monkeypatch.setenv("REPRISE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(cli.atexit, "register", lambda *what: None)  # it would end the tests' own process

    def running(*words):
        monkeypatch.setattr(sys, "argv", ["reprise", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
            raise SystemExit(0)
        return ended.value.code, *capsys.readouterr()

    yield running
    for number, handler in kept.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("deed", ["crash", "grows", "calls"])
def test_whatever_a_decoder_does_is_one_line_and_2(deed, run, tmp_path, monkeypatch):
    monkeypatch.setattr(audio_parts, "heard", hostile_decoders.heard)
    clip = tmp_path / "clip.mp3"
    clip.write_text(f"{deed} and more")
    code, out, err = run("predict", clip)
    assert (code, out, err.count("\n")) == (2, "", 1) and err.startswith(f"reprise: {clip}: "), repr(err)


def failing(error):
    def fail(*arguments, **options):
        raise error

    return fail


@pytest.mark.parametrize("error", [ZeroDivisionError("by\nzero \x1b[31m"), RecursionError("deep"), MemoryError()])
def test_what_nobody_thought_of_is_one_line_a_log_and_70(error, run, monkeypatch, tmp_path):
    monkeypatch.setattr(comparing, "trace", failing(error))
    code, out, said = run("trace", CLIP, "--out", tmp_path / "out")
    assert code == 70 and out == "" and said.count("\n") == 1 and "\x1b" not in said
    assert said.startswith(f"reprise: trace {CLIP}: unforeseen {type(error).__name__}")
    log = Path(re.search(r"its trace is in (\S+)", said)[1])
    assert "Traceback" in log.read_text() and type(error).__name__ in log.read_text()


def test_without_room_for_a_log_it_is_still_one_line(run, monkeypatch, tmp_path):
    monkeypatch.setattr(comparing, "trace", failing(ZeroDivisionError()))
    monkeypatch.setattr(Path, "mkdir", failing(OSError(28, "No space left on device")))
    code, _, said = run("trace", CLIP, "--out", tmp_path / "out")
    assert code == 70 and said.count("\n") == 1 and "its trace could not be written anywhere" in said


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (InputError("bad\x1b[31m\nreprise: all is well"), 2, "bad\\x1b[31m\\nreprise: all is well"),
        (PermissionError(13, "Permission denied", "/there"), 2, "Permission denied: /there"),
        (KeyboardInterrupt(), 130, "stopped"),
        (InputError("a" + "x" * 9000 + "z"), 2, f"a{'x' * 499} ... {'x' * 499}z"),
    ],
)
def test_the_others_keep_their_codes(error, code, words, run, monkeypatch, tmp_path):
    monkeypatch.setattr(comparing, "trace", failing(error))
    assert run("trace", CLIP, "--out", tmp_path / "out") == (code, "", f"reprise: {words}\n")
    assert not (tmp_path / "cache").exists()


def test_a_persons_code_that_ends_the_program_is_told_and_decides_no_code(run, monkeypatch, tmp_path):
    monkeypatch.setattr(comparing, "trace", failing(SystemExit(1)))
    code, out, said = run("trace", CLIP, "--out", tmp_path / "out")
    assert (code, out, said.count("\n")) == (2, "", 1), said
    assert re.fullmatch(rf"reprise: {re.escape(__file__)}, line \d+: ends the program \(1\), .*\n", said), said


def test_a_layers_name_is_shown(run, tmp_path):
    name = "dense\x1b[2J\nrisk: none [bold]"
    config = models.sequential(models.first(models.layer("Dense", name, output_dim=2), 2))
    architecture, _ = models.save(tmp_path, config, [])
    code, out, said = run("inspect", architecture)
    assert "\x1b" not in out + said and not [
        line for line in (out + said).splitlines() if line.startswith("risk: none")
    ]
    assert "dense\\x1b[2J\\nrisk: none [bold]" in out + said and code in (0, 2)


def test_any_locale(tmp_path):
    clip = os.fsencode(tmp_path) + "/\u97f3\u697d caf\u00e9.wav".encode()
    for variables in ({"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, {"LC_ALL": "C.UTF-8"}):
        done = subprocess.run(
            [sys.executable, "-m", "reprise_kit", "predict", clip],
            env={**os.environ, **variables},
            capture_output=True,
            cwd=ROOT,
            check=False,
        )
        assert (done.returncode, done.stderr.count(b"\n")) == (2, 1), done.stderr
        assert "\u97f3\u697d caf\u00e9.wav: no such file".encode() in done.stderr


def test_a_home_of_nobody_is_no_folder():
    done = subprocess.run(
        [sys.executable, "-m", "reprise_kit", "systems"],
        env={**os.environ, "REPRISE_SYSTEMS": "~nobody-of-this-name/systems"},
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and "which is no folder" in done.stderr


ABORTING = """
import ctypes, sys
libc = ctypes.CDLL(None)
libc.__cxa_atexit(ctypes.cast(libc.abort, ctypes.c_void_p), None, None)
from reprise_kit.__main__ import main
sys.argv[0] = "reprise"
main()
"""


@pytest.mark.parametrize(("words", "code"), [(["systems"], 0), (["inspect", "nothing.h5"], 2)])
def test_a_library_that_aborts_at_the_very_end_changes_no_code(words, code):
    command = [sys.executable, "-c", ABORTING, *words]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == code, done.stderr
    assert ("deepsound_crnn" in done.stdout) == (code == 0) and (done.stderr.count("\n") == 1) == (code == 2)


@pytest.mark.parametrize("words", [["inspect", "nothing.h5"], ["inspect", "--nothing"]])
def test_the_code_stands_where_the_line_cannot_be_written(words):
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([sys.executable, "-m", "reprise_kit", *words], stderr=full, cwd=ROOT, check=False)
    assert done.returncode == 2

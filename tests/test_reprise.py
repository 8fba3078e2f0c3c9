"""The command line as a person meets it: quick help, one line for bad input, exit code 2, nothing half-written."""

import json
import subprocess
import sys

import numpy as np
import pytest

from reprise_kit.compare.registry import load
from reprise_kit.compare.system import ROOT
from reprise_kit.port.deepsound_crnn.training.corpus import Corpus
from reprise_kit.port.deepsound_crnn.training.dataset import save

CLIPS = ROOT / "tests" / "clips"
FIXTURE = load("deepsound_crnn").default_weights


def reprise(*arguments, cwd=ROOT):
    command = [sys.executable, "-m", "reprise_kit", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=300)


def test_help_and_the_harness_import_nothing_heavy():
    code = (
        "import sys, pkgutil, reprise_kit.cli, reprise_kit.compare.runners\n"
        "import reprise_kit.commands.comparing, reprise_kit.compare.comparison, reprise_kit.compare.report\n"
        "from reprise_kit.compare import runners\n"
        "[__import__(f'{runners.__name__}.{m.name}') for m in pkgutil.iter_modules(runners.__path__)]\n"
        "heavy = {'tensorflow', 'keras', 'av', 'matplotlib', 'flask', 'h5py', 'scipy'} & set(sys.modules)\n"
        "sys.exit(', '.join(sorted(heavy)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("columns", ["80", "120"])
def test_every_command_is_summarised_whole(monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", columns)
    lines = reprise("-h").stdout.splitlines()
    assert not any("..." in line for line in lines[1:]) and max(map(len, lines)) <= int(columns)
    assert "  doctor " in "\n".join(lines)


def test_a_shell_completes_the_commands(monkeypatch):
    assert "_reprise_completion" in reprise("completion", "bash").stdout
    for name, value in {"_REPRISE_COMPLETE": "bash_complete", "COMP_WORDS": "reprise comp", "COMP_CWORD": "1"}.items():
        monkeypatch.setenv(name, value)
    assert reprise().stdout.split() == ["plain,compare", "plain,completion"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("predict README.md", "README.md: no audio"),
        ("playlist README.md --library docs --weights nothing.npz", "nothing.npz: no such file or folder"),
        ("train two.npz -o {0}/run", "a corpus of 2 genres and 40 frames; the network takes 10 genres"),
    ],
)
def test_what_needs_no_tensorflow_is_refused_before_it_is_loaded(words, said, tmp_path):
    genres = np.eye(2, dtype=np.float32)
    save(
        Corpus(np.zeros((2, 40, 128), np.float32), genres, ("a.wav", "b.wav"), ("blues", "rock")), tmp_path / "two.npz"
    )
    given = words.replace("two.npz", str(tmp_path / "two.npz")).format(tmp_path).split()
    code = (
        f"import sys\nfrom reprise_kit import cli\nsys.argv = ['reprise', *{given!r}]\n"
        "try: cli.main()\nfinally: assert 'tensorflow' not in sys.modules and 'keras' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 2 and done.stderr.startswith(f"reprise: {said}"), done.stderr


def test_predict_answers_in_json_and_csv(tmp_path):
    clip = CLIPS / "piano_22050.wav"
    done = reprise("predict", clip, "--format", "json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)["clips"][0]
    steps = np.array(answer["step_probs"])
    assert steps.shape[1] == 10
    assert np.allclose(steps.sum(axis=1), 1, atol=1e-5)
    assert np.allclose(steps.mean(axis=0), answer["clip_probs"], atol=1e-6)
    with_a_folder = reprise("predict", tmp_path, clip, "--format", "csv")  # which is passed over, and said
    assert len(with_a_folder.stdout.splitlines()) == 1 + len(steps) and with_a_folder.returncode == 1
    said = [line for line in with_a_folder.stderr.splitlines() if line.startswith("reprise: ")]
    assert len(said) == 1 and f"{tmp_path}: a folder, not a clip; try reprise predict --recursive" in said[0]


def test_predict_fits_80_columns_and_says_that_the_kits_weights_know_no_genres(tmp_path):
    long = tmp_path / ("a very long name of a song that somebody recorded once " * 2 + ".wav")
    long.write_bytes((CLIPS / "piano_22050.wav").read_bytes())
    done = reprise("predict", CLIPS / "piano_22050.wav", long)
    title, head, *lines = done.stdout.splitlines()
    assert "2016" in title and "which know no genres" in head and "reprise fetch deepsound_crnn" in head
    assert len(lines) == 2 and all(len(line) <= 80 for line in (title, head, *lines)), lines
    assert "piano_22050.wav" in lines[0] and "reggae 46%" in lines[0] and "classical 41%" in lines[0]
    every = reprise("predict", CLIPS / "piano_22050.wav", "--all").stdout.splitlines()
    assert len(every) == 3 + 10 and max(map(len, every[1:])) <= 80
    said = json.loads(reprise("predict", CLIPS / "piano_22050.wav", "--json").stdout)
    assert (
        said["weights"]["origin"] == "kit" and said["weights"]["know"] is False and said["clips"][0]["top"] == "reggae"
    )
    assert reprise("predict", CLIPS / "piano_22050.wav", "--format", "csv").stdout.splitlines()[0].endswith("weights")


def test_one_bad_clip_of_several_is_reported_and_the_rest_done(tmp_path):
    (tmp_path / "empty.wav").touch()
    done = reprise("predict", CLIPS / "piano_22050.wav", tmp_path / "empty.wav", "--format", "json")
    assert done.returncode == 1
    assert len(json.loads(done.stdout)["clips"]) == 1
    assert "empty" in done.stderr


def test_a_quirk_is_said_in_one_line_and_fixed_on_demand():
    clip = CLIPS / "lofi_8bit_11025.wav"
    as_original, fixed = reprise("predict", clip), reprise("predict", clip, "--fix-quirks")
    assert "8" in as_original.stderr
    assert len(as_original.stderr.strip().splitlines()) == 1
    assert fixed.stderr == ""
    assert as_original.stdout != fixed.stdout


def short_clip(folder):
    import wave

    path = folder / "short.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 22050, 0, "NONE", ""))
        file.writeframes(np.zeros(35_839, np.int16).tobytes())
    return path


def bad_clip(kind, folder):
    path = folder / "clip.mp3"
    if kind == "text":
        path.write_text("this is not music\n" * 50)
    if kind == "empty":
        path.touch()
    return {"folder": folder, "short": short_clip(folder), "absent": folder / "absent.mp3"}.get(kind, path)


@pytest.mark.parametrize("kind", ["absent", "empty", "text", "folder", "short"])
def test_a_bad_clip_is_one_line_and_exit_code_2(kind, tmp_path):
    clip = bad_clip(kind, tmp_path)
    before = sorted(tmp_path.iterdir())
    for command in (["predict", clip], ["trace", clip, "--out", tmp_path / "out"]):
        done = reprise(*command)
        assert done.returncode == 2, (done.stdout, done.stderr)
        assert len(done.stderr.strip().splitlines()) == 1, done.stderr
        assert "Traceback" not in done.stderr
    assert sorted(tmp_path.iterdir()) == before


def bad_weights(kind, folder):
    path = folder / "weights.h5"
    if kind == "not_hdf5":
        path.write_bytes(b"weights" * 100)
    elif kind == "empty":
        path.touch()
    elif kind == "cut":
        path.write_bytes(FIXTURE.read_bytes()[:100_000])
    else:
        import h5py

        with h5py.File(FIXTURE) as source, h5py.File(path, "w") as target:
            for name in source:
                source.copy(name, target)
            target.attrs.update(source.attrs)
            group = target["convolution_2"]
            if kind == "another_shape":
                del group["convolution_2_W"]
                group["convolution_2_W"] = np.zeros((5, 1, 128, 256), np.float32)
            else:
                target.attrs["layer_names"] = [n for n in source.attrs["layer_names"] if n != b"lstm_1"]
    return path


@pytest.mark.parametrize("kind", ["not_hdf5", "empty", "cut", "another_shape", "a_layer_less", "absent"])
def test_bad_weights_are_one_line_and_exit_code_2(kind, tmp_path):
    weights = tmp_path / "none.h5" if kind == "absent" else bad_weights(kind, tmp_path)
    done = reprise("predict", CLIPS / "piano_22050.wav", "--weights", weights)
    assert done.returncode == 2, (done.stdout, done.stderr)
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr


@pytest.fixture
def small_disk(tmp_path):
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(folder)], capture_output=True)
    if mounted.returncode:
        pytest.skip("no small disk to fill: mounting a tmpfs needs root")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_is_one_line_and_leaves_nothing(small_disk):
    done = reprise("trace", CLIPS / "piano_22050.wav", "--out", small_disk / "out")
    assert done.returncode == 2
    assert "No space left" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert list(small_disk.iterdir()) == []


def test_a_folder_without_audio_is_no_pass(tmp_path):
    (tmp_path / "notes.txt").write_text("no music here")
    done = reprise("compare", tmp_path, "--out", tmp_path / "report")
    assert done.returncode == 2
    assert "without sound files" in done.stderr
    assert not (tmp_path / "report").exists()


def test_unknown_names_list_what_there_is():
    for arguments, known in (
        (["compare", "--reference", "guess"], "recorded"),
        (["predict", CLIPS / "silence.wav", "--system", "guess"], "deepsound_crnn"),
    ):
        done = reprise(*arguments)
        assert done.returncode == 2
        assert known in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["predict", CLIPS / "silence.wav", "--stream-over", "nan"], "nan is no finite number"),
        (["adopt", "x", "--seconds", "inf"], "inf is no finite number"),
        (["serve", "--max-minutes", "-1"], "not in the range x>0"),
        (["dataset", "", "-o", "x.npz"], "it is empty"),
        (["trace", CLIPS / "silence.wav", "--out", ""], "it is empty"),
        (["adopt", ""], "it is empty"),
        (["predict", CLIPS / "silence.wav", ""], "it is empty"),
    ],
)
def test_an_empty_name_and_a_number_out_of_bounds_are_refused(arguments, said):
    done = reprise(*arguments)
    assert done.returncode == 2 and said in done.stderr, done.stderr


def test_shipped_files_are_small():
    done = subprocess.run(["git", "ls-files", "-z"], capture_output=True, cwd=ROOT, check=False)
    if done.returncode:
        pytest.skip("not a git checkout: the list of committed files cannot be had")
    files = [ROOT / name for name in done.stdout.decode().split("\0") if name]
    assert files
    assert not [p for p in files if p.is_file() and p.stat().st_size > 6e6]
    folders = [CLIPS, load("deepsound_crnn").recorded]
    evidence = sum(p.stat().st_size for p in files if any(folder in p.parents for folder in folders))
    assert 1e6 < evidence < 32e6  # 30.8 MB; three songs take 16 of them: 246 of the 275 steps that are compared

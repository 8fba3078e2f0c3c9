"""Comparing a folder: what could be compared is reported, the rest listed with its reason."""

import json
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from reprise_kit.commands import comparing
from reprise_kit.compare import runners
from reprise_kit.compare.errors import InputError
from reprise_kit.compare.system import CLIPS
from reprise_kit.compare.trace import load

RECORDED = "piano_22050.wav"


class Fake:
    """Answers with the kit's recording, or fails where the clip's name says so."""

    def unavailable_reason(self):
        return None

    def trace(self, clip, stages, given=None):
        if "cut" in clip.path.name:
            raise InputError(f"{clip.path}: truncated")
        if "bug" in clip.path.name:
            raise ZeroDivisionError("nobody thought of it")
        chosen = comparing.settings("deepsound_crnn", None, None)
        return load(chosen.system.recorded / "theano" / RECORDED)


@pytest.fixture
def compare(monkeypatch, tmp_path):
    monkeypatch.setattr(runners, "open_runner", lambda kind, settings: Fake())
    monkeypatch.setenv("REPRISE_CACHE", str(tmp_path / "cache"))
    chosen = comparing.settings("deepsound_crnn", None, None)
    return lambda *clips: comparing.compare(list(clips), "recorded", "port", tmp_path / "out", chosen)


def test_the_rest_is_compared_and_listed(compare, tmp_path, capsys):
    folder = tmp_path / "clips"
    folder.mkdir()
    for name in ("a.wav", "[bold]cut.wav", "bug\x1b[31m.wav", "z.wav"):
        (folder / name).write_bytes((CLIPS / RECORDED).read_bytes())
    assert compare(folder) == 2
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert [clip["clip"]["name"] for clip in report["clips"]] == ["a.wav", "z.wav"] and not report["agrees"]
    reasons = {name.rpartition("/")[2]: reason for name, reason in report["not_compared"].items()}
    assert reasons["[bold]cut.wav"] == "truncated"
    assert "unforeseen ZeroDivisionError: nobody thought of it" in reasons["bug\\x1b[31m.wav"]
    said = " ".join(capsys.readouterr().out.split())
    assert "[bold]cut.wav: truncated" in said and "\x1b" not in said and "2 of 4 clips could NOT be compared" in said
    for kind in ("html", "md"):
        text = (tmp_path / "out" / f"report.{kind}").read_text()
        assert "truncated" in text and "could NOT be compared" in text and "\x1b" not in text


def test_clips_of_one_name_keep_their_own_traces(compare, tmp_path):
    for k in "12":
        (tmp_path / k).mkdir()
        (tmp_path / k / "a.wav").write_bytes((CLIPS / RECORDED).read_bytes() + k.encode())
    assert compare(tmp_path / "1", tmp_path / "2") == 0
    assert len(list((tmp_path / "out" / "traces").iterdir())) == 2


def test_a_single_clip_or_none_that_can_be_compared_is_bad_input(compare, tmp_path):
    for name in ("cut1.wav", "cut2.wav"):
        (tmp_path / name).write_bytes((CLIPS / RECORDED).read_bytes())
    with pytest.raises(InputError, match="truncated"):
        compare(tmp_path / "cut1.wav")
    with pytest.raises(InputError, match=r"none of 2 clips can be compared; the first, .*cut1\.wav: truncated"):
        compare(tmp_path)
    assert not (tmp_path / "out").exists()


def test_what_a_folder_holds_besides_is_listed_and_the_table_explained(compare, tmp_path, capsys):
    folder = tmp_path / "clips"
    folder.mkdir()
    for name in ("a.wav", "song without a suffix", "notes.txt"):
        (folder / name).write_bytes((CLIPS / RECORDED).read_bytes())
    assert compare(folder) == 0
    said = capsys.readouterr().out
    assert said.count("passed over: ") == 2 and "song without a suffix" in said
    for word in ("isolated: ", "chained: ", "needed: ", "allowed: "):
        assert word in said


def test_the_writing_of_a_report_is_said_where_it_lasts(compare, tmp_path, monkeypatch):
    (tmp_path / "a.wav").write_bytes((CLIPS / RECORDED).read_bytes())
    lasting, heard = [], []

    @contextmanager
    def spied(what):
        lasting.append(what())
        yield
        lasting.pop()

    monkeypatch.setattr(comparing, "patience", spied)
    monkeypatch.setattr(comparing.Report, "_pictures", lambda *_: heard.append(list(lasting)) or [])
    assert compare(tmp_path / "a.wav") == 0
    assert heard == [["writing the report"]]


def test_a_report_says_of_which_clips_it_has_pictures(compare, tmp_path, monkeypatch):
    monkeypatch.setattr(comparing.Report, "_pictures", lambda *_: [])
    for number in range(8):
        (tmp_path / f"{number}.wav").write_bytes((CLIPS / RECORDED).read_bytes())
    assert compare(*sorted(tmp_path.glob("*.wav"))) == 0
    assert "Pictures of 6 of the 8 clips" in (tmp_path / "out/report.html").read_text()
    assert compare(tmp_path / "0.wav") == 0
    assert "Pictures of" not in (tmp_path / "out/report.html").read_text()


@pytest.mark.parametrize(
    ("decoder", "strict", "options"),
    [(None, False, {}), ("pyav", False, {"decoder": "pyav"}), (None, True, {"strict": True}),
     ("pyav", True, {"decoder": "pyav", "strict": True})],
)  # fmt: skip
def test_a_runners_settings_hold_what_was_chosen(decoder, strict, options):
    assert comparing.settings("deepsound_crnn", None, None, decoder, strict=strict).options == options
    assert comparing.settings("deepsound_crnn", None, "tensorflow").backend == "tensorflow"


def test_one_clip_that_cannot_be_read_is_refused_and_of_several_it_is_listed(tmp_path):
    good, absent, faults = CLIPS / RECORDED, tmp_path / "absent.wav", {}
    with pytest.raises(InputError):
        comparing._opened([absent], faults)
    assert not faults
    assert [clip.path for clip in comparing._opened([absent, good], faults)] == [good] and list(faults) == [str(absent)]


@pytest.mark.parametrize(("named", "here"), [(False, False), (True, False), (True, True)])
def test_where_the_original_is_and_whether_it_is_here(monkeypatch, tmp_path, named, here):
    place = tmp_path if here else tmp_path / "absent"
    monkeypatch.setattr(comparing.fetching, "upstream_folder", lambda one: place)
    source = SimpleNamespace(url="https://example.org/x", commit="0123456789abcdef") if named else None
    one = SimpleNamespace(name="own", file=SimpleNamespace(upstream=source, licence="MIT"))
    fetched = "fetched" if here else "not here yet (reprise fetch own)"
    said = f"https://example.org/x 0123456789ab, MIT; {fetched}" if named else "none named, MIT"
    assert comparing._upstream(one) == said

"""Text from elsewhere is shown, not obeyed."""

import io
import os

import pytest
from rich.table import Table
from rich.text import Text

from reprise_kit.compare.screen import console
from reprise_kit.compare.shown import say, shown, utf8


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("plain caf\u00e9 \u97f3\u697d \U0001f3b5", "plain caf\u00e9 \u97f3\u697d \U0001f3b5"),
        ("\x1b[31mred\x07\x9b", "\\x1b[31mred\\x07\\x9b"),
        ("line\nforged: ok\r\t\u2028", "line\\nforged: ok\\r\\t\\u2028"),
        ("\u202egnp.wav", "\\u202egnp.wav"),
        (os.fsdecode(b"caf\xe9"), "caf\\xe9"),
        ("\ud800\udbff", "\\ud800\\udbff"),
        ("[bold]x[/] [live] :smile:", "[bold]x[/] [live] :smile:"),
    ],
)
def test_plain_and_rich_show_the_same(text, seen):
    assert shown(text) == seen
    screen = console()
    screen.file = io.StringIO()
    screen.print(text, soft_wrap=True)
    table = Table("name")
    table.add_row(text)
    screen.print(table)
    said = screen.file.getvalue()
    assert said.splitlines()[0] == seen and seen in said.split("\n", 1)[1]


def test_every_character_is_one_printable_line():
    everything = "".join(map(chr, range(0x3000))) + "".join(map(chr, range(0xD7F0, 0xE010)))
    seen = shown(everything)
    assert len(seen.splitlines()) == 1 and not [c for c in seen if c < " " or 0x7F <= ord(c) < 0xA0]
    seen.encode("utf-8")


def test_a_path_as_text_and_as_its_bytes():
    assert utf8("caf\u00e9") == ("caf\u00e9", None)
    assert utf8(os.fsdecode(b"caf\xe9/\xff")) == ("caf\\xe9/\\xff", b"caf\xe9/\xff")


LINE = (
    "  upstream https://example.org/a/long/address/that/stays/whole aaa, MIT; not here yet (reprise fetch it) aaa aaa"
)


class _Screen(io.StringIO):
    def isatty(self):
        return True


def _as_said(line, stream, monkeypatch):
    monkeypatch.setattr("sys.stdout", stream)
    say(line)
    return stream.getvalue()


def _as_printed(line, stream, monkeypatch):
    screen = console()
    screen.file = stream
    screen.print(line, soft_wrap=True)
    return stream.getvalue()


@pytest.mark.parametrize("given", [_as_said, _as_printed])
def test_a_terminal_gets_lines_cut_between_words_and_a_file_gets_them_whole(given, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("TERM", "xterm")
    assert given(LINE, io.StringIO(), monkeypatch) == f"{LINE}\n"
    lines = given(LINE, _Screen(), monkeypatch).splitlines()
    assert "".join(lines).split() != lines and " ".join(lines).split() == LINE.split()
    assert [len(line) - len(line.lstrip()) for line in lines] == [2, *[4] * (len(lines) - 1)]
    assert all(len(line) <= 40 or len(line.split()) == 1 for line in lines) and len(lines) > 2


def test_style_goes_with_the_words_that_it_is_on(monkeypatch):
    monkeypatch.setenv("COLUMNS", "20")
    monkeypatch.setenv("TERM", "xterm")
    screen = console()
    screen.file, text = _Screen(), Text.assemble("aaaa aaaa aaaa aaaa ", ("bold aaaa", "bold"))
    wrapped = screen._wrapped(text)
    assert wrapped.plain == "aaaa aaaa aaaa aaaa\n  bold aaaa"
    assert [wrapped.plain[span.start : span.end] for span in wrapped.spans] == ["bold aaaa"]

"""Text from elsewhere is shown, not obeyed."""

import io
import os

import pytest
from rich.table import Table

from reprise_kit.compare.screen import console
from reprise_kit.compare.shown import shown, utf8


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

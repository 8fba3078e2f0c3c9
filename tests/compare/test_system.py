"""A description is not read where its text alone could take a reader's time and memory."""

import pytest

from reprise_kit.compare import system
from reprise_kit.compare.errors import InputError


@pytest.mark.parametrize(
    ("lines", "refused"),
    [
        (["a" + ".a" * 3162], False),
        (["a" + ".a" * 3163], True),
        (["a" + ".a" * 2300] * 2, True),
        (["a.b"] * 5000, False),
    ],
)
def test_keys_of_too_many_parts(tmp_path, lines, refused):
    """tomllib keeps every beginning of a dotted key: the square of its parts, 10 million in all."""
    path = tmp_path / "system.toml"
    path.write_text("\n".join(lines))
    if refused:
        with pytest.raises(InputError, match="keys of too many parts"):
            system._text(path)
    else:
        assert system._text(path) == path.read_text()


def test_what_is_no_plain_file_or_too_large_is_not_read(tmp_path, monkeypatch):
    with pytest.raises(InputError, match="no plain file"):
        system._text(tmp_path)
    path = tmp_path / "system.toml"
    path.write_text("12345")
    monkeypatch.setattr(system, "LARGEST", 5)
    assert system._text(path) == "12345"
    monkeypatch.setattr(system, "LARGEST", 4)
    with pytest.raises(InputError, match="5 bytes; a description"):
        system._text(path)

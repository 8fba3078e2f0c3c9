"""What `--help` says of every command, at 80 columns: nothing without a word, no name cut in two."""

import re

import click
import pytest

from reprise_kit.cli import cli

WIDTH = 80
CUT = re.compile(r"(?:\S*[/._]\S*|--\w\S*)-$", re.M)  # the name of a file or an option, broken at its hyphen
NAMES = sorted(cli.commands)


def shown(name: str) -> list[str]:
    command = cli.commands[name] if name else cli
    return command.get_help(click.Context(command, info_name=f"reprise {name}", terminal_width=WIDTH)).splitlines()


def test_there_are_commands():
    assert len(NAMES) >= 20


@pytest.mark.parametrize("name", NAMES)
def test_every_option_says_what_it_is(name):
    silent = [p.name for p in cli.commands[name].params if isinstance(p, click.Option) and not (p.help or "").strip()]
    assert not silent


@pytest.mark.parametrize("name", ["", *NAMES])
def test_no_line_is_wide_or_ends_within_a_name(name):
    for line in shown(name):
        assert len(line) <= WIDTH, line
        assert not CUT.search(line), line


def test_a_name_cut_in_two_is_seen():
    command = click.Command("x", help="x" * 60 + " see docs/demo-api.md for the rest", params=[])
    text = command.get_help(click.Context(command, terminal_width=WIDTH))
    assert CUT.search(text)

"""The bar that is seen while something goes on."""

import itertools

import pytest

from reprise_kit.compare.bar import bar, tracked


def test_it_is_no_part_of_what_a_command_says():
    shown = bar("reading", 3)
    assert shown.console.stderr and shown.disable is not shown.console.is_terminal
    assert [(task.description, task.total) for task in shown.tasks] == [("reading", 3)]


@pytest.mark.parametrize("things", [[1], [1, 2, 3]])
@pytest.mark.parametrize("seen", [1, 3])
def test_outside_of_a_terminal_it_adds_no_line_when_its_iterator_is_closed(things, seen, capsys):
    """A command that failed among many clips said an empty line, too, when its iterator was collected: whenever."""
    going = iter(tracked(things, "counting"))
    assert list(itertools.islice(going, seen)) == things[:seen]
    going.close()
    assert capsys.readouterr() == ("", "")

"""The bar that is seen while something goes on."""

from reprise_kit.compare.bar import bar


def test_it_is_no_part_of_what_a_command_says():
    shown = bar("reading", 3)
    assert shown.console.stderr and shown.disable is not shown.console.is_terminal
    assert [(task.description, task.total) for task in shown.tasks] == [("reading", 3)]

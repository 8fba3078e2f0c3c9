"""A long silence is broken by a line; a short one is left."""

import time

from reprise_kit.compare.patience import patience


def test_a_line_while_it_lasts_and_none_after(capsys):
    with patience(lambda: "building", every=0.05):
        time.sleep(0.2)
    lines = capsys.readouterr().err.splitlines()
    assert 1 <= len(lines) <= 5 and all(line.startswith("building ... ") for line in lines)
    time.sleep(0.1)
    with patience(lambda: "quick", every=5):
        pass
    assert capsys.readouterr().err == ""


def test_of_two_the_inner_one_speaks(capsys):
    with patience(lambda: "outer", every=0.05), patience(lambda: "inner", every=0.05):
        time.sleep(0.2)
    lines = capsys.readouterr().err.splitlines()
    assert lines and all(line.startswith("inner ... ") for line in lines)

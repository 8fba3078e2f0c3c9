"""A mutant that is put into a running process is what its tests meet, through the tables of the kit too."""

import ast

import pytest

from reprise_kit.compare.system import ROOT
from reprise_kit.port.keras_legacy.rules.context import RULES
from tests.mutation.inside import put
from tests.port.keras_legacy.rules import parts

PATH = "port/keras_legacy/rules/resize.py"


@pytest.mark.parametrize(
    ("old", "new", "length"), [('get("padding", 1)', 'get("padding", 2)', 7), ("* 2", "* 3", None)]
)
def test_a_rule_is_met_through_the_table_of_rules(old: str, new: str, length: int | None) -> None:
    good = (ROOT / PATH).read_text()
    mutant = ast.unparse(ast.parse(good.replace(old, new, 1)))
    rules, padding = dict(RULES), parts.node("ZeroPadding1D")
    try:
        put(PATH, mutant, good)
        assert rules == RULES
        if length is None:
            with pytest.raises(Exception, match="padding"):
                parts.computed(padding, parts.numbers(1, 3, 1))
        else:
            assert parts.computed(padding, parts.numbers(1, 3, 1)).shape[1] == length
    finally:
        put(PATH, good, mutant)
    assert parts.computed(padding, parts.numbers(1, 3, 1)).shape[1] == 5

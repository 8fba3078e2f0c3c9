"""Arrays that do not fit are refused, before room is made for what a config asks."""

import pytest

from reprise_kit.compare.errors import InputError
from tests.port.keras_legacy.rules.parts import computed, node, numbers


@pytest.mark.parametrize(("shape", "words"), [((4, 4), "do not fit"), ((3,), "its config asks for weights of")])
def test_arrays_that_do_not_fit(shape: tuple[int, ...], words: str) -> None:
    with pytest.raises(InputError, match=words):
        computed(node("Dense", {"W": numbers(*shape), "b": numbers(4)}, output_dim=4), numbers(2, 3))
    with pytest.raises(InputError, match="the file holds no W, b"):
        computed(node("Dense", {}, output_dim=4), numbers(2, 3))


def test_no_room_is_made_for_more_than_the_file_holds() -> None:
    made = node("Dense", {"W": numbers(3, 4), "b": numbers(4)}, output_dim=10**9)
    with pytest.raises(InputError, match="its config asks for weights of"):
        computed(made, numbers(2, 3))
    made.config["output_dim"] = 4
    assert computed(made, numbers(2, 3)).shape == (2, 4)

"""What every rule shares: names, layouts, whole numbers, what is asked for, and layers that are made once."""

from typing import Any

import keras
import numpy as np
import pytest

from reprise_kit.compare.errors import InputError
from reprise_kit.port.keras_legacy.rules import context as contexts
from reprise_kit.port.keras_legacy.rules.context import RULES, integer, integers, once, safe_name
from tests.port.keras_legacy.rules.parts import context, node, numbers


@pytest.mark.parametrize(
    ("wanted", "given"),
    [("conv_1", "conv_1"), ("a/b.c:0", "a_b_c_0"), ("+1", "layer_1"), ("_x", "layer_x"), ("-x", "layer-x"),
     ("", "layer"), ("9z", "9z"), ("x" * 101, "x" * 100), ("_" * 100, "layer" + "_" * 95), ("é", "layer_")],
)  # fmt: skip
def test_names_that_every_export_takes(wanted: str, given: str) -> None:
    assert safe_name(wanted) == given
    found = context()
    assert [found.name(wanted) for _ in range(3)] == [given, f"{given}_2", f"{given}_3"]
    assert found.renamed == {wanted: f"{given}_2" if wanted == given else given}
    found.enter()
    assert found.name(given) == given  # a nested model has names of its own
    found.leave()
    assert found.name(given) == f"{given}_4"


@pytest.mark.parametrize("shape", [(3, 5), (3, 4, 5), (3, 4, 5, 6)])
def test_images_turn_and_come_back(shape: tuple[int, ...]) -> None:
    found, x = context(), keras.Input(shape)
    last = found.to_last(x, "a")
    back = found.from_last(last, "b")
    assert last.shape == (None, *shape[1:], shape[0]) and back.shape == x.shape
    assert found.twin(back) is last and found.to_last(back, "c") is last and found.twin(x) is None
    given = numbers(2, *shape)
    np.testing.assert_array_equal(keras.Model(x, last)(given), np.moveaxis(given, 1, -1))
    np.testing.assert_array_equal(keras.Model(x, back)(given), given)


@pytest.mark.parametrize("ordering", ["th", "tf"])
def test_a_layer_of_images_sees_the_channels_last(ordering: str) -> None:
    found, x, seen = context(), keras.Input((3, 4, 5)), []

    def layer(y: Any) -> Any:
        seen.append(y.shape)
        return y

    assert found.spatial(node("Layer"), x, ordering, layer).shape == x.shape
    assert seen == [(None, 4, 5, 3) if ordering == "th" else (None, 3, 4, 5)]


@pytest.mark.parametrize("turned", [True, False])
def test_what_acts_on_numbers_alone_meets_the_twin(turned: bool) -> None:
    found, last = context(), keras.Input((4, 5, 3))
    x = found.from_last(last, "x") if turned else keras.Input((3, 4, 5))
    seen: list[Any] = []
    y = found.elementwise(node("Layer"), lambda one: seen.append(one) or one)(x)
    assert seen == [last if turned else x] and (found.twin(y) is last) is turned


def test_masks_are_given_and_taken() -> None:
    found, x, mask = context(), keras.Input((3, 2)), keras.Input((3,), dtype="bool")
    assert found.mask(x) is None
    found.set_mask(x, mask)
    assert found.mask(x) is mask
    found.set_mask(x, None)
    assert found.mask(x) is None


@pytest.mark.parametrize(("value", "number"), [(3, 3), (3.0, 3), ("3", 3), (-1, -1), (0, 0)])
def test_whole_numbers(value: Any, number: int) -> None:
    assert integer(value, node("Dense"), "units") == number and isinstance(integer(value, node("Dense"), "n"), int)
    assert integers([value, 2], node("Dense"), "sizes") == (number, 2) == integers((value, 2), node("Dense"), "sizes")


@pytest.mark.parametrize("value", [2.5, "two", None, [2]])
def test_no_whole_number_is_refused(value: Any) -> None:
    with pytest.raises(InputError, match=r"layer dense: units is .*, a whole number is needed"):
        integer(value, node("Dense"), "units")
    if not isinstance(value, list):
        with pytest.raises(InputError, match=r"layer dense: sizes is .*, a list of whole numbers is needed"):
            integers(value, node("Dense"), "sizes")


def test_what_no_file_says_is_asked_for() -> None:
    with pytest.raises(InputError, match="this depends on the Keras version"):
        context().known_version("this")
    assert context(version=(1, 0)).known_version("this") == (1, 0)
    with pytest.raises(InputError, match=r"layer dense: it did so; say --legacy-bugs keep"):
        context().bug(node("Dense"), "it did so")
    for said, kept in (("keep", True), ("fix", False)):
        found = context(legacy_bugs=said)
        assert found.bug(node("Dense"), "it did so") is kept and found.notes == [f"layer dense: it did so; {said}"]


def test_what_is_given_in_place_of_a_layer() -> None:
    found = context(replace={"Dense": len, "d": str})
    dense = node("Dense")
    dense.name = "d"
    assert found.replacement(dense) is str and found.replaced == {"d"}
    dense.name = "e"
    assert found.replacement(dense) is len and found.replaced == {"d", "Dense"}
    assert found.replacement(node("Flatten")) is None and found.given("x", "d") is str


def test_sizes_that_keras_1_misjudged() -> None:
    found = context()
    found.by_size(node("Cropping1D"))
    found.misjudged.add("conv")
    with pytest.raises(InputError, match="the size that Keras 1 believed conv to have"):
        found.by_size(node("Cropping1D"))


def test_a_node_is_one_layer_however_often_it_is_called() -> None:
    made, found, x = node("Dense", {"W": numbers(3, 3)}, output_dim=3, bias=False), context(), keras.Input((3,))
    assert len(keras.Model(x, [found.call(made, x), found.call(made, x)]).weights) == 1
    assert found.apply(made) is found.apply(made)
    with pytest.raises(InputError, match="the class Ghost is not one of Keras 1's"):
        found.call(node("Ghost"), x)
    with pytest.raises(InputError, match=r"layer dense \(Dense\) cannot be built: KeyError: 'output_dim'"):
        found.call(node("Dense"), x)


def test_layers_that_need_sizes_are_made_at_the_first_call() -> None:
    asked: list[int] = []
    apply = once(lambda x: asked.append(x) or (lambda y: x + y))
    assert [apply(1), apply(5)] == [2, 6] and asked == [1]


def test_a_rule_stands_under_each_of_its_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contexts, "RULES", {})
    assert contexts.rule("A", "B")(len) is len
    assert list(contexts.RULES.items()) == [("A", len), ("B", len)]
    assert len(RULES) > 80

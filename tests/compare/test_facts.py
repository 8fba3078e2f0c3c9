"""The table of what belongs together: days and versions."""

import pytest

from reprise_kit.compare.facts import keras_day, keras_of, load, numbers


def test_the_newest_keras_of_a_day() -> None:
    releases = load().keras.releases
    version, first = releases[len(releases) // 2]
    assert keras_day(version) == first.isoformat() and keras_day("99.0") is None
    newest = max((v for v, day in releases if day <= first), key=numbers)
    assert keras_of(first.isoformat()) == newest and numbers(newest) > (0,)
    assert keras_of("2000-01-01") is None


@pytest.mark.parametrize(("version", "found"), [("1.10", (1, 10)), ("2.1.6-tf", (2, 1, 6)), ("1.2.3.4", (1, 2, 3))])
def test_a_version_is_its_first_three_numbers(version: str, found: tuple[int, ...]) -> None:
    assert numbers(version) == found

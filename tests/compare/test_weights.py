"""What an answer's values are called."""

from types import SimpleNamespace

import pytest

from reprise_kit.compare.weights import _noun


@pytest.mark.parametrize(
    ("axes", "noun"), [([("n_frames", "n_bands"), ("n_steps", "n_genres")], "genres"), ([("label",)], "label")]
)
def test_labels_are_called_as_the_last_axis(axes, noun):
    assert _noun(SimpleNamespace(stages=[SimpleNamespace(axes=one) for one in axes])) == noun

"""Every other system's original in the image of its environment, against its port."""

import pytest

from reprise_kit.compare import registry
from tests.original.test_live_systems import NAMES, agree

IN_CONTAINERS = [name for name in NAMES if registry.load(name).file.environments]


def test_each_image_is_used():
    assert {"music_tagger_cnn", "music_tagger_crnn", "compact_cnn"} <= set(IN_CONTAINERS)


@pytest.mark.parametrize("name", IN_CONTAINERS)
def test_the_port_agrees_with_the_original_in_its_image(kit, name):
    agree(name, "docker")

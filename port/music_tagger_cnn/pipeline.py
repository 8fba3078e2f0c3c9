"""The data path of the CNN tagger; its steps are in port.choi.pipeline."""

from pathlib import Path
from typing import Any

from port.choi.blocks import KERAS_106_THEANO, Statistics
from port.choi.pipeline import TaggerPipeline
from port.music_tagger_cnn import model

TAPS = {
    "bn_0_freq": ("bn_0_freq", "input"),
    "pool1": ("pool1", "bn_0_freq"),
    "pool2": ("pool2", "pool1"),
    "pool3": ("pool3", "pool2"),
    "pool4": ("pool4", "pool3"),
    "pool5": ("pool5", "pool4"),
    "tags": ("output", "pool5"),
}


def open_pipeline(
    weights: Path, source_backend: str, statistics: Statistics = KERAS_106_THEANO, **options: Any
) -> TaggerPipeline:
    """Open the CNN tagger.

    statistics: how running_std is read; the default is the live original's (Keras 1.0.6 on Theano).
    decoder: "pyav" or "ffmpeg". fix_quirks: decode a file as it is meant. resampler: "fourier" or "sinc_best".
    window_shift: samples at 12 kHz by which the window starts later. network_input: "raw" decibels, as the original,
    or "standardised", with which the stored statistics agree.
    """
    network = model.load(weights, source_backend, statistics)
    return TaggerPipeline(network, TAPS, weights, source_backend, statistics, **options)

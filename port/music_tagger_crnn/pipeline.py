"""The data path of the CRNN tagger; its steps and options are in port.choi.pipeline."""

from pathlib import Path
from typing import Any

from reprise_kit.port.choi.blocks import KERAS_110, Statistics
from reprise_kit.port.choi.pipeline import TaggerPipeline
from reprise_kit.port.music_tagger_crnn import model

LAYERS = ("bn_0_freq", "pool1", "pool2", "pool3", "pool4", "gru1", "gru2", "output")


def open_pipeline(
    weights: Path, source_backend: str, statistics: Statistics = KERAS_110, **options: Any
) -> TaggerPipeline:
    """Open the CRNN tagger; options: TaggerPipeline's.

    statistics: how running_std is read; the default is the live original's (Keras 1.1.0).
    """
    network = model.load(weights, source_backend, statistics)
    return TaggerPipeline(network, LAYERS, statistics, weights, source_backend, **options)

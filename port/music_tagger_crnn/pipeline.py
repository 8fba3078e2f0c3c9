"""The data path of the CRNN tagger; its steps and options are in port.choi.pipeline."""

from pathlib import Path

from reprise_kit.port.music_tagger_crnn import model
from reprise_kit.port.shared.choi.blocks import KERAS_110, Statistics
from reprise_kit.port.shared.choi.tagger import Options, TaggerPipeline, original_refuses

LAYERS = ("bn_0_freq", "pool1", "pool2", "pool3", "pool4", "gru1", "gru2", "output")

__all__ = ["Options", "open_pipeline", "original_refuses"]


def open_pipeline(
    weights: Path, source_backend: str, options: Options | None = None, statistics: Statistics = KERAS_110
) -> TaggerPipeline:
    """Open the CRNN tagger.

    statistics: how running_std is read; the default is the live original's (Keras 1.1.0).
    """
    network = model.load(weights, source_backend, statistics)
    return TaggerPipeline(network, LAYERS, statistics, weights, source_backend, options or Options())

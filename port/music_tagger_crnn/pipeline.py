"""The data path of the CRNN tagger; its steps and options are in port/shared/choi/tagger.py."""

from reprise_kit.port.music_tagger_crnn import model
from reprise_kit.port.shared.choi.blocks import KERAS_110
from reprise_kit.port.shared.choi.tagger import Options, opener, original_refuses

LAYERS = ("bn_0_freq", "pool1", "pool2", "pool3", "pool4", "gru1", "gru2", "output")

__all__ = ["Options", "open_pipeline", "original_refuses"]

# The live original: Keras 1.1.0.
open_pipeline = opener(model.load, LAYERS, KERAS_110)

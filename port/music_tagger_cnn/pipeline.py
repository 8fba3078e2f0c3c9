"""The data path of the CNN tagger; its steps and options are in port/shared/choi/tagger.py."""

from reprise_kit.port.music_tagger_cnn import model
from reprise_kit.port.shared.choi.blocks import KERAS_106_THEANO
from reprise_kit.port.shared.choi.tagger import Options, opener, original_refuses

LAYERS = ("bn_0_freq", "pool1", "pool2", "pool3", "pool4", "pool5", "output")

__all__ = ["Options", "open_pipeline", "original_refuses"]

# The live original: Keras 1.0.6 on Theano.
open_pipeline = opener(model.load, LAYERS, KERAS_106_THEANO)

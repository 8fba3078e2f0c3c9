# -*- coding: utf-8 -*-
"""Traces the untouched feature extractor in Python 2.7: audio in, the 160 features out.

Upstream's easy_feature_extraction loads `weights_transfer/weights_layerK_theano.hdf5` from the working directory: it is
imported and called in a folder that links the given layer-4 file and its four siblings under those names.
"""
import os
import sys

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, 'eras'))
import adapter  # noqa: E402


class Original(object):
    """The five models, loaded once, with their taps in place."""

    def __init__(self, upstream, weights, backend):
        self.audio = adapter.Audio()
        os.chdir(adapter.linked_layers(weights, 'weights_transfer/weights_layer%%d_%s.hdf5' % backend))
        import easy_feature_extraction
        self.upstream = easy_feature_extraction
        self.models = [self.upstream.load_model(layer) for layer in range(5)]
        self.loaded = self.upstream.load_audio = adapter.Tap(self.upstream.load_audio)

    def trace(self, clip):
        features = self.upstream._predict_one((clip + '\n', self.models))
        native, rate = self.audio.native()
        samples = self.loaded.left[0, 0].astype('float32')  # exact: float32 values, in float64 where it padded
        arrays = {'native': native, 'samples': samples, 'features': np.asarray(features, 'float32')}
        return arrays, {'native_rate': rate, 'duration': len(native) / float(rate)}


if __name__ == '__main__':
    sys.exit(adapter.main('transfer_learning_music', Original))

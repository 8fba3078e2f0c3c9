# -*- coding: utf-8 -*-
"""Traces the untouched CRNN in Python 2.7: what left every stage on the way to its answer (see eras/adapter.py).

Held to the original: what entered the network is bit-equal to what `load_track` returned, and the step probabilities
read off the layers are bit-equal to what `recognize` returned. Upstream's feature array is a view that is later
written in place: every tap copies at the moment an array passes.
"""
import os
import sys

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, 'eras'))
import adapter  # noqa: E402

LAYERS = ('convolution_1', 'convolution_2', 'convolution_3', 'lstm_1')
STEP_LAYER, CLIP_LAYER = 'output_realtime', 'output_merged'


class Original(object):
    """The recognizer, loaded once, with its taps in place."""

    def __init__(self, upstream, weights, backend):
        self.audio = adapter.Audio()
        if self.audio.resampler != 'scipy.signal.resample':
            raise adapter.Refused(
                'scikits.samplerate is installed: librosa would resample with it; the original had none')
        import common
        import genre_recognizer
        self.layer_reader = common.get_layer_output_function
        self.tracked = genre_recognizer.load_track = adapter.Tap(genre_recognizer.load_track)
        built = genre_recognizer.model_from_yaml = adapter.Tap(genre_recognizer.model_from_yaml)
        architecture = os.path.join(upstream, 'models', 'model.yaml')
        self.recognizer = genre_recognizer.GenreRecognizer(architecture, weights)
        self.model = built.left
        self.network = self.recognizer.pred_fun = adapter.Tap(self.recognizer.pred_fun)
        self.readers = None

    def layers(self, features):
        """Outputs of the layers, each read by upstream's own reader (a joint function would round differently)."""
        if self.readers is None:
            self.readers = [self.layer_reader(self.model, name) for name in LAYERS + (STEP_LAYER, CLIP_LAYER)]
        return [read(features) for read in self.readers]

    def trace(self, clip):
        answer, duration = self.recognizer.recognize(clip)
        native, rate = self.audio.native()
        log_mel, _ = self.tracked.left
        entered = self.network.entered
        outputs = self.layers(entered)
        adapter.must_equal('what entered the network', entered[0], 'what load_track returned', log_mel)
        adapter.must_equal(
            'step_probs of the layers', outputs[len(LAYERS)], 'what recognize returned', np.asarray(answer))
        arrays = {'native': native, 'samples': self.audio.resampled.left, 'log_mel': log_mel}
        names = LAYERS + ('step_probs', 'clip_probs')
        arrays.update((name, np.asarray(value)[0]) for name, value in zip(names, outputs))
        return arrays, {'native_rate': rate, 'duration': float(duration)}


if __name__ == '__main__':
    sys.exit(adapter.main('deepsound_crnn', Original))

# -*- coding: utf-8 -*-
"""Traces the untouched compact tagger in Python 2.7: its five models' blocks and features, and its tags.

Upstream's main.main builds each model and loads `weights_layerK_theano.hdf5` from the working directory: it is called
in a folder that links the given layer-4 file and its four siblings under those names. prepare_audio.py is no program
(an unclosed string), so that its advice is followed here: librosa's load with duration=29, cut or padded to 348,000.
"""
import os
import sys

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, os.pardir, 'eras'))
import adapter  # noqa: E402

RATE, N_SAMPLES = 12000, 348000


def load_audio(path):
    import librosa
    samples, _ = librosa.load(path, sr=RATE, duration=29., mono=True)
    return np.concatenate([samples, np.zeros(max(0, N_SAMPLES - len(samples)), samples.dtype)])[:N_SAMPLES]


def left_inner(model):
    """A reader of what left the inner model, the blocks, in the outer one."""
    return adapter.reader(model, [model.layers[0].output, model.layers[1].get_output_at(-1)])


class Original(object):
    """The five extractors and the tagger, loaded once, with their taps in place."""

    def __init__(self, upstream, weights, backend):
        self.audio = adapter.Audio()
        sys.path.insert(0, os.path.join(upstream, 'compact_cnn'))
        import main
        os.chdir(adapter.linked_layers(weights, 'weights_layer%%d_%s.hdf5' % backend))
        self.extractors = [main.main('feature', layer) for layer in range(5)]
        self.tagger = main.main('tagger')
        self.readers = [left_inner(model) for model in self.extractors]

    def trace(self, clip):
        samples = load_audio(clip)
        native, rate = self.audio.native()
        batch = samples[np.newaxis, np.newaxis, :]
        arrays = {'native': native, 'samples': samples, 'tags': self.tagger.predict(batch)[0]}
        for layer, (model, read) in enumerate(zip(self.extractors, self.readers)):
            melgram, block = read(batch)
            arrays['melgram'], arrays['block_%d' % layer] = melgram[0], block[0]
            arrays['feature_%d' % layer] = model.predict(batch)[0]
        return arrays, {'native_rate': rate, 'duration': len(native) / float(rate)}


if __name__ == '__main__':
    sys.exit(adapter.main('compact_cnn', Original))

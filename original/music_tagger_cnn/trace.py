# -*- coding: utf-8 -*-
"""Traces the untouched CNN tagger in Python 2.7: what left every stage on the way to its tags (see py27/adapter.py).

Held to the original: what compute_melgram returned enters the network as it is, and the tags read off the layers are
bit-equal to what model.predict returned.
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, 'py27'))
import adapter  # noqa: E402

LAYERS = ('bn_0_freq', 'pool1', 'pool2', 'pool3', 'pool4', 'pool5', 'output')


class Original(object):
    """The tagger, loaded once, with its taps in place."""

    def __init__(self, upstream, weights, backend):
        self.audio = adapter.Audio()
        import audio_processor
        import music_tagger_cnn
        self.compute_melgram = audio_processor.compute_melgram
        self.model = music_tagger_cnn.MusicTaggerCNN(weights=None)
        self.model.load_weights(weights)  # not weights='msd', which looks in the working directory
        self.read = adapter.read_layers(self.model, LAYERS)

    def trace(self, clip):
        melgram = self.compute_melgram(clip)
        tags = self.model.predict(melgram)
        layers = self.read(melgram.astype('float32'))
        adapter.must_equal('tags of the layers', layers['output'], 'what predict returned', tags)
        native, (rate, _) = self.audio.resampled.entered, self.audio.resampled.others[:2]
        samples = self.audio.resampled.left
        arrays = {'native': native, 'samples': samples, 'melgram': melgram[0, 0]}
        arrays.update((name, layers[name][0]) for name in LAYERS)
        arrays['tags'] = arrays.pop('output')
        return arrays, {'native_rate': int(rate), 'duration': len(samples) / 12000.}


if __name__ == '__main__':
    sys.exit(adapter.main('music_tagger_cnn', Original))

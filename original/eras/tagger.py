# -*- coding: utf-8 -*-
"""What the two taggers' trace.py share: from a clip to what left every stage on the way to its tags.

Held to the original: what compute_melgram returned enters the network as it is, and the tags read off the layers are
bit-equal to what model.predict returned.
"""
import adapter

RATE = 12000.  # Hz


class Tagger(object):
    """An upstream tagger, loaded once, with its taps in place.

    A subclass has `layers`, the layers to read in order, the last of which is 'output', and `build`.
    """

    layers = ()

    def __init__(self, upstream, weights, backend):
        self.audio = adapter.Audio()
        import audio_processor
        self.compute_melgram = audio_processor.compute_melgram
        self.model = self.build()
        self.model.load_weights(weights)  # not weights='msd', which looks in the working directory
        self.read = adapter.read_layers(self.model, self.layers)

    def build(self):
        """Upstream's network without weights."""
        raise NotImplementedError

    def trace(self, clip):
        melgram = self.compute_melgram(clip)
        tags = self.model.predict(melgram)
        layers = self.read(melgram.astype('float32'))
        adapter.must_equal('tags of the layers', layers['output'], 'what predict returned', tags)
        native, rate = self.audio.native()
        samples = self.audio.resampled.left
        arrays = {'native': native, 'samples': samples, 'melgram': melgram[0, 0]}
        arrays.update((name, layers[name][0]) for name in self.layers)
        arrays['tags'] = arrays.pop('output')
        return arrays, {'native_rate': rate, 'duration': len(samples) / RATE}

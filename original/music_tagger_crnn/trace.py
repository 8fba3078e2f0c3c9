# -*- coding: utf-8 -*-
"""Traces the untouched CRNN tagger in Python 2.7; what it shares with the other one is in eras/tagger.py."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, 'eras'))
import adapter  # noqa: E402
import tagger  # noqa: E402


class Original(tagger.Tagger):
    """The CRNN tagger, loaded once, with its taps in place."""

    layers = ('bn_0_freq', 'pool1', 'pool2', 'pool3', 'pool4', 'gru1', 'gru2', 'output')

    def build(self):
        import music_tagger_crnn
        return music_tagger_crnn.MusicTaggerCRNN(weights=None)


if __name__ == '__main__':
    sys.exit(adapter.main('music_tagger_crnn', Original))

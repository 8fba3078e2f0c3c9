# -*- coding: utf-8 -*-
"""Makes the kit's checkpoint with upstream's own training code, in Python 2.7, on the kit's clips.

    python make_fixture.py UPSTREAM CLIP_FOLDER OUT.h5

Labels are arbitrary (clip k is genre k modulo 10), so the checkpoint knows no genres. After training its convolution
kernels and its last layer are scaled up: predictions become confident and differ from step to step, so that an error
anywhere on the path shows in them.
"""
from __future__ import print_function

import os
import sys

import numpy as np

EPOCHS = 60
FRAMES = 64
LEFT_OUT = ('silence.wav', 'blue_room.flac', 'iron_morning.mp3', 'night_drive.mp3')  # the songs came later
CONVOLUTION_GAIN, OUTPUT_GAIN = 1.6, 14.0


def main(upstream, clips, out):
    sys.path.insert(0, upstream)
    import common
    import train_model
    np.random.seed(2016)
    names = sorted(n for n in os.listdir(clips) if not n.endswith('.py') and n not in LEFT_OUT)
    x = np.array([common.load_track(os.path.join(clips, n), (FRAMES, common.N_MELS))[0] for n in names])
    y = np.eye(len(common.GENRES))[np.arange(len(names)) % len(common.GENRES)]
    train_model.EPOCH_COUNT = EPOCHS
    model = train_model.train_model({'x': x, 'y': y})
    for layer in model.layers:
        weights = layer.get_weights()
        gain = {'convolution': CONVOLUTION_GAIN, 'timedistributed': OUTPUT_GAIN}.get(layer.name.split('_')[0])
        gain = CONVOLUTION_GAIN if layer.name.startswith('convolution') else gain
        if gain and weights:
            layer.set_weights([weights[0] * np.float32(gain)] + weights[1:])
    part = out + '.part'
    model.save_weights(part, overwrite=True)
    os.rename(part, out)
    step = common.get_layer_output_function(model, 'output_realtime')
    for name, features in zip(names, x):
        print(name, np.round(step(features[None])[0].max(axis=1), 2), step(features[None])[0].argmax(axis=1))


if __name__ == '__main__':
    main(*sys.argv[1:])

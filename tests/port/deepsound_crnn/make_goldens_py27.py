# -*- coding: utf-8 -*-
"""Python 2.7, NumPy 1.10.1: pickles as the original's cPickle writes them, and argpartition's order.

python2.7 tests/port/deepsound_crnn/make_goldens_py27.py
"""

import os

import cPickle
import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))


def pickles():
    x = np.random.RandomState(1).normal(size=(3, 2, 128)).astype(np.float32)
    y = np.eye(3, 10).astype(np.float32)
    paths = dict((i, "/m\xc3\xbasica/track.%05d.au" % i) for i in range(3))
    for protocol in (0, 1, 2):
        with open(os.path.join(HERE, "golden", "protocol%d.pkl" % protocol), "wb") as handle:
            cPickle.dump({"x": x, "y": y, "track_paths": paths}, handle, protocol)


def partitions():
    random, arrays = np.random.RandomState(5), {}
    for name, n, rounded in (("distinct", 300, False), ("ties", 300, True), ("few", 7, False), ("long", 1000, True)):
        values = random.normal(size=(n, 24)).astype(np.float32)
        arrays[name] = np.round(values) if rounded else values
        for count in (1, 2, 4):
            arrays["%s_%d" % (name, count)] = np.argpartition(arrays[name], -count, axis=0)[-count:].astype(np.int16)
    np.savez_compressed(os.path.join(HERE, "golden", "argpartition.npz"), **arrays)


if __name__ == "__main__":
    pickles()
    partitions()

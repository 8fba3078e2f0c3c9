# -*- coding: utf-8 -*-
"""Traces the untouched original's `extract_filters`, in Python 2.7: which sounds excite each filter most.

    python filters_trace.py --upstream DIR --weights FILE --data FILE.pkl --out DIR [--count 4]

It computes nothing of its own: it records which (track, frame) upstream maps back to samples, in upstream's order, and
lets upstream write its wavs. DIR gets `winners_LAYER` (n_filters, n_chunks, 2) int64 in trace.npz, trace.json, and
upstream's folders of wavs under wavs/. The pickle is one that `reprise dataset` wrote; Python 2.7 unpickles it here as
upstream does, so it must not come from elsewhere.
"""
import argparse
import cPickle
import os
import sys

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, 'eras'))
import adapter  # noqa: E402


class Recorded(dict):
    """Upstream's track_paths, which remembers the tracks that were asked for."""

    asked = None

    def __getitem__(self, track):
        self.asked.append([int(track)])
        return dict.__getitem__(self, track)


def tap(upstream, data):
    """Record tracks where upstream looks up their path, frames where it maps them back through the mel window."""
    undo, paths = upstream.undo_layer, Recorded(data['track_paths'])
    paths.asked = []

    def undo_and_record(length, stride, span):
        if (length, stride) == (upstream.WINDOW_SIZE, upstream.WINDOW_STRIDE):
            paths.asked[-1].append(int(span[0]))
        return undo(length, stride, span)

    upstream.undo_layer = undo_and_record
    data['track_paths'] = paths
    return paths.asked


def by_layer(asked, folder, n_filters, count):
    """Cut the record into layers and filters: upstream goes through them in order, half as many chunks per layer."""
    arrays, at = {}, 0
    for index, layer in enumerate(sorted(os.listdir(folder))):
        n = n_filters * (count // 2 ** index)
        arrays['winners_' + layer] = np.array(asked[at:at + n], np.int64).reshape(n_filters, -1, 2)
        at += n
    if at != len(asked):
        raise AssertionError('%d chunks recorded, %d expected' % (len(asked), at))
    return arrays


def run(options):
    sys.path.insert(0, options.upstream)
    import extract_filters as upstream
    with open(os.path.join(options.upstream, 'models', 'model.yaml')) as handle:
        model = upstream.model_from_yaml(handle.read())
    model.load_weights(options.weights)
    with open(options.data, 'rb') as handle:
        data = cPickle.load(handle)
    asked = tap(upstream, data)
    wavs = os.path.join(options.out, 'wavs')
    upstream.extract_filters(model, data, wavs, options.count)
    arrays = by_layer(asked, wavs, model.get_layer('convolution_1').nb_filter, options.count)
    about = {'side': 'original', 'python': sys.version.split()[0], 'packages': adapter.versions(),
             'weights_sha256': adapter.sha256(options.weights)}
    adapter.write(options.out, arrays, {
        'system': 'deepsound_crnn', 'clip': {'name': 'filters', 'sha256': adapter.sha256(options.data)}, 'scalars': {},
        'provenance': about})


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ('upstream', 'weights', 'data', 'out'):
        parser.add_argument('--' + name, required=True)
    parser.add_argument('--count', type=int, default=4)
    return adapter.run_once(run, parser.parse_args())


if __name__ == '__main__':
    sys.exit(main())

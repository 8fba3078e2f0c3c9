# -*- coding: utf-8 -*-
"""Traces the untouched original while it trains, in Python 2.7.

    python train_trace.py --upstream DIR --request FILE.npz --out DIR

It computes nothing of its own. Upstream's `train_model.train_model` splits the data, builds the model and compiles it;
the adapter steps in where upstream calls `fit`, because `fit` draws its own batches and cannot record weights between
them. From there the model's own compiled training function is called once per batch, under learning phase 0: the
switch inside Keras' dropout layers then passes values on without noise, and everything else is as in training.

The request holds (no pickles): x (n_tracks, n_frames, n_mels) float32, y (n_tracks, n_genres) float32, batches
(n_steps, batch_size) int rows of upstream's own training part, keep: the steps after which weights are recorded, and
every weight under `start/LAYER/NAME` by its Keras-1 names; without these the original starts from its own, and they are
recorded under `after_0/LAYER/NAME`.

DIR gets trace.npz: train_rows and val_rows (upstream's split), losses (n_steps,), accuracies (n_steps,) and the
weights and RMSprop's accumulators as `after_STEP/LAYER/NAME` and `accumulators_STEP/LAYER/NAME`; and trace.json.
"""
import argparse
import hashlib
import json
import os
import sys

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, 'eras'))
import adapter  # noqa: E402

DATA = ('x', 'y', 'batches', 'keep')


class FitReached(Exception):
    """Upstream's code has come to its call of `fit`."""


def build(upstream, x, y):
    """Run upstream up to `fit`; return (model, x_train, y_train, rows of the training part, rows of the rest)."""
    sys.path.insert(0, upstream)
    import keras.models
    import train_model
    split, rows, reached = train_model.train_test_split, [], []

    def keep_rows(*arrays, **options):
        rows.extend(split(np.arange(len(arrays[0])), **options))
        return split(*arrays, **options)

    def keep_model(model, x_train, y_train, **options):
        reached.extend((model, x_train, y_train))
        raise FitReached()

    train_model.train_test_split = keep_rows
    keras.models.Model.fit = keep_model
    try:
        train_model.train_model({'x': x, 'y': y})
    except FitReached:
        return reached + rows
    raise AssertionError('upstream trained without calling fit')


def variables(model):
    """Every weight's variable by LAYER/NAME."""
    return dict((layer.name + '/' + weight.name, weight) for layer in model.layers for weight in layer.weights)


def weights_of(model):
    from keras import backend
    return dict((name, np.array(backend.get_value(weight))) for name, weight in variables(model).items())


def accumulators_of(model):
    """RMSprop's running means of squared gradients, by the names of their weights."""
    from keras import backend
    names = dict((weight, name) for name, weight in variables(model).items())
    pairs = zip(model._collected_trainable_weights, model.optimizer.weights)
    return dict((names[weight], np.array(backend.get_value(running))) for weight, running in pairs)


def start_from(model, given):
    """Set every weight by name: none left over, none unset."""
    from keras import backend
    named = variables(model)
    if set(named) != set(given):
        raise adapter.Refused('the request starts other weights than the original has: %s' % (
            ', '.join(sorted(set(named) ^ set(given))[:4])))
    for name, weight in named.items():
        backend.set_value(weight, given[name])


def train(model, x, y, batches, keep):
    """One call of the model's compiled training function per batch, without dropout's noise."""
    model._make_train_function()
    losses, accuracies, kept = [], [], {}
    for step, rows in enumerate(batches, 1):
        loss, accuracy = model.train_function([x[rows], y[rows], np.ones(len(rows), np.float32), 0.])
        losses.append(float(loss))
        accuracies.append(float(accuracy))
        if step in keep:
            kept.update(('after_%d/%s' % (step, name), value) for name, value in weights_of(model).items())
            running = accumulators_of(model)
            kept.update(('accumulators_%d/%s' % (step, name), value) for name, value in running.items())
    return dict(kept, losses=np.array(losses, np.float64), accuracies=np.array(accuracies, np.float64))


def run(options):
    with np.load(options.request) as stored:
        given = dict((name, stored[name]) for name in stored.files)
    x, y, batches, keep = [given[name] for name in DATA]
    model, x_train, y_train, train_rows, val_rows = build(options.upstream, x, y)
    start = dict((name[len('start/'):], value) for name, value in given.items() if name.startswith('start/'))
    first = {}
    if start:
        start_from(model, start)
    else:
        first = dict(('after_0/' + name, value) for name, value in weights_of(model).items())
    arrays = train(model, x_train, y_train, batches, set(int(step) for step in keep))
    arrays.update(first, train_rows=train_rows, val_rows=val_rows)
    adapter.write(options.out, arrays, {
        'system': 'deepsound_crnn', 'clip': {'name': 'training', 'sha256': identity(given)}, 'scalars': {},
        'provenance': provenance()})


def identity(given):
    """SHA-256 over the request's arrays, name by name: both sides must have been given the same."""
    digest = hashlib.sha256()
    for name in sorted(given):
        array = np.ascontiguousarray(given[name])
        digest.update(('%s %s %s\n' % (name, array.dtype.str, array.shape)).encode('ascii'))
        digest.update(array.tobytes())
    return digest.hexdigest()


def provenance():
    from keras import backend
    import theano
    return {
        'side': 'original', 'backend': backend.backend(), 'python': sys.version.split()[0],
        'packages': adapter.versions(), 'floatx': backend.floatx(), 'theano_floatX': theano.config.floatX,
        'learning_phase': 0}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ('upstream', 'request', 'out'):
        parser.add_argument('--' + name, required=True)
    return adapter.run_once(run, parser.parse_args())


if __name__ == '__main__':
    sys.exit(main())

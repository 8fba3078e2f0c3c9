# -*- coding: utf-8 -*-
"""Traces the old program: what left every stage on the way to its answer. Runs where the old program runs.

It computes nothing of its own: it taps the functions of the untouched program. Python 2.7 or 3, with NumPy.

    python trace.py --weights FILE --clip INPUT --out FOLDER         # one trace: FOLDER/trace.npz and trace.json
    python trace.py --weights FILE --upstream DIR --backend NAME     # the same, asked line by line

In the second form each line of standard input is a JSON object {"clip": INPUT, "out": FOLDER}, and each answer one line
on standard output: {"ok": true} or {"error": "one line"}; the first answer says that the model is loaded.
"""
from __future__ import print_function

import argparse
import hashlib
import json
import os
import sys

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
# Stage of system.toml: the function of the old program that it leaves, and its dtype.
STAGES = (('letters', 'count', 'int64'), ('shares', 'share', 'float64'), ('scores', 'score', 'float64'),
          ('probs', 'softmax', 'float64'))


class Tap(object):
    """Stands in for a function and keeps what it returned."""

    def __init__(self, function):
        self.function = function

    def __call__(self, *args):
        self.left = self.function(*args)
        return self.left


class Original(object):
    """The old program, its weights loaded once, with its taps in place."""

    def __init__(self, weights):
        sys.path.insert(0, os.path.join(HERE, 'old'))
        import letters
        self.program = letters
        with open(weights) as handle:
            self.weights = json.load(handle)
        self.taps = {}
        for stage, function, _ in STAGES:
            self.taps[stage] = Tap(getattr(letters, function))
            setattr(letters, function, self.taps[stage])

    def trace(self, path):
        """Arrays by stage name, no batch axis; scalars by name."""
        self.program.recognise(path, self.weights)
        return dict((stage, np.array(self.taps[stage].left, dtype)) for stage, _, dtype in STAGES), {}


def sha256(path):
    with open(path, 'rb') as handle:
        return hashlib.sha256(handle.read()).hexdigest()


def trace_one(original, options, clip, out):
    """Write a trace, both files or neither."""
    arrays, scalars = original.trace(clip)
    about = {
        'system': os.path.basename(HERE), 'clip': {'name': os.path.basename(clip), 'sha256': sha256(clip)},
        'scalars': scalars,
        'provenance': {'side': 'original', 'backend': options.backend, 'python': sys.version.split()[0],
                       'weights_sha256': sha256(options.weights), 'packages': {'numpy': np.__version__}},
    }
    if not os.path.isdir(out):
        os.makedirs(out)
    np.savez_compressed(os.path.join(out, 'part.npz'), **arrays)
    with open(os.path.join(out, 'part.json'), 'w') as handle:
        json.dump(about, handle, indent=1, sort_keys=True)
    for kind in ('npz', 'json'):
        os.rename(os.path.join(out, 'part.' + kind), os.path.join(out, 'trace.' + kind))


def answered(work):
    """What to answer: whether it was done, or why not, in one line."""
    try:
        work()
    except Exception as error:
        return {'error': ' '.join(('%s: %s' % (type(error).__name__, error)).split())[:300]}
    return {'ok': True}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ('weights', 'upstream', 'backend', 'clip', 'out'):
        parser.add_argument('--' + name, required=name == 'weights')
    options = parser.parse_args()
    answers = os.fdopen(os.dup(1), 'w')
    os.dup2(2, 1)  # the old program may print: its words go to standard error, the answers keep standard output
    original = Original(options.weights)
    if options.clip:
        trace_one(original, options, options.clip, options.out)
        return
    requests = iter(sys.stdin.readline, '')
    print(json.dumps({'ok': True}), file=answers)
    answers.flush()
    for request in requests:
        asked = json.loads(request)
        print(json.dumps(answered(lambda: trace_one(original, options, asked['clip'], asked['out']))), file=answers)
        answers.flush()


if __name__ == '__main__':
    main()

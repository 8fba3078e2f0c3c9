# -*- coding: utf-8 -*-
"""The half of a trace.py that no system changes: requests in, one trace written for each input, errors in one line.

    python trace.py --weights FILE --clip INPUT --out FOLDER         # one trace: FOLDER/trace.npz and trace.json
    python trace.py --weights FILE --upstream DIR --backend NAME     # the same, asked line by line

In the second form each line of standard input is a JSON object {"clip": INPUT, "out": FOLDER}, and each answer one line
on standard output: {"ok": true} or {"error": "one line"}; the first answer says that the model is loaded.
Python 2.7 or 3, with NumPy.
"""
from __future__ import print_function

import argparse
import hashlib
import json
import os
import sys

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))


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
                       'weights_sha256': sha256(options.weights), 'packages': dict(original.packages, numpy=np.__version__)},
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


def main(make):
    """Trace what is asked for. make: called with the weights and the backend, returns an object with
    trace(path) -> (arrays by stage, no batch axis; scalars by name) and packages, versions by name."""
    parser = argparse.ArgumentParser()
    for name in ('weights', 'upstream', 'backend', 'clip', 'out'):
        parser.add_argument('--' + name, required=name == 'weights')
    options = parser.parse_args()
    answers = os.fdopen(os.dup(1), 'w')
    os.dup2(2, 1)  # the old program may print: its words go to standard error, the answers keep standard output
    original = make(options.weights, options.backend)
    if options.clip:
        trace_one(original, options, options.clip, options.out)
        return
    print(json.dumps({'ok': True}), file=answers)
    answers.flush()
    for request in iter(sys.stdin.readline, ''):
        asked = json.loads(request)
        print(json.dumps(answered(lambda: trace_one(original, options, asked['clip'], asked['out']))), file=answers)
        answers.flush()

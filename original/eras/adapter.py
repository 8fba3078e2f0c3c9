# -*- coding: utf-8 -*-
"""The half of a trace.py that no system changes: requests in, one trace written per clip, errors in one line.

A system's trace.py makes a class with `__init__(self, upstream, weights, backend)`, `trace(self, clip)` that returns
(arrays by stage, scalars), and gives it to `main`. It computes nothing of its own: it taps the untouched upstream.

    python trace.py --upstream DIR --weights FILE --backend theano|tensorflow|none --clip FILE --out DIR
    python trace.py --upstream DIR --weights FILE --backend theano|tensorflow|none    < requests

Backend none: a system without Keras.
In the second form each line of standard input is a JSON object {"clip": FILE, "out": DIR}, each answer one line on
standard output: {"ok": true} or {"error": "one line"}. Whatever upstream prints goes to standard error.
Each DIR gets trace.npz (one array per stage, no batch axis) and trace.json. Exit code 2 for what a person can mend.
"""
from __future__ import print_function

import argparse
import ctypes
import hashlib
import json
import os
import subprocess
import sys
import tempfile

import numpy as np


class Refused(Exception):
    """Something a person can mend; its text is one line."""


class Tap(object):
    """Stands in for a function and keeps copies of its first argument, its result and its other arguments."""

    def __init__(self, function):
        self.function = function
        self.entered = self.left = self.others = None

    def __call__(self, *args, **kwargs):
        self.entered, self.others = copied(args[0]), args[1:]
        result = self.function(*args, **kwargs)
        self.left = copied(result)
        return result


def copied(value):
    if isinstance(value, tuple):
        return tuple(copied(item) for item in value)
    return np.array(value) if isinstance(value, np.ndarray) else value


class Audio(object):
    """Taps on librosa.load: who decoded, what came out of the file, and what the resampler made of it."""

    def __init__(self):
        import librosa.core.audio as audio
        self.opened = audio.audioread.audio_open = Tap(audio.audioread.audio_open)
        self.resampled = audio.resample = Tap(audio.resample)
        self.resampler = 'libsamplerate' if getattr(audio, '_HAS_SAMPLERATE', False) else 'scipy.signal.resample'

    def clear(self):
        self.opened.left = self.resampled.entered = self.resampled.left = None

    def native(self):
        """What came out of the file, (n_native,) mono, and its rate in Hz."""
        return self.resampled.entered, int(self.resampled.others[0])

    def decoder(self):
        """Who decoded: Python's own reader, or the ffmpeg program and its version."""
        kind = type(self.opened.left).__name__
        if kind == 'RawAudioFile':
            return 'python'
        if kind == 'FFmpegAudioFile':
            for program in ('ffmpeg', 'avconv'):
                try:
                    return 'ffmpeg ' + subprocess.check_output([program, '-version']).splitlines()[0].split()[2]
                except (OSError, subprocess.CalledProcessError):
                    continue
        return kind


def reader(model, tensors):
    """A function of a batch that returns the values of tensors inside the model, not in training."""
    from keras import backend as K
    inputs = [model.input] + ([K.learning_phase()] if model.uses_learning_phase else [])
    zeros = [0] * (len(inputs) - 1)
    function = K.function(inputs, tensors)
    return lambda batch: [np.asarray(array) for array in function([batch] + zeros)]


def read_layers(model, names):
    """A function of a batch that returns {name: output} of layers; a joint one could round differently."""
    readers = [(name, reader(model, [model.get_layer(name).output])) for name in names]
    return lambda batch: dict((name, read(batch)[0]) for name, read in readers)


def linked_layers(weights, pattern):
    """A folder with links to a layer-4 file and its four siblings, named by `pattern` as an upstream asks for them."""
    folder = tempfile.mkdtemp(prefix='reprise-weights-')
    head, name = os.path.split(os.path.abspath(weights))
    for layer in range(5):
        path = os.path.join(head, name.replace('layer4', 'layer%d' % layer))
        if 'layer4' not in name or not os.path.isfile(path):
            raise Refused('%s: the original reads five files, weights_layer0 to 4 of one folder' % path)
        link = os.path.join(folder, pattern % layer)
        if not os.path.isdir(os.path.dirname(link)):
            os.makedirs(os.path.dirname(link))
        os.symlink(path, link)
    return folder


def must_equal(what, one, other_what, other):
    if one.shape != other.shape or one.tobytes() != other.tobytes():
        raise AssertionError('%s is not bit-equal to %s' % (what, other_what))


def text(said):
    return said.decode('utf-8', 'replace') if isinstance(said, bytes) else said


def native(path):
    """A path as this Python's own programs are given it: bytes in Python 2, whose subprocesses take no other names."""
    return path.encode('utf-8') if str is bytes else path


def one_line(error):
    """An error as one line of text; in Python 2 one that holds a file's name may be bytes or not."""
    try:
        said = text(str(error))
    except UnicodeError:
        said = error.args[0]
    return u' '.join(said.split())[:300]


def tell(error):
    """Write an error to standard error, whatever letters that can take."""
    said = u'%s: %s' % (text(os.path.basename(sys.argv[0])), one_line(error))
    print(said.encode('ascii', 'backslashreplace').decode('ascii'), file=sys.stderr)


def sha256(path):
    with open(path, 'rb') as handle:
        return hashlib.sha256(handle.read()).hexdigest()


def versions():
    import pkg_resources
    return dict((d.project_name, d.version) for d in pkg_resources.working_set)


def provenance(original, weights, backend):
    about = {
        'side': 'original', 'backend': backend, 'python': sys.version.split()[0], 'weights_sha256': sha256(weights),
        'packages': versions(),
    }
    if backend == 'none':
        return about
    import keras.backend
    about.update(floatx=keras.backend.floatx(), decoder=original.audio.decoder(), resampler=original.audio.resampler)
    if backend == 'theano':
        import theano
        about['theano_floatX'], about['theano_cxx'] = theano.config.floatX, theano.config.cxx
    return about


def write(folder, arrays, about):
    """Both files or neither: under a temporary name first."""
    if not os.path.isdir(folder):
        os.makedirs(folder)
    np.savez_compressed(os.path.join(folder, 'part.npz'), **arrays)
    with open(os.path.join(folder, 'part.json'), 'w') as handle:
        json.dump(about, handle, indent=1, sort_keys=True)
    for kind in ('npz', 'json'):
        os.rename(os.path.join(folder, 'part.' + kind), os.path.join(folder, 'trace.' + kind))


def trace_one(system, original, options, clip, out):
    if not os.path.isfile(clip):
        raise Refused('%s: no such file' % clip)
    if hasattr(original, 'audio'):
        original.audio.clear()
    try:
        arrays, scalars = original.trace(clip)
    except (Refused, AssertionError):
        raise
    except Exception as error:
        raise Refused('%s: the original failed on it (%s: %s)' % (
            text(os.path.basename(clip)), type(error).__name__, one_line(error)))
    write(out, arrays, {
        'system': system, 'clip': {'name': os.path.basename(clip), 'sha256': sha256(clip)},
        'scalars': scalars, 'provenance': provenance(original, options.weights, options.backend)})


def answer_requests(system, original, options, answers):
    for line in iter(sys.stdin.readline, ''):
        request = json.loads(line)
        try:
            trace_one(system, original, options, native(request['clip']), native(request['out']))
            answer = {'ok': True}
        except (Refused, AssertionError) as error:
            answer = {'error': one_line(error)}
        print(json.dumps(answer), file=answers)
        answers.flush()


def give_theano_a_blas():
    """Theano 0.8 has convolutions of the same size only with a BLAS to link to: NumPy's wheel carries one.

    NumPy has it loaded when Theano's modules ask for it by name, so that they need no search path.
    """
    flags = os.environ.get('THEANO_FLAGS', '')
    folder = os.path.join(os.path.dirname(np.__file__), '.libs')
    found = [name for name in (os.listdir(folder) if os.path.isdir(folder) else []) if name.startswith('libopenblas')]
    if found and 'blas.ldflags' not in flags:
        os.environ['THEANO_FLAGS'] = '%s,blas.ldflags=-L%s -l:%s' % (flags, folder, found[0])


def start_keras(backend):
    if backend == 'tensorflow':
        import shims
        shims.apply()
    else:
        give_theano_a_blas()
    from keras import backend as K
    running = K.backend() if hasattr(K, 'backend') else K._BACKEND  # Keras 1.0.6 has no function for it
    if running != backend:
        raise Refused('Keras runs on %s, not on %s: set KERAS_BACKEND' % (running, backend))
    K.set_image_dim_ordering('th')  # what every upstream here asks its user to write into keras.json


def open_original(make, options):
    if not os.path.isfile(options.weights):
        raise Refused('%s: no such file' % options.weights)
    if options.backend != 'none':
        start_keras(options.backend)
    sys.path.insert(0, options.upstream)
    try:
        return make(options.upstream, options.weights, options.backend)
    except (Refused, ImportError):
        raise
    except Exception as error:
        raise Refused('%s: the original cannot load these weights (%s: %s)' % (
            text(os.path.basename(options.weights)), type(error).__name__, one_line(error)))


def run_once(run, options):
    """Run an adapter that does one thing on Theano and ends; return its exit code."""
    os.dup2(2, 1)  # upstream prints freely
    os.environ['KERAS_BACKEND'] = 'theano'
    try:
        run(options)
    except (Refused, ImportError) as error:
        tell(error)
        return 2
    return 0


def end_with_parent():
    """Be killed when the process that started this one ends, however it ends (Linux; else the pipe tells, later).

    REPRISE_PARENT, its id: it may have ended already, while this one was importing.
    """
    try:
        ctypes.CDLL(None).prctl(1, 9)  # PR_SET_PDEATHSIG, SIGKILL
    except (AttributeError, OSError):
        pass
    if os.environ.get('REPRISE_PARENT', str(os.getppid())) != str(os.getppid()):
        sys.exit(2)


def main(system, make):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ('upstream', 'weights', 'clip', 'out'):
        parser.add_argument('--' + name, required=name in ('upstream', 'weights'))
    parser.add_argument('--backend', choices=('theano', 'tensorflow', 'none'), required=True)
    options = parser.parse_args()
    if not options.clip:
        end_with_parent()
    # Upstream prints freely: its words go to standard error, the answers keep standard output.
    answers = os.fdopen(os.dup(1), 'w')
    os.dup2(2, 1)
    os.environ['KERAS_BACKEND'] = options.backend
    try:
        original = open_original(make, options)
        if options.clip:
            trace_one(system, original, options, options.clip, options.out)
        else:
            print(json.dumps({'ok': True}), file=answers)
            answers.flush()
            answer_requests(system, original, options, answers)
    except (Refused, ImportError) as error:
        print(json.dumps({'error': one_line(error)}), file=answers)
        tell(error)
        return 2
    return 0

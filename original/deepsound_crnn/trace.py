# -*- coding: utf-8 -*-
"""Traces the untouched original, in Python 2.7: what left every stage on the way to its answer.

It computes nothing of its own. It imports upstream's modules from --upstream, wraps the functions they call, reads
the layers of the model they built, and copies each array at the moment it passes (upstream's feature array is a view
that is later written in place). Two assertions hold it to the original: what entered the network is bit-equal to what
`load_track` returned, and the step probabilities read off the layers are bit-equal to what `recognize` returned.

    python trace.py --upstream DIR --weights FILE --backend theano|tensorflow --clip FILE --out DIR
    python trace.py --upstream DIR --weights FILE --backend theano|tensorflow    < requests

In the second form each line of standard input is a JSON object {"clip": FILE, "out": DIR}, each answer one line on
standard output: {"ok": true} or {"error": "one line"}. Whatever upstream prints goes to standard error.
Each DIR gets trace.npz (one array per stage, no batch axis) and trace.json. Exit code 2 for what a person can mend.
"""
from __future__ import print_function

import argparse
import hashlib
import json
import os
import subprocess
import sys

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
SYSTEM = 'deepsound_crnn'
LAYERS = ('convolution_1', 'convolution_2', 'convolution_3', 'lstm_1')
STEP_LAYER, CLIP_LAYER = 'output_realtime', 'output_merged'


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


class Original(object):
    """The original, loaded once, with its taps in place."""

    def __init__(self, upstream, weights, backend):
        self.upstream, self.weights = upstream, weights
        sys.path.insert(0, upstream)
        self.modules = self.import_upstream(backend)
        self.tap_audio()
        self.recognizer, self.model = self.load(weights)
        self.network = Tap(self.recognizer.pred_fun)
        self.recognizer.pred_fun = self.network
        self.readers = None

    def import_upstream(self, backend):
        if backend == 'tensorflow':
            sys.path.insert(0, os.path.join(HERE, os.pardir, 'py27'))
            import shims
            shims.apply()
        import common
        import genre_recognizer
        import keras.backend
        import librosa.core.audio
        import audioread
        if keras.backend.backend() != backend:
            raise Refused('Keras runs on %s, not on %s: set KERAS_BACKEND' % (keras.backend.backend(), backend))
        if getattr(librosa.core.audio, '_HAS_SAMPLERATE', False):
            raise Refused('scikits.samplerate is installed: librosa would resample with it; the original had none')
        return {'common': common, 'genre_recognizer': genre_recognizer, 'backend': keras.backend,
                'audio': librosa.core.audio, 'audioread': audioread}

    def tap_audio(self):
        audio, recognizer = self.modules['audio'], self.modules['genre_recognizer']
        self.opened = Tap(audio.audioread.audio_open)
        audio.audioread.audio_open = self.opened
        self.resampled = audio.resample = Tap(audio.resample)
        self.tracked = recognizer.load_track = Tap(recognizer.load_track)

    def load(self, weights):
        recognizer = self.modules['genre_recognizer']
        built = recognizer.model_from_yaml = Tap(recognizer.model_from_yaml)
        architecture = os.path.join(self.upstream, 'models', 'model.yaml')
        for path in (architecture, weights):
            if not os.path.isfile(path):
                raise Refused('%s: no such file' % path)
        try:
            made = recognizer.GenreRecognizer(architecture, weights)
        except Exception as error:
            raise Refused('%s: the original cannot load these weights (%s: %s)' % (
                os.path.basename(weights), type(error).__name__, one_line(error)))
        return made, built.left

    def layers(self, features):
        """Outputs of the layers, each read by upstream's own reader (a joint function would round differently)."""
        if self.readers is None:
            reader = self.modules['common'].get_layer_output_function
            self.readers = [reader(self.model, name) for name in LAYERS + (STEP_LAYER, CLIP_LAYER)]
        return [read(features) for read in self.readers]

    def trace(self, clip):
        """Return (arrays by stage, scalars, decoder) of one clip."""
        self.resampled.entered = self.resampled.left = None
        answer, duration = self.recognizer.recognize(clip)
        native, (rate, _) = self.resampled.entered, self.resampled.others[:2]
        log_mel, _ = self.tracked.left
        entered = self.network.entered
        outputs = self.layers(entered)
        must_equal('what entered the network', entered[0], 'what load_track returned', log_mel)
        must_equal('step_probs of the layers', outputs[len(LAYERS)], 'what recognize returned', np.asarray(answer))
        arrays = {'native': native, 'samples': self.resampled.left, 'log_mel': log_mel}
        names = LAYERS + ('step_probs', 'clip_probs')
        arrays.update((name, np.asarray(value)[0]) for name, value in zip(names, outputs))
        return arrays, {'native_rate': int(rate), 'duration': float(duration)}, decoder_name(self.opened.left)


def must_equal(what, one, other_what, other):
    if one.shape != other.shape or one.tobytes() != other.tobytes():
        raise AssertionError('%s is not bit-equal to %s' % (what, other_what))


def decoder_name(opened):
    """Who decoded: Python's own reader, or the ffmpeg program and its version."""
    kind = type(opened).__name__
    if kind == 'RawAudioFile':
        return 'python'
    if kind != 'FFmpegAudioFile':
        return kind
    for program in ('ffmpeg', 'avconv'):
        try:
            first = subprocess.check_output([program, '-version']).splitlines()[0]
        except (OSError, subprocess.CalledProcessError):
            continue
        return 'ffmpeg ' + first.split()[2]
    return kind


def one_line(error):
    return ' '.join(str(error).split())[:300]


def sha256(path):
    digest = hashlib.sha256()
    with open(path, 'rb') as handle:
        for block in iter(lambda: handle.read(1 << 20), b''):
            digest.update(block)
    return digest.hexdigest()


def versions():
    import pkg_resources
    return dict((d.project_name, d.version) for d in pkg_resources.working_set)


def provenance(original, backend, decoder):
    about = {
        'side': 'original', 'backend': backend, 'decoder': decoder, 'python': sys.version.split()[0],
        'packages': versions(), 'weights_sha256': sha256(original.weights),
        'floatx': original.modules['backend'].floatx(), 'resampler': 'scipy.signal.resample',
    }
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


def trace_one(original, backend, clip, out):
    if not os.path.isfile(clip):
        raise Refused('%s: no such file' % clip)
    try:
        arrays, scalars, decoder = original.trace(clip)
    except (Refused, AssertionError):
        raise
    except Exception as error:
        raise Refused('%s: the original failed on it (%s: %s)' % (
            os.path.basename(clip), type(error).__name__, one_line(error)))
    write(out, arrays, {
        'system': SYSTEM, 'clip': {'name': os.path.basename(clip), 'sha256': sha256(clip)},
        'scalars': scalars, 'provenance': provenance(original, backend, decoder)})


def answer_requests(original, backend, answers):
    for line in iter(sys.stdin.readline, ''):
        request = json.loads(line)
        try:
            trace_one(original, backend, request['clip'], request['out'])
            answer = {'ok': True}
        except (Refused, AssertionError) as error:
            answer = {'error': one_line(error)}
        print(json.dumps(answer), file=answers)
        answers.flush()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ('upstream', 'weights', 'clip', 'out'):
        parser.add_argument('--' + name, required=name in ('upstream', 'weights'))
    parser.add_argument('--backend', choices=('theano', 'tensorflow'), required=True)
    options = parser.parse_args()
    # Upstream prints freely: its words go to standard error, the answers keep standard output.
    answers = os.fdopen(os.dup(1), 'w')
    os.dup2(2, 1)
    os.environ['KERAS_BACKEND'] = options.backend
    try:
        original = Original(options.upstream, options.weights, options.backend)
        if options.clip:
            trace_one(original, options.backend, options.clip, options.out)
        else:
            print(json.dumps({'ok': True}), file=answers)
            answers.flush()
            answer_requests(original, options.backend, answers)
    except (Refused, ImportError) as error:
        print(json.dumps({'error': one_line(error)}), file=answers)
        print('trace.py: ' + one_line(error), file=sys.stderr)
        return 2
    return 0


if __name__ == '__main__':
    sys.exit(main())

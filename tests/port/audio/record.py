"""Record what the real SciPy 0.17.0 and librosa 0.4.1 answer: `python2.7 record.py`, with ffmpeg on PATH.

Writes recorded/*.npz and recorded/provenance.json beside this file, from the signals of signals.py. With
`python2.7 record.py load OUT.npz FILE...` it only loads files with librosa (the live tests use that).
"""
# ruff: noqa: PTH100, PTH118, PTH119, PTH120, PTH123, UP031

import hashlib
import json
import os
import subprocess
import sys
import tempfile

import librosa
import numpy as np
import pkg_resources
import scipy
import scipy.fftpack
import signals

SMALL = [2, 3, 4, 5, 6, 8, 9, 10, 12, 15, 16, 20, 25, 27, 30, 32, 45, 60, 64, 75, 81, 90, 100, 125, 128]
SMALL += [180, 240, 243, 250, 360, 625, 720, 1152, 2048, 3125, 3600, 5184, 8000]
DOUBLE = [7, 14, 21, 49, 77, 105, 121, 1001, 2002, 5040, 6555, 10007]  # float64, kept as hashes
LARGE = [150000, 1296000, 1327104]  # kept as hashes
RATES = [  # n_samples, from Hz, to Hz
    (2048, 44100, 22050),
    (2250, 44100, 22050),
    (2000, 48000, 22050),
    (1999, 44100, 22050),
    (3000, 96000, 22050),
    (3001, 44100, 22050),
    (2002, 44100, 22050),
    (1000, 11025, 22050),
    (999, 8000, 22050),
    (998, 16000, 22050),
    (625, 16000, 22050),
    (1536, 44100, 12000),
]
PHRASES = {"double": 40002, "single": 43200, "prime": 10007}  # n_samples at 44100 Hz; 40002 = 2 * 3 * 59 * 113
MELS = {"22050": (22050, 2048, 1024, 128), "12000": (12000, 512, 256, 96)}  # rate, n_fft, hop, n_mels
HERE = os.path.dirname(os.path.abspath(__file__))


def fft():
    arrays = {}
    for n in SMALL + LARGE:
        spectrum = scipy.fftpack.fft(signals.scrambled(n))[: n // 2 + 1]
        assert spectrum.dtype == np.complex64
        if n in LARGE:
            arrays["sha256_%d" % n] = np.array(hashlib.sha256((spectrum + 0).tobytes()).hexdigest())
        else:
            arrays["n%d" % n] = spectrum
    for n in DOUBLE:
        spectrum = scipy.fftpack.fft(signals.scrambled(n).astype(np.float64))[: n // 2 + 1]
        arrays["double_%d" % n] = np.array(hashlib.sha256((spectrum + 0).tobytes()).hexdigest())
    return arrays


def resampled():
    arrays = {}
    for n, old, new in RATES:
        arrays["%d_%d_%d" % (n, old, new)] = librosa.resample(signals.scrambled(n), old, new)
    for name, n in PHRASES.items():
        arrays["phrase_" + name] = librosa.resample(signals.phrase(n, 44100), 44100, 22050)
    return arrays


def mels():
    arrays = {}
    for name, (rate, n_fft, hop, n_mels) in MELS.items():
        x = np.concatenate([signals.scrambled(3000), np.zeros(5000, np.float32), signals.chord(4000, rate)])
        power = librosa.feature.melspectrogram(x, sr=rate, n_fft=n_fft, hop_length=hop, n_mels=n_mels)
        arrays["power_" + name] = power.T
        arrays["bank_" + name] = librosa.filters.mel(rate, n_fft, n_mels)
    return arrays


def load(paths):
    """Name -> samples and rate, or the name of the error."""
    arrays = {}
    for path in paths:
        name = os.path.basename(path)
        try:
            samples, rate = librosa.load(path, sr=None)
            arrays[name], arrays[name + ":rate"] = samples, np.array(rate)
        except Exception as error:
            arrays[name + ":error"] = np.array(type(error).__name__)
    return arrays


def raw():
    folder = tempfile.mkdtemp()
    paths = []
    for name, content in signals.files().items():
        paths.append(os.path.join(folder, name))
        with open(paths[-1], "wb") as file:
            file.write(content)
    return load(paths)


def main():
    if sys.argv[1:2] == ["load"]:
        np.savez(sys.argv[2], **load(sys.argv[3:]))
        return
    for name, make in (("fft", fft), ("resample", resampled), ("mel", mels), ("raw", raw)):
        np.savez_compressed(os.path.join(HERE, "recorded", name + ".npz"), **make())
    provenance = {
        "made_by": "tests/port/audio/record.py",
        "python": sys.version.split()[0],
        "scipy": scipy.__version__,
        "numpy": np.__version__,
        "librosa": librosa.__version__,
        "audioread": pkg_resources.get_distribution("audioread").version,
        "ffmpeg": subprocess.check_output(["ffmpeg", "-version"]).decode().split()[2],
    }
    with open(os.path.join(HERE, "recorded", "provenance.json"), "w") as file:
        json.dump(provenance, file, indent=1, sort_keys=True, separators=(",", ": "))
        file.write("\n")


if __name__ == "__main__":
    main()

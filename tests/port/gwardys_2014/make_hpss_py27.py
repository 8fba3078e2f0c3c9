"""Records what librosa 0.4.1's hpss makes of a spectrum: `python2.7 make_hpss_py27.py`, in the theano lock's packages.

Writes golden/hpss.npz: magnitudes of held notes, strokes, noise and silence, and their two parts.
"""

# ruff: noqa: PTH100, PTH118, PTH120
import os

import librosa
import numpy as np

assert librosa.__version__ == "0.4.1", librosa.__version__
random = np.random.RandomState(5)
spectrum = np.abs(random.randn(70, 90)).astype("float32") * 0.1
spectrum[[10, 23, 24, 41]] += 3  # notes
spectrum[:, [15, 50, 51]] += 2  # strokes
spectrum[:, 70:] = 0  # silence
spectrum[60:, :30] *= 1e-12  # next to silence
harmonic, percussive = librosa.decompose.hpss(spectrum)
place = os.path.join(os.path.dirname(os.path.abspath(__file__)), "golden", "hpss.npz")
np.savez_compressed(place, spectrum=spectrum, harmonic=harmonic, percussive=percussive)

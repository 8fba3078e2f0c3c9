import sys
import wave

import numpy as np
from model import N_FRAMES, N_MELS, get_model


def spectrum(path):
    samples = np.fromstring(wave.open(path).readframes(64 * N_FRAMES), '<i2') / 32768.
    frames = samples[:64 * N_FRAMES].reshape(N_FRAMES, 64)
    return np.log(np.abs(np.fft.rfft(frames))[:, 1:1 + N_MELS].T + 1e-6)[None, None]


model = get_model()
model.load_weights('birds.h5')
for path in sys.argv[1:]:
    x = spectrum(path)
    print path, model.predict([x, x]).argmax()

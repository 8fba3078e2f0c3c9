"""The stand-in's features: 128 log-mel bands at 22,050 Hz, and a way to read one layer of a Keras 1 model."""

import librosa
import numpy
from keras import backend

GENRES = "blues classical country disco hiphop jazz metal pop reggae rock".split()
WINDOW_SIZE = 2048
HOP_SIZE = 1024
N_MELS = 128
SMALLEST = 1e-6  # stands for zero energy before the logarithm


def fit_to(shape, table):
    """Return `table` cut or zero-padded to `shape`."""
    fitted = numpy.zeros(shape, table.dtype)
    rows, columns = numpy.minimum(shape, table.shape)
    fitted[:rows, :columns] = table[:rows, :columns]
    return fitted


def load_track(filename, enforce_shape=None):
    """Return (log_mel (n_frames, 128) float64, seconds of the song)."""
    samples, rate = librosa.load(filename)
    power = librosa.feature.melspectrogram(
        y=samples, sr=rate, n_fft=WINDOW_SIZE, hop_length=HOP_SIZE, n_mels=N_MELS
    )
    frames = power.T  # a view: what follows writes into `power` too
    if enforce_shape is not None:
        frames = fit_to(enforce_shape, frames)
    frames[frames == 0] = SMALLEST
    return numpy.log(frames), len(samples) / float(rate)


def get_layer_output_function(model, layer_name):
    """Return f(batch): the output of `layer_name` in test mode, as an array (a bare tensor goes to K.function)."""
    entry = model.get_layer("input").input
    tapped = model.get_layer(layer_name).output
    graph = backend.function([entry, backend.learning_phase()], tapped)

    def run(batch):
        return graph([batch, 0])

    return run

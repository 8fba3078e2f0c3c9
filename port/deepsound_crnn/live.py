"""The CRNN on sound that is still arriving: state is carried through resampler, log-mel, convolutions and LSTM.

Given the same samples its answers are the whole-file ones (to float32 rounding). The samples differ a little: see
`port.audio.live`.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from port.audio.live import LiveLogMel, LiveResampler
from port.audio.mel import HOP, N_MELS
from port.audio.resample import SAMPLE_RATE
from port.deepsound_crnn import model as crnn
from port.deepsound_crnn.pipeline import LABELS

OVERLAP = crnn.MIN_FRAMES - crnn.FRAMES_PER_STEP  # frames that a step shares with the next ones (28)
WINDOW_SECONDS = crnn.MIN_FRAMES * HOP / SAMPLE_RATE  # of sound that the convolutions of one step see


@dataclass(frozen=True)
class Steps:
    """What a push settled: step_probs (n_steps, 10) float32, log_mel (n_frames, 128) float32 of the new frames."""

    step_probs: NDArray[np.float32]
    log_mel: NDArray[np.float32]


class LiveNetwork:
    """The network with the LSTM's state as input and output; one for any number of streams."""

    def __init__(self, model: keras.Model) -> None:
        """Share the weights of a loaded model (`port.deepsound_crnn.model.load`)."""
        self.model = model

    @cached_property
    def step(self) -> Any:
        """(1, n_frames, 128), (1, 256), (1, 256) -> step_probs (1, n_steps, 10) and the two new states."""
        source = self.model.get_layer("lstm_1")
        states = [keras.Input((crnn.N_UNITS,)) for _ in range(2)]
        lstm = keras.layers.LSTM.from_config({**source.get_config(), "return_state": True})
        hidden, *after = lstm(self.model.get_layer(f"maxpooling1d_{crnn.N_CONVOLUTIONS}").output, initial_state=states)
        lstm.set_weights(source.get_weights())
        x = self.model.get_layer("timedistributed_1")(hidden)
        x = self.model.get_layer("output_realtime")(x)
        part = keras.Model([self.model.input, *states], [x, *after])
        signature = [tf.TensorSpec((1, None, N_MELS), tf.float32)] + [tf.TensorSpec((1, crnn.N_UNITS), tf.float32)] * 2
        return tf.function(lambda x, h, c: part([x, h, c], training=False), input_signature=signature)


class LiveRecogniser:
    """One stream of sound."""

    labels = LABELS

    def __init__(self, network: LiveNetwork, rate: int) -> None:
        """Begin a stream of mono samples at `rate` Hz; raises InputError on a rate that cannot be resampled live."""
        self.network = network
        self.resampler, self.log_mel = LiveResampler(rate), LiveLogMel()
        self.frames = np.empty((0, N_MELS), np.float32)
        self.state = [np.zeros((1, crnn.N_UNITS), np.float32)] * 2

    def push(self, native: NDArray[np.float32]) -> Steps:
        """Take (n,) float32 samples, full scale 1.0; return the steps that they settle."""
        return self._advance(self.log_mel.push(self.resampler.push(native)))

    def finish(self) -> Steps:
        """End the stream; return the last steps."""
        last = self.log_mel.push(self.resampler.finish())
        return self._advance(np.concatenate([last, self.log_mel.finish()]))

    def _advance(self, frames: NDArray[np.float64]) -> Steps:
        new = frames.astype(np.float32)
        self.frames = np.concatenate([self.frames, new])
        n_steps = (len(self.frames) - OVERLAP) // crnn.FRAMES_PER_STEP
        if n_steps < 1:
            return Steps(np.empty((0, len(LABELS)), np.float32), new)
        used = n_steps * crnn.FRAMES_PER_STEP
        probs, *state = self.network.step(self.frames[None, : used + OVERLAP], *self.state)
        self.state = [array.numpy() for array in state]
        self.frames = self.frames[used:]
        return Steps(probs.numpy()[0], new)

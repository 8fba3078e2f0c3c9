"""The CRNN on sound that is still arriving: state is carried through resampler, log-mel, convolutions and LSTM.

Given the same samples its answers are the whole-file ones (to float32 rounding). The samples differ a little: see
`reprise_kit.port.audio.live`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from reprise_kit.compare.contract import Prediction
from reprise_kit.compare.errors import InputError
from reprise_kit.port.audio.librosa041.mel import N_MELS
from reprise_kit.port.audio.live import LONG, QUICK, Blocks, LiveLogMel, LiveResampler
from reprise_kit.port.audio.parts import Incoming
from reprise_kit.port.deepsound_crnn import model as crnn
from reprise_kit.port.deepsound_crnn.model import STEP_SECONDS
from reprise_kit.port.shared.gtzan import GENRES

__all__ = ["STEP_SECONDS", "LiveNetwork", "LiveRecogniser", "Steps", "predict"]

OVERLAP = crnn.MIN_FRAMES - crnn.FRAMES_PER_STEP  # frames that a step shares with the next ones (28)
FIRST_PART = 1 << 16  # native samples of the first push of a file; each next is twice as long, up to LARGEST_PART
LARGEST_PART = 1 << 19
STREAMED = "longer than a whole-file transform takes: resampled in overlapping blocks"


@dataclass(frozen=True)
class Steps:
    """What a push settled: step_probs (n_steps, 10) float32, log_mel (n_frames, 128) float32 of the new frames."""

    step_probs: NDArray[np.float32]
    log_mel: NDArray[np.float32]


class LiveNetwork:
    """The network with the LSTM's state as input and output; one for any number of streams."""

    def __init__(self, model: keras.Model) -> None:
        """Share the weights of a loaded model (`reprise_kit.port.deepsound_crnn.model.load`)."""
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
        return tf.function(lambda x, h, c: part([x, h, c], training=False), input_signature=signature, autograph=False)


class LiveRecogniser:
    """One stream of sound."""

    labels = GENRES

    def __init__(self, network: LiveNetwork, rate: int, blocks: Blocks = QUICK) -> None:
        """Begin a stream of mono samples at `rate` Hz; raises InputError on a rate that cannot be resampled live."""
        self.network = network
        self.resampler, self.log_mel = LiveResampler(rate, blocks), LiveLogMel()
        self.frames = np.empty((0, N_MELS), np.float32)
        self.state = [np.zeros((1, crnn.N_UNITS), np.float32)] * 2

    def push(self, native: NDArray[np.float32]) -> Steps:
        """Take (n,) float32 samples, full scale 1.0; return the steps that they settle."""
        return self._advance(self.log_mel.push(self.resampler.push(native)))

    def finish(self) -> Steps:
        """End the stream; return the last steps."""
        last = self.log_mel.push(self.resampler.finish())
        return self._advance(np.concatenate([last, self.log_mel.finish()]))

    def listen(self, parts: Iterable[NDArray[np.float32]]) -> Iterator[tuple[Steps, NDArray[np.float32]]]:
        """Yield what each stretch of a file settles, and the stretch: short ones first, for a quick first answer.

        parts: (n,) float32 as they are decoded. The stretches decide nothing but speed (and float32 rounding).
        """
        waiting: list[NDArray[np.float32]] = []
        wanted = FIRST_PART
        for samples in parts:
            waiting.append(samples)
            if sum(map(len, waiting)) >= wanted:
                stretch = np.concatenate(waiting)
                yield self.push(stretch), stretch
                waiting, wanted = [], min(2 * wanted, LARGEST_PART)
        stretch = np.concatenate([*waiting, np.empty(0, np.float32)])
        yield self.push(stretch), stretch
        yield self.finish(), np.empty(0, np.float32)

    def _advance(self, frames: NDArray[np.float64]) -> Steps:
        new = frames.astype(np.float32)
        self.frames = np.concatenate([self.frames, new])
        n_steps = (len(self.frames) - OVERLAP) // crnn.FRAMES_PER_STEP
        if n_steps < 1:
            return Steps(np.empty((0, len(GENRES)), np.float32), new)
        used = n_steps * crnn.FRAMES_PER_STEP
        probs, *state = self.network.step(self.frames[None, : used + OVERLAP], *self.state)
        self.state = [array.numpy() for array in state]
        self.frames = self.frames[used:]
        return Steps(probs.numpy()[0], new)


def predict(model: keras.Model, clip: Incoming) -> Prediction:
    """Return the live answer on a whole clip, however long; raises InputError as reading its parts does."""
    recogniser, answers, n_native = LiveRecogniser(LiveNetwork(model), clip.rate, LONG), [], 0
    for steps, stretch in recogniser.listen(clip.parts):
        answers.append(steps.step_probs)
        n_native += len(stretch)
    step_probs = np.concatenate(answers)
    if not len(step_probs):
        raise InputError(f"too short: {n_native / clip.rate:.2f} s; give at least 1.63 s")
    return Prediction(
        GENRES, step_probs, STEP_SECONDS, step_probs.mean(axis=0), n_native / clip.rate, (*clip.notes, STREAMED)
    )

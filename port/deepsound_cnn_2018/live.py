"""The network of 2018 on sound that is still arriving, with the front end that it was trained with ("librosa").

The network looks 36 frames far and remembers nothing; what a stream carries beside resampler and log-mel is the last
steps, over which each genre's curve is smoothed as the page of 2018 did.
"""

from functools import cached_property
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from reprise_kit.port.deepsound_cnn_2018 import front_end
from reprise_kit.port.deepsound_cnn_2018.pipeline import STEP_SECONDS
from reprise_kit.port.deepsound_crnn import live
from reprise_kit.port.shared.gtzan import GENRES

REMEMBERED = len(front_end.SMOOTHING) - 1  # steps before a step that its smoothed answer looks at

__all__ = ["STEP_SECONDS", "LiveNetwork", "LiveRecogniser"]


class LiveNetwork(live.LiveNetwork):
    """The network as the CRNN's streams call theirs: a state goes in and comes out as it was."""

    @cached_property
    def step(self) -> Any:
        """(1, n_frames, 128) and a state -> step_probs (1, n_steps, 10) and the state."""
        signature = [tf.TensorSpec((1, None, front_end.N_MELS), tf.float32)] + [tf.TensorSpec(None, tf.float32)] * 2
        network: keras.Model = self.model
        return tf.function(
            lambda x, *state: (network(x, training=False), *state), input_signature=signature, autograph=False
        )


class LiveRecogniser(live.LiveRecogniser):
    """One stream of sound, its steps smoothed as served; 36 frames to a step and 8 to the next, as in the CRNN."""

    labels = GENRES

    def __init__(self, *args: Any, **options: Any) -> None:
        """As the CRNN's."""
        super().__init__(*args, **options)
        self.past = np.empty((0, len(GENRES)), np.float32)  # unsmoothed

    def push(self, native: NDArray[np.float32]) -> live.Steps:
        """Take (n,) float32 samples, full scale 1.0; return the steps that they settle."""
        return self._smoothed(super().push(native))

    def finish(self) -> live.Steps:
        """End the stream; return the last steps."""
        return self._smoothed(super().finish())

    def _smoothed(self, steps: live.Steps) -> live.Steps:
        known = np.concatenate([self.past, steps.step_probs])
        smoothed = front_end.smooth(known)[len(self.past) :]
        self.past = known[-REMEMBERED:]
        return live.Steps(smoothed, steps.log_mel)

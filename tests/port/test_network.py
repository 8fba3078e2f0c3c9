"""What every network's pipeline does without a better way of its own."""

from pathlib import Path

import numpy as np

from reprise_kit.compare.contract import Prediction
from reprise_kit.compare.errors import InputError
from reprise_kit.port.shared.network import NetworkPipeline


class Named(NetworkPipeline):
    """Answers with the length of a clip's name."""

    def __init__(self) -> None:
        pass

    def predict(self, clip: Path) -> Prediction:
        if clip.suffix != ".mp3":
            raise InputError(f"{clip}: no audio")
        return Prediction(("a",), None, 0.0, np.float32([len(clip.name)]), 1.0)


def test_clips_are_answered_in_their_order_and_refusals_keep_their_place():
    answers = Named().predict_many([Path("four.mp3"), Path("text.txt"), Path("b.mp3")])
    assert [getattr(answer, "clip_probs", None) for answer in answers] == [[8], None, [5]]
    assert isinstance(answers[1], InputError) and str(answers[1]) == "text.txt: no audio"
    assert Named().predict_many([]) == []

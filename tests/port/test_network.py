"""What every network's pipeline does without a better way of its own."""

import threading
from pathlib import Path

import numpy as np
import pytest

from reprise_kit.compare.contract import Prediction
from reprise_kit.compare.errors import InputError
from reprise_kit.port.audio.decode import Decoded
from reprise_kit.port.shared.network import NetworkPipeline


class Named(NetworkPipeline):
    """Answers with the length of a clip's name."""

    def __init__(self) -> None:
        pass

    def _read(self, clip: Path) -> Decoded:
        if clip.suffix != ".mp3":
            raise InputError(f"{clip}: no audio")
        return Decoded(np.zeros(len(clip.name), np.float32), 1, ())

    def _answer(self, taken: list[Decoded]) -> Prediction:
        n = len(taken.pop().native)
        if n == 1:
            raise InputError("too short")
        return Prediction(("a",), None, 0.0, np.float32([n]), 1.0)


def test_clips_are_answered_in_their_order_and_refusals_keep_their_place():
    answers = Named().predict_many([Path("four.mp3"), Path("text.txt"), Path("b.mp3")])
    assert [getattr(answer, "clip_probs", None) for answer in answers] == [[8], None, [5]]
    assert isinstance(answers[1], InputError) and str(answers[1]) == "text.txt: no audio"
    assert Named().predict_many([]) == []


def test_one_clip_is_answered_or_refused_by_its_name(monkeypatch):
    assert Named().predict(Path("four.mp3")).clip_probs == [8]
    with pytest.raises(InputError, match=r"^text\.txt: no audio$"):
        Named().predict(Path("text.txt"))
    monkeypatch.setattr(Named, "_read", lambda *_: Decoded(np.zeros(1, np.float32), 1, ()))
    with pytest.raises(InputError, match=r"^b\.mp3: too short$"):
        Named().predict(Path("b.mp3"))


def test_the_next_is_decoded_while_one_is_answered(monkeypatch):
    begun = threading.Event()

    def read(_: Named, clip: Path) -> Decoded:
        if clip.name == "second.mp3":
            begun.set()
        return Decoded(np.zeros(2, np.float32), 1, ())

    def answer(_: Named, taken: list[Decoded]) -> Prediction:
        assert begun.wait(30), "nothing was under way"
        return Prediction(("a",), None, 0.0, np.float32([len(taken.pop().native)]), 1.0)

    monkeypatch.setattr(Named, "_read", read)
    monkeypatch.setattr(Named, "_answer", answer)
    assert len(Named().predict_many([Path("first.mp3"), Path("second.mp3")])) == 2

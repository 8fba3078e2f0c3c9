"""Which digests are known: against a plain set, in whatever order they come, and in bounded memory."""

import hashlib

import numpy as np
import pyarrow as pa
import pytest

from reprise_kit.apps.archive import digests
from reprise_kit.apps.archive.digests import Digests


def text(*numbers: int) -> list[str]:
    return [hashlib.sha256(str(k).encode()).hexdigest() for k in numbers]


@pytest.mark.parametrize("recent", [1, 7, 1 << 16])
def test_as_a_plain_set(recent, monkeypatch):
    monkeypatch.setattr(digests, "RECENT", recent)
    rng, plain, known = np.random.default_rng(recent), set[str](), Digests()
    for _ in range(40):
        more = text(*rng.integers(300, size=rng.integers(9)))
        if rng.random() < 0.5:
            known.add_all(pa.chunked_array([more[:3], more[3:]], pa.string()))
        else:
            [known.add(one) for one in more]
        plain.update(more)
        asked = text(*rng.integers(300, size=20))
        assert [one in known for one in asked] == [one in plain for one in asked]
        assert known.among(pa.chunked_array([asked[:5], asked[5:]])).tolist() == [one in plain for one in asked]
    assert len(plain) > 100


def test_bytes_and_text_are_the_same_digest():
    known = Digests()
    known.add_all(pa.chunked_array([[bytes.fromhex(one)[:16] for one in text(1, 2)]], pa.binary(16)).slice(1))
    assert [one in known for one in text(1, 2)] == [False, True]
    assert bytes.fromhex(text(2)[0]) in known


@pytest.mark.parametrize("add", [Digests.add_all, lambda known, column: [known.add(one.as_py()) for one in column]])
def test_digests_that_begin_alike_are_told_apart(add):
    alike = [bytes([7] * 8 + [k] + [0] * 7) for k in range(9)]
    known = Digests()
    add(known, pa.chunked_array([alike[:2], alike[4:7]], pa.binary(16)))
    assert [one in known for one in alike] == [True, True, False, False, True, True, True, False, False]


def test_none_is_held_twice():
    known, column = Digests(), pa.chunked_array([text(1, 2, 3), text(2, 4, 1)])
    for _ in range(3):
        known.add_all(column)
        known.among(column)
    assert len(known._sorted) == 4


def test_none_is_known_of_none():
    assert not Digests().among(pa.chunked_array([text(1)]))[0]
    assert Digests().among(pa.chunked_array([], pa.string())).shape == (0,)


def test_what_is_no_hexadecimal_is_not_taken():
    with pytest.raises(ValueError):
        Digests().add_all(pa.chunked_array([["x" * 64]]))

"""Which of millions of digests are known, in 16 bytes each and no more."""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

BYTES = 16  # of a digest that are kept: 128 bits
RECENT = 1 << 16  # added one by one before they are sorted into the rest

Words = NDArray[np.uint64]  # (n, 2): digests


class Digests:
    """A set of digests; what is added and asked for is cut to BYTES, or twice as many characters of hexadecimals."""

    def __init__(self) -> None:
        """Know none."""
        self._sorted = np.empty((0, 2), np.uint64)  # by the first word
        self._waiting: list[Words] = []  # to be sorted in
        self._recent: set[bytes] = set()

    def __contains__(self, digest: bytes | str) -> bool:
        """Tell whether a digest was added."""
        wanted = _cut(digest)
        if wanted in self._recent:
            return True
        self._settle()
        first, second = np.frombuffer(wanted, np.uint64)
        at = int(np.searchsorted(self._sorted[:, 0], first))
        while at < len(self._sorted) and self._sorted[at, 0] == first:  # once, but for digests that begin alike
            if self._sorted[at, 1] == second:
                return True
            at += 1
        return False

    def among(self, column: pa.ChunkedArray) -> NDArray[np.bool_]:
        """Tell of each digest of a column, as `add_all` takes it, whether it was added."""
        wanted = _words(column)
        found = np.zeros(len(wanted), bool)
        if self._recent:
            found[:] = [digest.tobytes() in self._recent for digest in wanted]
        self._settle()
        at, left = np.searchsorted(self._sorted[:, 0], wanted[:, 0]), np.arange(len(wanted))
        while len(left):  # as above
            within = left[at[left] < len(self._sorted)]
            left = within[self._sorted[at[within], 0] == wanted[within, 0]]
            found[left] |= self._sorted[at[left], 1] == wanted[left, 1]
            at[left] += 1
        return found

    def add(self, digest: bytes | str) -> None:
        """Add one."""
        if digest not in self:
            self._recent.add(_cut(digest))
        if len(self._recent) >= RECENT:
            self._waiting.append(np.frombuffer(b"".join(self._recent), np.uint64).reshape(-1, 2))
            self._recent = set()

    def add_all(self, column: pa.ChunkedArray) -> None:
        """Add a column of hexadecimals or bytes of equal length, without nulls; they are sorted in when asked for."""
        self._waiting.append(_words(column))
        if sum(map(len, self._waiting)) > max(RECENT, len(self._sorted) // 2):
            self._settle()

    def _settle(self) -> None:
        """Sort in what waits."""
        if self._waiting:
            more, self._waiting = np.concatenate(self._waiting), []
            both = np.concatenate([self._sorted, more[np.lexsort((more[:, 1], more[:, 0]))]])
            both = both[np.argsort(both[:, 0], kind="stable")]  # of two sorted runs: quick
            again = (both[1:] == both[:-1]).all(axis=1)
            self._sorted = np.delete(both, np.flatnonzero(again), axis=0) if again.any() else both


def _cut(digest: bytes | str) -> bytes:
    return bytes.fromhex(digest[: 2 * BYTES]) if isinstance(digest, str) else digest[:BYTES]


def _words(column: pa.ChunkedArray) -> Words:
    """Return the digests of a column; raises ValueError on text that is not hexadecimal."""
    blocks = [_bytes(chunk) for chunk in column.chunks if len(chunk)]
    content = np.concatenate(blocks) if blocks else np.empty((0, BYTES), np.uint8)
    return np.ascontiguousarray(content).view(np.uint64)


def _bytes(chunk: pa.Array) -> NDArray[np.uint8]:
    """Return the first BYTES of each digest, (n, BYTES)."""
    length = len(chunk[0].as_py())
    fixed = chunk if pa.types.is_fixed_size_binary(chunk.type) else chunk.cast(pa.binary(length))
    content = np.frombuffer(fixed.buffers()[1], np.uint8).reshape(-1, length)[fixed.offset :][: len(fixed)]
    if not pa.types.is_string(chunk.type):
        return content[:, :BYTES]
    return np.frombuffer(bytes.fromhex(content[:, : 2 * BYTES].tobytes().decode("ascii")), np.uint8).reshape(-1, BYTES)

"""Which of millions of digests are known, in as many bytes each and no more."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

RECENT = 1 << 16  # added one by one before they are sorted into the rest


class Digests:
    """A set of digests of equal length; what is added and asked for is cut to `width` bytes."""

    def __init__(self, width: int) -> None:
        """Know none."""
        self._width = width
        self._sorted = np.empty(0, f"S{width}")
        self._recent: set[bytes] = set()

    def __len__(self) -> int:
        """Count them; none is held twice."""
        return len(self._sorted) + len(self._recent)

    def __contains__(self, digest: bytes) -> bool:
        """Tell whether a digest was added."""
        wanted = digest[: self._width]
        if wanted in self._recent:
            return True
        at = int(np.searchsorted(self._sorted, np.bytes_(wanted)))
        return at < len(self._sorted) and self._sorted[at].ljust(self._width, b"\0") == wanted

    def add(self, digest: bytes) -> None:
        """Add one."""
        if digest not in self:
            self._recent.add(digest[: self._width])
        if len(self._recent) >= RECENT:
            self._merge([np.array(list(self._recent), f"S{self._width}")])
            self._recent = set()

    def add_all(self, column: pa.ChunkedArray) -> None:
        """Add a column of text or bytes of equal length, without nulls."""
        self._merge(list(self._blocks(column)))

    def _blocks(self, column: pa.ChunkedArray) -> Iterator[np.ndarray]:
        for chunk in column.chunks:
            if len(chunk):
                length = len(chunk[0].as_py())
                fixed = chunk if pa.types.is_fixed_size_binary(chunk.type) else chunk.cast(pa.binary(length))
                content = np.frombuffer(fixed.buffers()[1], np.uint8).reshape(-1, length)
                cut = content[fixed.offset : fixed.offset + len(fixed), : self._width]
                yield np.ascontiguousarray(cut).view(f"S{self._width}")[:, 0]

    def _merge(self, blocks: list[np.ndarray]) -> None:
        self._sorted = np.unique(np.concatenate([self._sorted, *blocks]))

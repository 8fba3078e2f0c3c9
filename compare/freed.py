"""Memory that this process frees, kept for the next arrays where much the same comes again and again."""

import ctypes
from contextlib import suppress

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of mallopt(3)


def keep_what_is_freed(array: int, most: int) -> None:
    """Let next arrays have the memory of the last ones; else the kernel takes it back, and clears it anew for each.

    array: bytes of the largest that is kept so; most: bytes that are kept at the end of the heap.
    """
    with suppress(AttributeError):  # another C library
        for parameter, size in ((M_MMAP_THRESHOLD, array), (M_TRIM_THRESHOLD, most)):
            ctypes.CDLL(None).mallopt(parameter, size)

"""NumPy 1.10's argpartition: which entries are the largest, in the order in which it left them.

The order of the k largest is whatever the selection's swaps leave, and later NumPy selects in another way. The
original joins its sounds in this order, so it is part of a wav. Source: NumPy's introselect (Musser 1997), for values
without NaN; after 2 log2(n) poor pivots NumPy takes medians of medians, here it stays with medians of three, which
changes the order and not the set.
"""

import numpy as np


def argpartition(values: np.ndarray, kth: int) -> list[int]:
    """Return a permutation of (n,) values with the kth smallest in its place, smaller ones before it."""
    v = values.tolist()
    order = list(range(len(v)))
    low, high = 0, len(v) - 1
    if kth < 3:
        _select_smallest(v, order, kth)
        return order
    if kth == high:
        last = max(range(len(v)), key=lambda i: (v[i], i))
        order[kth], order[last] = order[last], order[kth]
        return order
    while low + 1 < high:
        _median_to_low(v, order, low, low + (high - low) // 2, high)
        up, down = _partition(v, order, v[order[low]], low + 1, high)
        order[low], order[down] = order[down], order[low]
        if down >= kth:
            high = down - 1
        if down <= kth:
            low = up
    if high == low + 1 and v[order[high]] < v[order[low]]:
        order[high], order[low] = order[low], order[high]
    return order


def largest(values: np.ndarray, count: int) -> np.ndarray:
    """Return for each column of (n, n_columns) the rows of its `count` largest, (count, n_columns) int64."""
    n = len(values)
    return np.array([argpartition(column, n - count)[-count:] for column in values.T]).T


def _select_smallest(v: list[float], order: list[int], kth: int) -> None:
    for i in range(kth + 1):
        smallest = min(range(i, len(order)), key=lambda j: v[order[j]])
        order[i], order[smallest] = order[smallest], order[i]


def _median_to_low(v: list[float], order: list[int], low: int, mid: int, high: int) -> None:
    """Put the median of three at `low` and the smallest after it, where it stops the search downwards."""
    for a, b in ((high, mid), (high, low), (low, mid)):
        if v[order[a]] < v[order[b]]:
            order[a], order[b] = order[b], order[a]
    order[mid], order[low + 1] = order[low + 1], order[mid]


def _partition(v: list[float], order: list[int], pivot: float, up: int, down: int) -> tuple[int, int]:
    while True:
        up += 1
        while v[order[up]] < pivot:
            up += 1
        down -= 1
        while pivot < v[order[down]]:
            down -= 1
        if down < up:
            return up, down
        order[up], order[down] = order[down], order[up]

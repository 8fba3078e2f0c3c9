"""Which of several clips' verdicts is shown, and which of several causes is the nearest."""

from types import SimpleNamespace
from typing import Any

import numpy as np

from reprise_kit.compare.comparison import describe, worst
from reprise_kit.compare.explain import Tried
from reprise_kit.compare.verdict import Verdict


def verdict(outcome: Any = "match", needed: float | None = 0.0, allowed: float = 1.0, equal: float = 1.0) -> Verdict:
    return Verdict("log_mel", "chained", outcome, needed_atol=needed, allowed_atol=allowed, equal=equal)


def test_the_worst_is_what_says_nothing_then_what_differs_then_what_comes_nearest() -> None:
    ordered = [verdict(needed=0.9, allowed=0.0), verdict(needed=0.5), verdict(needed=0.9),
               verdict("mismatch", 1.5), verdict("mismatch", 4.0), verdict("missing", None)]  # fmt: skip
    other = Verdict("lstm_1", "chained", "missing")
    for n in range(1, len(ordered) + 1):
        results: Any = [SimpleNamespace(chained=[other, one], clip=f"{i}") for i, one in enumerate(ordered[:n])]
        stage: Any = SimpleNamespace(name="log_mel")
        assert worst(results, stage, "chained") == (ordered[n - 1], f"{n - 1}")


def test_causes_rank_by_agreement_then_nearness_then_equal_values() -> None:
    nothing: Any = None
    order = [verdict(equal=0.9), verdict(equal=0.1), verdict(needed=0.5), verdict("mismatch", 2.0),
             verdict("shape", None)]  # fmt: skip
    ranks = [Tried(nothing, "reference", one).rank for one in order]
    assert ranks == sorted(ranks) and len(set(ranks)) == len(ranks)
    assert ranks[-1][1] == np.inf


def test_a_verdict_is_described_by_what_failed_it() -> None:
    assert describe(Verdict("log_mel", "chained", "missing", detail="no such stage")) == "missing: no such stage"
    off: Any = {"max_abs": 0.5, "worst_index": (3, 1), "allowed_atol": 0.25}
    told = "off by 0.5 at [3, 1], allowed 0.25, chained"
    assert describe(Verdict("log_mel", "chained", "mismatch", **off)) == told
    for equal, allowed in ((0.9, 0.9), (0.9, 0.0)):
        assert describe(Verdict("log_mel", "chained", "mismatch", equal=equal, allowed_equal=allowed, **off)) == told
    few = describe(Verdict("log_mel", "chained", "mismatch", equal=0.5, allowed_equal=0.9, **off))
    assert few == "50.0% of the values bit-equal, 90% wanted; off by 0.5, chained"

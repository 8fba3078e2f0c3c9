"""Every kind that the generator found wrong ends as it has to, and shows the fault where its rule is taken away."""

from pathlib import Path
from typing import Any

import keras
import pytest

from reprise_kit.port.keras_legacy.rules.convolution import same_padding

from . import kinds
from .migrating import outcome


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return kinds.unpack(tmp_path_factory.mktemp("kinds"))


@pytest.fixture(autouse=True)
def fresh_session() -> Any:
    yield
    keras.backend.clear_session()


@pytest.mark.parametrize("name", kinds.KINDS)
def test_a_kind_is_right_or_refused_by_name(name: str, folders: dict[str, Path]) -> None:
    kind, found = kinds.KINDS[name], outcome(folders[name])
    assert found.kind == ("refused" if kind.refused else "right"), found
    assert kind.refused in found.message
    assert set(kind.asked) <= set(found.asked)


def _wrong(folder: Path) -> bool:
    return outcome(folder).kind == "wrong"


def test_the_least_length_is_the_backends(folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    from reprise_kit.port.keras_legacy.backend_functions import Operations

    monkeypatch.setattr(Operations, "least_square_sum", 1e-12)
    assert _wrong(folders["l2_normalize near 0 on Theano"])
    assert _wrong(folders["l2_normalize near 0 on Theano, Keras 1"])


def test_a_stride_within_one_place(folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """TensorFlow reads beyond the input: where this fails, it was mended there, and the rule can go.

    What lies there is chance, and which of the two kinds reads it depends on the processor.
    """
    from reprise_kit.port.keras_legacy.rules import convolution

    monkeypatch.setattr(convolution, "one_place", lambda *_: [])
    tried = [name for name in kinds.KINDS if name.startswith("one channel, one place")] * 4
    assert any(_wrong(folders[name]) for name in tried)


@pytest.mark.parametrize("name", [name for name, kind in kinds.KINDS.items() if kind.refused == "lost that axis"])
def test_a_lost_axis_is_wrong_where_it_is_not_refused(
    name: str, folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    from reprise_kit.port.keras_legacy.rules import time_distributed

    monkeypatch.setattr(time_distributed, "_check_squeezed", lambda *_: None)
    assert _wrong(folders[name])


@pytest.mark.parametrize("name", [name for name in kinds.KINDS if name.startswith("same")])
def test_padded_pools_of_theano(name: str, folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    from .faults import _pool_as_tensorflow

    _pool_as_tensorflow(monkeypatch.setattr)
    assert _wrong(folders[name])


def test_a_sum_of_steps_and_a_vector(folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """As many samples as steps: without the new axis the vectors go along the wrong one, and nothing stops it."""
    from reprise_kit.port.keras_legacy.rules import merge

    monkeypatch.setattr(merge, "_of_one_rank", lambda tensors: tensors)
    assert _wrong(folders["a sum of steps and a vector"])
    assert _wrong(folders["a sum of a vector, steps and a vector"])


def _as_a_common_one(*arguments: Any, from_edge: bool) -> Any:
    return same_padding(*arguments)


@pytest.mark.parametrize(
    ("module", "rule", "instead", "kind"),
    [
        ("states", "forget", lambda *_: [], "states inside a Merge of a Merge"),
        ("rules.graph", "_check_sizes", lambda *_: None, "a model of other sizes"),
        ("rules.time_distributed", "_check_handed_mask", lambda *_: None, "a mask of steps of steps"),
        ("rules.merge", "added", lambda ops, x, y: ops.add(x, y), "an average of as many samples"),
        (
            "rules.separable",
            "same_padding",
            lambda *args, from_edge: same_padding(*args),
            "a separable convolution of 2",
        ),
    ],
)
def test_without_its_rule_a_kind_is_wrong(
    module: str, rule: str, instead: Any, kind: str, folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"reprise_kit.port.keras_legacy.{module}.{rule}", instead)
    names = [name for name in kinds.KINDS if name.startswith(kind)]
    assert names
    assert all(_wrong(folders[name]) for name in names)

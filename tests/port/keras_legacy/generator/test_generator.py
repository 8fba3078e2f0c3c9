"""The generator: deterministic, covers what is known to matter, shrinks, and bites; its kept graphs migrate rightly."""

import copy
import json
import random
from collections import defaultdict
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from . import recorded
from .coverage import as_covered, covered, universe
from .draw import spec
from .drawing import Stack
from .faults import FAULTS, find
from .migrating import Outcome, _answer, _difference, outcome
from .report import missing, tables
from .rows import forget, rows
from .runs import Run
from .shrink import as_code, shrink

STACKS = [
    *(Stack(keras, backend) for keras in ("1.0.6", "1.1.0", "1.2.2") for backend in ("theano", "tensorflow")),
    *(Stack(keras, backend) for keras in ("2.0.9", "2.2.4", "2.3.1") for backend in ("theano", "tensorflow")),
]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return recorded.unpack(tmp_path_factory.mktemp("graphs"))


@pytest.fixture(autouse=True)
def fresh_session() -> Any:
    yield
    keras.backend.clear_session()


@pytest.mark.parametrize("stack", STACKS, ids=str)
def test_the_same_numbers_draw_the_same_graph(stack: Stack) -> None:
    aims = [None, *random.Random(4).sample(universe(stack), 25), None]
    drawn = [spec(stack, number, 5, aim) for number, aim in enumerate(aims)]
    assert drawn == [spec(stack, number, 5, aim) for number, aim in enumerate(aims)]
    assert drawn == json.loads(json.dumps(drawn))
    assert drawn != [spec(stack, number, 6, aim) for number, aim in enumerate(aims)]


@pytest.mark.parametrize("stack", [STACKS[4], STACKS[8]], ids=str)
def test_a_graph_covers_what_it_aims_at(stack: Stack) -> None:
    """Each number aims at one item; nearly all are met, the rest in other graphs."""
    aims = random.Random(2).sample(universe(stack), 200)
    met = sum(as_covered(aim) in set(covered(spec(stack, i, 1, aim)["graph"])) for i, aim in enumerate(aims))
    assert met >= 0.93 * len(aims)


def test_the_kinds_that_others_found_are_drawn() -> None:
    """What was wrong once: masks through TimeDistributed and merges, modes, wide strides, slopes, odd names."""
    stack = Stack("1.2.2", "tensorflow")
    targets = universe(stack)
    seen: dict[str, int] = defaultdict(int)
    for number in range(600):
        graph = spec(stack, number, 3, targets[number])["graph"]
        for kind in set(_kinds(graph)):
            seen[kind] += 1
    wanted = ("masked merge", "masked td", "bn mode 2", "td of bn", "wide stride", "bi back", "hard cell", "lambda",
              "negative slope", "odd name", "in place", "function merge", "nested", "shared", "stateful")  # fmt: skip
    assert not [kind for kind in wanted if not seen[kind]], dict(seen)


def _kinds(graph: dict[str, Any]) -> Any:
    by = {}
    for step in graph["steps"]:
        layer = graph["layers"][step["layer"]]
        name, args, inner = layer["class"], layer["args"], layer.get("inner", {"class": "", "args": {}})
        before = {by.get(source) for source in step["from"]}
        yield from (["masked merge"] if name == "Merge" and "Masking" in before else [])
        yield from (["masked td"] if name == "TimeDistributed" and "Masking" in before else [])
        yield from (["bn mode 2"] if name == "BatchNormalization" and args.get("mode") == 2 else [])
        yield from (["td of bn"] if inner["class"] == "BatchNormalization" else [])
        same = args.get("border_mode") == "same"
        yield from (
            ["wide stride"] if same and args.get("subsample_length", 1) >= args.get("filter_length", 9) + 2 else []
        )
        yield from (["bi back"] if name == "Bidirectional" and inner["args"].get("go_backwards") else [])
        yield from (["hard cell"] if name in ("LSTM", "GRU") and args.get("activation") == "hard_sigmoid" else [])
        yield from (["negative slope"] if name == "LeakyReLU" and args.get("alpha", 0) < 0 else [])
        yield from (["odd name"] if args.get("name") in ("+1", "a+b", "_lead", "with space") else [])
        yield from (["in place"] if name == "Dropout" and args.get("p") == 0 and step["from"] == ["in_0"] else [])
        yield from ({"Lambda": ["lambda"], "Model": ["nested"], "Sequential": ["nested"]}.get(name, []))
        yield from (["function merge"] if name == "Merge" and "function" in layer else [])
        yield from (["shared"] if sum(s["layer"] == step["layer"] for s in graph["steps"]) > 1 else [])
        yield from (["stateful"] if args.get("stateful") else [])
        by.update(dict.fromkeys(step["to"], name))


def test_the_kept_graphs_are_many(folders: list[Path]) -> None:
    stacks = {folder.parent.name for folder in folders}
    assert len(folders) == recorded.COUNT
    assert {name[0] for name in stacks} == {"1", "2"}
    assert {name.rpartition("-")[2] for name in stacks} == {"theano", "tensorflow"}


@pytest.mark.parametrize("place", range(recorded.COUNT))
def test_a_kept_graph_migrates_rightly(place: int, folders: list[Path]) -> None:
    found = outcome(folders[place])
    assert found.kind == "right", (folders[place].parent.name, folders[place].name, found)


@pytest.mark.parametrize("name", FAULTS)
def test_a_wrong_rule_is_found(name: str, folders: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    found = find(FAULTS[name], folders, monkeypatch.setattr)
    assert found is not None, f"no kept graph shows it: {name}"


@pytest.mark.parametrize("change", ["value", "shape", "nan"])
def test_a_wrong_output_is_seen(change: str) -> None:
    right = np.linspace(-1, 1, 12, dtype="float32").reshape(4, 3)
    wrong = right.copy()
    if change == "value":
        wrong[0, 0] += 1e-4
    if change == "nan":
        wrong[0, 0] = np.nan
    assert _difference(right, right, 1e-7).kind == "right"
    assert _difference(wrong[:, :1] if change == "shape" else wrong, right, 1e-7).kind == "wrong"


def test_shrinking_leaves_what_fails() -> None:
    stack = Stack("1.2.2", "theano")
    targets = universe(stack)
    drawn = next(
        one
        for one in (spec(stack, number, 1, targets[number]) for number in range(400))
        if one["graph"]["kind"] == "functional" and len(one["graph"]["steps"]) > 4 and _has(one["graph"], "Masking")
    )
    before = copy.deepcopy(drawn)
    small = shrink(drawn, lambda candidate: _has(candidate["graph"], "Masking"))
    assert drawn == before
    assert [layer["class"] for layer in small["graph"]["layers"].values()] == ["Masking"]
    assert "Masking" in as_code(small["graph"])


def _has(graph: dict[str, Any], name: str) -> bool:
    used = {step["layer"] for step in graph["steps"]}
    return any(layer["class"] == name for key, layer in graph["layers"].items() if key in used)


def test_a_run_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows decide what is done; a half-written row and a half-made folder are done again."""
    made: list[int] = []

    def record(self: Any, drawn: dict[str, Any], folder: Path) -> dict[str, Any]:
        assert not folder.exists()
        folder.mkdir(parents=True)
        (folder / "spec.json").write_text(json.dumps({**drawn, "made": {}}))
        made.append(drawn["number"])
        return {"error": "Exception: no", "at": "build"} if drawn["number"] == 2 else {"made": {}}

    monkeypatch.setattr("tests.port.keras_legacy.generator.runs.Worker.record", record)
    answer = {"kind": "right", "error": 1e-7, "allowed": 1e-5, "message": "", "asked": []}
    monkeypatch.setattr("tests.port.keras_legacy.generator.runs.Migrator.outcome", lambda self, folder: dict(answer))
    stack = Stack("1.2.2", "theano")
    run = Run(tmp_path, {str(stack): None}, 1)  # type: ignore[dict-item]
    run.go([stack], 3, 1)
    folder = tmp_path / str(stack)
    with (folder / "graphs.jsonl").open("a") as stream:
        stream.write('{"number": 3, "ma')
    (folder / "3").mkdir()
    (folder / "3" / "spec.json").write_text("half")
    with (folder / "graphs.jsonl").open("a") as stream:
        stream.write("\n")
    run.go([stack], 4, 1)
    assert made == [0, 1, 2, 3]
    assert sorted(rows(folder / "outcomes.jsonl")) == [0, 1, 3]
    (table,) = tables(tmp_path)
    assert table.count("right") == 3
    possible, left = missing([table])
    assert 0 < possible - len(left) < possible
    forget(tmp_path, {"right"})
    assert not rows(folder / "outcomes.jsonl")


def test_an_unanswerable_question_is_a_refusal(folders: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    from reprise_kit.compare.errors import InputError
    from reprise_kit.port.keras_legacy import migrate

    def ask(*_: Any) -> None:
        raise InputError("say it with --keras-version")

    monkeypatch.setattr(migrate, "migrate_files", ask)
    found = outcome(folders[0])
    assert found == Outcome("refused", message="say it with --keras-version", asked=("keras_version",))


def test_the_sizes_that_a_sequential_lost_are_answered() -> None:
    """Keras 2.2 and 2.3 left them out after an InputLayer; of a model inside another nobody knows them by heart."""
    from reprise_kit.port.keras_legacy.migrate import Options

    graph = {"kind": "sequential", "inputs": [{"declared": [None, 3]}], "layers": {}, "steps": []}
    question = "give the sizes of one input, as --input-shape a b=28,28,1"
    answer = _answer(question, Options(), {"graph": graph})
    assert answer == {"input_shape": ("a b=-,3",)}
    assert _answer(question, Options(input_shape=answer["input_shape"]), {"graph": graph}) is None
    assert _answer(question, Options(), {"graph": graph | {"kind": "functional"}}) is None

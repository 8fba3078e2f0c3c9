"""Mutation testing: the kit's code broken in one small place at a time, to see whether a narrow test notices.

    python -m tests.mutation map OUT [TEST...]           which lines each test runs; goes on where it was stopped
    python -m tests.mutation run OUT N SEED [PATH...]    N mutants drawn from a seed, or those of them in some folders;
                                                         goes on where it was stopped
    python -m tests.mutation again OUT N SEED [PATH...]  the same, and those that lived meet today's tests
    python -m tests.mutation table OUT                   the score, and the mutants that survived

A mutant is tested in a copy of the tree, OUT/tree, so that programs which a test starts meet it too, and in a fork of
a process that has collected all tests (`inside.py`). It meets the tests that run its line (in the test's process or in
one that it starts), of each way that a test takes through its file some, quickest first, and is dead with the first
that fails or takes too long, if that one passes on the good code, in such a fork too.
"""

import gc
import json
import os
import resource
import select
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from reprise_kit.compare.workers import end_with_parent
from tests import json_lines
from tests.mutation.coverage import Coverage
from tests.mutation.inside import Collected, put
from tests.mutation.lines import FOLLOWED, Lines
from tests.mutation.mutants import Mutant, drawn

ROOT = Path(__file__).parents[2]
TARGETS = ("port/keras_legacy/rules/", "compare/", "port/audio/")  # mutants are judged in this order
OF_RULES = (
    *("rules", "test_rules.py", "test_build.py", "test_config_keys.py", "test_config_defaults.py", "test_convlstm.py"),
    *("test_stateful.py", "test_masks.py", "test_lambdas.py", "test_calls.py", "test_kernel_gradients.py"),
    *("test_family.py", "test_family_2.py", "test_family_tf.py", "test_causes.py", "test_convert.py", "test_verify.py"),
)
TESTS = (
    *(f"tests/port/keras_legacy/{name}" for name in OF_RULES),
    *("tests/compare", "tests/port/audio", "tests/port/deepsound_crnn/test_live.py"),
    *("tests/commands/test_own_systems.py", "tests/test_systems.py", "tests/apps/archive/test_faults.py"),
    "tests/test_reprise.py",
)
MOST, SECONDS = 60, 6.0  # tests a mutant meets, and the processor time that they take on the good code
TIMES, MORE = 3, 40.0  # so many times that, and seconds more, and a mutant is slow, which is dead
NEW = 0.001  # seconds that a test is taken to need which came after the map
DEAD, LIVED = ("dead", "slow"), ("survived", "late", "untested")
WALL = 240.0  # seconds of the clock, then it is late: not judged, `again` tries it anew


def sources(root: Path) -> dict[str, str]:
    """The text of every file of the targets, by its path below the root."""
    files = [path for target in TARGETS for path in (root / target).rglob("*.py")]
    return {path.relative_to(root).as_posix(): path.read_text() for path in files}


def make_tree(out: Path) -> Path:
    """Return a copy of the tracked tree, made once; its tests are today's."""
    tree = out / "tree"
    made = tree.exists()
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    for name in listed.decode().split("\0"):
        if name and (ROOT / name).exists() and (name.startswith("tests/") or not made):
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, tree / name, follow_symlinks=False)
    return tree


def in_tree(tree: Path) -> None:
    """Import the kit from the copy, here and in every program that is started from here."""
    os.chdir(tree)
    os.environ |= {"PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
    sys.dont_write_bytecode = True
    sys.path[:] = [str(tree), *(entry for entry in sys.path if Path(entry or ".").resolve() != ROOT)]
    for name in [name for name in sys.modules if name.split(".")[0] in ("tests", "reprise_kit")]:
        del sys.modules[name]


def forked(work: Any, seconds: float | None = None) -> int:
    """Do something in a child of its own process group, for so long; return its exit code, or minus its signal."""
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        end_with_parent(parent)
        os.setsid()
        code = 70
        try:
            code = int(work())
        finally:
            os._exit(code)
    ended = os.pidfd_open(pid)
    if not select.select([ended], [], [], seconds)[0]:
        os.kill(pid, signal.SIGKILL)
    os.close(ended)
    _, status = os.waitpid(pid, 0)
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)  # whatever a broken test left running
    return os.waitstatus_to_exitcode(status)


def test_files(tree: Path) -> list[str]:
    """The files of TESTS, below the tree."""
    return [str(p.relative_to(tree)) for t in TESTS for p in sorted((tree / t).rglob("test_*.py")) or [tree / t]]


def map_lines(out: Path, only: list[str]) -> None:
    """Run every test once, file by file, or those of some files or folders, and write which lines it runs."""
    tree, done_file = make_tree(out), out / "mapped"
    kit = "reprise_kit/__init__.py"
    (tree / kit).write_text((ROOT / kit).read_text() + FOLLOWED)
    done = set(done_file.read_text().split()) if done_file.exists() else set()
    for file in test_files(tree):
        if file in done or not file.startswith(tuple(only)):
            continue
        part = out / "part.jsonl"
        part.unlink(missing_ok=True)

        def work(file: str = file, part: Path = part) -> int:
            in_tree(tree)
            plugin = Coverage(Lines.made(tree, sources(tree), out), part)
            return pytest.main(["-q", "-p", "no:cacheprovider", "-o", "timeout=600", file], plugins=[plugin])

        print(file, forked(work), flush=True)
        with (out / "lines.jsonl").open("a") as whole:
            whole.write(part.read_text() if part.exists() else "")
        with done_file.open("a") as listed:
            listed.write(file + "\n")
    shutil.copy2(ROOT / kit, tree / kit)


def meeting(rows: list[dict[str, Any]], path: str, mutant: Mutant) -> list[dict[str, Any]]:
    """The tests that a mutant meets: those that run its line; of a module's own line, its file.

    First all of the file that is named for it, then the quickest, MOST at most: of each function of a test one for
    each set of the file's lines that it runs, then each with its next parameters. All while they fit in SECONDS.
    """
    own = str(Path("tests", path).with_name(f"test_{Path(path).name}"))
    of_file = [row for row in rows if path in row["lines"]]
    of_line = [row for row in of_file if mutant.in_function and mutant.line in row["lines"][path]]
    turns: Counter[tuple[str, tuple[int, ...]]] = Counter()
    ranked = []
    for row in sorted(of_line or of_file, key=lambda row: row["seconds"]):
        file, function = row["test"].split("[")[0].split("::", 1)
        way = function, tuple(row["lines"][path])
        ranked.append((file != own, turns[way], row["seconds"], row))
        turns[way] += 1
    chosen: list[dict[str, Any]] = []
    for other, _, _, row in sorted(ranked, key=lambda entry: entry[:3]):
        fits = total(chosen) + row["seconds"] <= SECONDS and (not other or len(chosen) < MOST)
        if fits or not chosen:
            chosen.append(row)
    return chosen


def since(rows: list[dict[str, Any]], names: Iterable[str]) -> list[dict[str, Any]]:
    """The tests that came after the map, as if each ran all lines that the others of its file run, or its subject's."""
    functions = {row["test"].split("[")[0] for row in rows}
    whole: dict[str, dict[str, set[int]]] = defaultdict(lambda: defaultdict(set))
    for row in rows:
        for path, lines in row["lines"].items():
            whole[row["test"].split("::")[0]][path] |= set(lines)
    found = []
    for name in names:
        file = name.split("::")[0]
        if name.split("[")[0] not in functions:
            subject = Path(file).relative_to("tests").with_name(Path(file).name.removeprefix("test_")).as_posix()
            found.append({"test": name, "seconds": NEW, "lines": {**whole[file], subject: range(1, 1000)}})
    return found


def total(rows: list[dict[str, Any]]) -> float:
    """The seconds of processor time that some tests take together."""
    return float(sum(row["seconds"] for row in rows))


class Bench:
    """Where mutants meet tests: a tree, its good sources, and which tests pass on them in a fork of this process."""

    def __init__(self, tree: Path, items: dict[str, pytest.Item], tests: Collected) -> None:
        self.tree, self.items, self.tests = tree, items, tests
        self.running = tree.parent / "running"  # the test that a mutant meets just now
        self.passes: dict[str, bool] = {}

    def fate(self, path: str, source: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
        """Return what became of a file's changed source, how many tests it met at most, and which one it died of."""
        met = [row for row in rows if row["test"] in self.items and self.passes.get(row["test"], True)]
        if not met:
            return {"fate": "untested", "tests": 0}
        found = self._meet(path, source, met)
        if found == "survived":
            return {"fate": found, "tests": len(met)}
        (by,) = [row for row in met if row["test"] == self.running.read_text()]
        if by["test"] not in self.passes:
            self.passes[by["test"]] = self._meet(path, (self.tree / path).read_text(), [by]) == "survived"
        if not self.passes[by["test"]]:
            return self.fate(path, source, rows)  # without a test that fails, or hangs, on the good code too
        if found == "late" and (alone := self._meet(path, source, [by])) != "survived":
            found = "slow" if alone == "late" else alone  # it was not the others' time that it wanted
        return {"fate": found, "tests": len(met), "by": by["test"]}

    def _meet(self, path: str, source: str, met: list[dict[str, Any]]) -> str:
        """Return "dead", "slow" (which is dead too), "survived" or "late"."""
        good = (self.tree / path).read_text()
        seconds = int(MORE + TIMES * total(met))

        def work() -> int:
            resource.setrlimit(resource.RLIMIT_CPU, (seconds, resource.getrlimit(resource.RLIMIT_CPU)[1]))
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, 1), os.dup2(null, 2)
            put(path, source, good)
            return int(self.tests.failed([self.items[row["test"]] for row in met], self.running))

        try:
            (self.tree / path).write_text(source)
            code = forked(work, WALL)
        finally:
            (self.tree / path).write_text(good)
        return {0: "survived", -signal.SIGXCPU: "slow", -signal.SIGKILL: "late"}.get(code, "dead")


def run(out: Path, n: int, seed: int, only: list[str], again: bool) -> None:
    """Test mutants until n of the seed's have met their fate; again: in the end, those that lived once more."""
    tree = make_tree(out)
    rows = json_lines.rows(out / "lines.jsonl")
    results = out / "results.jsonl"
    done = judged(results)
    lived = {number for number, row in done.items() if row["fate"] in LIVED} if again else set()
    kept = out / "good.json"
    if not kept.exists():
        kept.write_text(json.dumps(sources(tree)))
    good: dict[str, str] = json.loads(kept.read_text())
    for name, text in good.items():
        (tree / name).write_text(text)  # a run that was stopped may have left a mutant

    def each(items: dict[str, pytest.Item], tests: Collected) -> None:
        known = [*rows, *since(rows, items)]
        bench = Bench(tree, items, tests)
        gc.collect()
        gc.freeze()  # else each fork would look through, and copy, all that was collected
        turn = {path: [not path.startswith(target) for target in TARGETS] for path in good}
        asked = (one for one in enumerate(drawn(good, n, seed)) if one[1][0].startswith(tuple(only)))
        every = sorted(asked, key=lambda one: turn[one[1][0]])
        left = [one for one in every if one[0] not in done] + [one for one in every if one[0] in lived]
        for number, (path, mutant) in left:
            began = time.monotonic()
            row = {"number": number, "path": path, "line": mutant.line, "change": mutant.change}
            row |= bench.fate(path, mutant.source, meeting(known, path, mutant))
            row |= {"seconds": round(time.monotonic() - began, 1)}
            with results.open("a") as file:
                file.write(json.dumps(row) + "\n")

    in_tree(tree)
    pytest.main(["-q", "-q", "-p", "no:cacheprovider", *test_files(tree)], plugins=[Collected(each)])


def judged(results: Path) -> dict[int, dict[str, Any]]:
    """The rows of mutants by number, of each the last."""
    return {row["number"]: row for row in json_lines.rows(results)}


def table(out: Path) -> None:
    """Print the score by target, and the mutants that lived."""
    rows = list(judged(out / "results.jsonl").values())
    for target in (*TARGETS, ""):
        fates = Counter(row["fate"] for row in rows if row["path"].startswith(target))
        n = sum(fates.values())
        dead = sum(fates[fate] for fate in DEAD)
        share = dead / max(n, 1)
        print(f"{target or 'all'}: {dead} of {n} dead ({share:.1%}), {dict(fates)}")
    for row in sorted((row for row in rows if row["fate"] not in DEAD), key=lambda row: (row["path"], row["line"])):
        print(f"{row['path']}:{row['line']}  {row['fate']} ({row['tests']} tests)  {row['change']}")


if __name__ == "__main__":
    command, out = sys.argv[1], Path(sys.argv[2]).resolve()
    out.mkdir(parents=True, exist_ok=True)
    if command == "map":
        map_lines(out, sys.argv[3:] or [""])
    elif command in ("run", "again"):
        run(out, int(sys.argv[3]), int(sys.argv[4]), sys.argv[5:] or [""], command == "again")
    else:
        table(out)

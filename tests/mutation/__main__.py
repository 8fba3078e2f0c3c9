"""Mutation testing: the kit's code broken in one small place at a time, to see whether a narrow test notices.

    python -m tests.mutation map OUT              which tests run which lines (once; goes on where it was stopped)
    python -m tests.mutation run OUT N [SEED]     N mutants drawn from a seed; goes on where it was stopped
    python -m tests.mutation table OUT            the score, and the mutants that survived

A mutant is tested in a copy of the tree, OUT/tree, so that programs which a test starts meet it too, and in a fork of
a process that has collected all tests (`inside.py`). It meets the tests that run its line, quickest first, at most MOST
of them, and is dead with the first that fails or takes too long. The same tests pass on the good code, or it is not
judged.
"""

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from reprise_kit.compare.workers import end_with_parent
from tests import json_lines
from tests.mutation.coverage import Lines
from tests.mutation.inside import Collected, put
from tests.mutation.mutants import drawn

ROOT = Path(__file__).parents[2]
TARGETS = ("port/audio/", "port/keras_legacy/rules/", "compare/")
TESTS = (
    "tests/port/audio",
    "tests/compare",
    "tests/commands/test_own_systems.py",
    "tests/test_systems.py",
    "tests/port/keras_legacy/test_family.py",
    "tests/port/keras_legacy/test_family_2.py",
    "tests/port/keras_legacy/test_masks.py",
    "tests/port/keras_legacy/test_rules.py",
    "tests/port/keras_legacy/test_build.py",
    "tests/port/keras_legacy/test_causes.py",
    "tests/port/keras_legacy/test_convlstm.py",
    "tests/port/keras_legacy/test_stateful.py",
    "tests/port/keras_legacy/test_convert.py",
    "tests/port/keras_legacy/test_config_keys.py",
    "tests/port/keras_legacy/test_calls.py",
    "tests/port/keras_legacy/test_lambdas.py",
    "tests/test_reprise.py",
)
MOST = 24  # tests a mutant meets
CPU_SECONDS = 90  # of a mutant's tests


def sources(root: Path) -> dict[str, str]:
    """The text of every file of the targets, by its path below the root."""
    files = [path for target in TARGETS for path in (root / target).rglob("*.py")]
    return {path.relative_to(root).as_posix(): path.read_text() for path in files}


def make_tree(out: Path) -> Path:
    """Return a copy of the tracked tree, made once."""
    tree = out / "tree"
    if not tree.exists():
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
        for name in listed.decode().split("\0"):
            if name and (ROOT / name).exists():
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


def forked(work: Any) -> int:
    """Do something in a child of its own process group; return its exit code, or minus its signal."""
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
    _, status = os.waitpid(pid, 0)
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)  # whatever a broken test left running
    return os.waitstatus_to_exitcode(status)


def test_files() -> list[str]:
    """The files of TESTS, below the root."""
    return [str(p.relative_to(ROOT)) for t in TESTS for p in sorted((ROOT / t).rglob("test_*.py")) or [ROOT / t]]


def map_lines(out: Path) -> None:
    """Run every test once, file by file, and write which lines it runs."""
    tree, done_file = make_tree(out), out / "mapped"
    done = set(done_file.read_text().split()) if done_file.exists() else set()
    for file in test_files():
        if file in done:
            continue
        part = out / "part.jsonl"
        part.unlink(missing_ok=True)

        def work(file: str = file, part: Path = part) -> int:
            in_tree(tree)
            plugin = Lines(tree, TARGETS, part)
            return pytest.main(["-q", "-p", "no:cacheprovider", "-o", "timeout=600", file], plugins=[plugin])

        print(file, forked(work), flush=True)
        with (out / "lines.jsonl").open("a") as whole:
            whole.write(part.read_text() if part.exists() else "")
        with done_file.open("a") as listed:
            listed.write(file + "\n")


def meeting(rows: list[dict[str, Any]], path: str, line: int) -> list[dict[str, Any]]:
    """The tests that a mutant meets: those that run its line, else (a constant) those that run its file."""
    of_file = [row for row in rows if path in row["lines"]]
    of_line = [row for row in of_file if line in row["lines"][path]]
    quickest = sorted(of_line or of_file, key=lambda row: row["seconds"])
    if len(quickest) <= MOST:
        return quickest
    step = len(quickest) / (MOST / 2)  # half the quickest, half spread over all
    chosen = quickest[: MOST // 2] + [quickest[int(i * step)] for i in range(MOST // 2)]
    return list({row["test"]: row for row in chosen}.values())


def fate(tree: Path, path: str, source: str, met: list[pytest.Item], tests: Collected) -> str:
    """Return what became of a file's changed source: "dead", "slow" (which is dead too), "survived" or "untested"."""
    if not met:
        return "untested"
    good = (tree / path).read_text()

    def work() -> int:
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS + 5))
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1), os.dup2(null, 2)
        put(path, source)
        return int(tests.failed(met))

    try:
        (tree / path).write_text(source)
        code = forked(work)
    finally:
        (tree / path).write_text(good)
    return {0: "survived", 1: "dead", 70: "dead"}.get(code, "slow" if code == -signal.SIGXCPU else "dead")


def run(out: Path, n: int, seed: int) -> None:
    """Test mutants until n of the seed's have met their fate; first each file's tests on the good code."""
    tree = make_tree(out)
    rows = [json.loads(line) for line in (out / "lines.jsonl").read_text().splitlines()]
    results = out / "results.jsonl"
    done = {row["number"] for row in json_lines.rows(results)}
    kept = out / "good.json"
    if not kept.exists():
        kept.write_text(json.dumps(sources(tree)))
    good: dict[str, str] = json.loads(kept.read_text())
    for name, text in good.items():
        (tree / name).write_text(text)  # a run that was stopped may have left a mutant

    def each(items: dict[str, pytest.Item], tests: Collected) -> None:
        for number, (path, mutant) in enumerate(drawn(good, n, seed)):
            if number in done:
                continue
            began = time.monotonic()
            met = [items[row["test"]] for row in meeting(rows, path, mutant.line) if row["test"] in items]
            unchanged = fate(tree, path, good[path], met, tests)
            found = fate(tree, path, mutant.source, met, tests) if unchanged == "survived" else unchanged
            found = "unjudged" if unchanged not in ("survived", "untested") else found
            row = {"number": number, "path": path, "line": mutant.line, "change": mutant.change, "fate": found}
            row |= {"tests": len(met), "seconds": round(time.monotonic() - began, 1)}
            with results.open("a") as file:
                file.write(json.dumps(row) + "\n")

    in_tree(tree)
    pytest.main(["-q", "-q", "-p", "no:cacheprovider", *test_files()], plugins=[Collected(each)])


def table(out: Path) -> None:
    """Print the score by target, and the mutants that lived."""
    rows = [json.loads(line) for line in (out / "results.jsonl").read_text().splitlines()]
    for target in (*TARGETS, ""):
        fates = Counter(row["fate"] for row in rows if row["path"].startswith(target))
        total = sum(fates.values())
        dead = fates["dead"] + fates["slow"]
        share = dead / max(total, 1)
        print(f"{target or 'all'}: {dead} of {total} dead ({share:.1%}), {dict(fates)}")
    for row in sorted(
        (row for row in rows if row["fate"] not in ("dead", "slow")), key=lambda row: (row["path"], row["line"])
    ):
        print(f"{row['path']}:{row['line']}  {row['fate']} ({row['tests']} tests)  {row['change']}")


if __name__ == "__main__":
    command, out = sys.argv[1], Path(sys.argv[2]).resolve()
    out.mkdir(parents=True, exist_ok=True)
    if command == "map":
        map_lines(out)
    elif command == "run":
        run(out, int(sys.argv[3]), int(sys.argv[4]) if len(sys.argv) > 4 else 2016)
    else:
        table(out)

"""Differential runs of the migration on random graphs: `make fuzz-migrate ARGS="--count N --seed S"`.

Keras 1 needs a Python 2.7 with pip (--python27, as the family does); any stack may be given in a JSON file:
{"KERAS-BACKEND": {"python": ..., "environment": {...}}}. A stopped run goes on where it was.
"""

import argparse
import sys
from pathlib import Path

from ..family.run import environment
from .drawing import Stack
from .report import report, tables
from .rows import forget
from .runs import Run
from .stacks import Interpreter, environments

KERAS_1 = [f"{keras}-{backend}" for keras in ("1.0.6", "1.1.0", "1.2.2") for backend in ("theano", "tensorflow")]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=100, help="graphs of each stack")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("fuzz-migrate"))
    parser.add_argument("--python27", help="makes the stacks of Keras 1 in OUT/.stacks")
    parser.add_argument("--stacks", type=Path, help="a JSON file of stacks that are there")
    parser.add_argument("--only", nargs="+", help="these stacks only, as 1.2.2-theano")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument(
        "--again", nargs="*", default=[], help="migrate graphs once more that ended so: wrong refused ..."
    )
    parser.add_argument("--files-only", action="store_true", help="the old stacks' part: nothing is migrated")
    parser.add_argument("--migrate-only", action="store_true", help="the graphs that are made: the old stacks rest")
    parser.add_argument("--report", action="store_true", help="the table of what is there, nothing new")
    options = parser.parse_args()
    if options.again:
        forget(options.out, set(options.again))
    if not options.report:
        interpreters = environments(options.stacks) if options.stacks else _keras_1(options)
        names = options.only or list(interpreters)
        Run(options.out, interpreters, options.seed).go(
            [Stack(*name.split("-")) for name in names],
            options.count,
            options.jobs,
            make=not options.migrate_only,
            migrate=not options.files_only,
        )
    print(report(options.out))
    return 1 if any(table.count("wrong") + table.count("crashed") for table in tables(options.out)) else 0


def _keras_1(options: argparse.Namespace) -> dict[str, Interpreter]:
    if not options.python27:
        raise SystemExit("--python27 PYTHON or --stacks FILE: an old Keras is needed")
    home = (options.out / ".stacks").resolve()
    return {
        name: Interpreter(options.python27, environment(options.python27, home, *name.split("-")))
        for name in options.only or KERAS_1
    }


if __name__ == "__main__":
    sys.exit(main())

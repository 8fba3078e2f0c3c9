"""Migrate the models that Keras's own tests build, as family/*/spy*.py kept them, and count what comes out.

    python -m tests.port.keras_legacy.suites OUT [--only 1.1.0-theano ...] [--failures FILE] [--cells]

OUT is the spy's. The table counts right, wrong, refused and crashed models of each Keras version and backend, and
those that were refused for a class that the test itself defines; --cells gives those (own_cells.py), as a person
would with --replace.
FILE gets a line for each that is not right: the model, what was said, and the classes in it. Exit code 1: one is wrong.
"""

import argparse
import json
import re
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.port.keras_legacy.outcome import Outcome, answers, folders, outcome, port_loader

KINDS = ("right", "wrong", "refused", "crashed", "own class")
# Cells that Keras 2's tests define themselves: no file holds their code, and none can be built without it.
OWN = {"MinimalRNNCell", "RNNCellWithConstants"}


def classes(folder: Path) -> list[str]:
    """Return the layer classes of a model, each once."""
    found = re.findall(r'"class_name": "(\w+)"', (folder / "model.json").read_text())
    return sorted(set(found) - {"Model", "Sequential", "InputLayer"})


def ordering(folder: Path) -> str | None:
    """Return the image ordering that the test ran under, which some layers never save."""
    import numpy as np

    with np.load(folder / "golden.npz", allow_pickle=False) as arrays:
        about = json.loads(arrays["provenance"].item()) if "provenance" in arrays else {}  # Keras 2 saves them all
    said: str | None = about.get("image_ordering")
    return said


def measure(found: list[Path], replace_with: dict[str, Any]) -> dict[Path, Outcome]:
    """Return what becomes of each model, given these classes."""
    import keras

    results = {}
    for i, folder in enumerate(found):
        one = outcome(folder, port_loader("model.json", dim_ordering=ordering(folder), replace=replace_with))
        own = one.kind == "refused" and OWN & set(classes(folder))
        results[folder] = replace(one, kind="own class") if own else one
        if i % 25 == 0:
            keras.backend.clear_session()
    return results


def table(results: dict[Path, Outcome]) -> str:
    """Return the counts as a Markdown table."""
    counts: dict[str, Counter[str]] = {}
    for folder, one in results.items():
        counts.setdefault(folder.parent.name, Counter())[one.kind] += 1
    rows = ["| tests of | models | " + " | ".join(KINDS) + " |", "|---" * (2 + len(KINDS)) + "|"]
    for name, count in [*sorted(counts.items()), ("all", sum(counts.values(), Counter()))]:
        rows.append(f"| {name} | {count.total()} | " + " | ".join(str(count[kind]) for kind in KINDS) + " |")
    return "\n".join(rows)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--only", nargs="+", default=[])
    parser.add_argument("--failures", type=Path)
    parser.add_argument("--cells", action="store_true", help="give the cells that the tests define")
    options = parser.parse_args()
    found = [folder for folder in folders(options.out) if not options.only or folder.parent.name in options.only]
    if not found:
        parser.error(f"{options.out} holds no models; make them with family/py27/spy.py")
    live = [folder for folder in found if answers(folder)]
    from tests.port.keras_legacy.own_cells import CELLS

    results = measure(live, CELLS if options.cells else {})
    print(table(results))
    print(f"{len(found) - len(live)} models answered with empty arrays and are not counted")
    failures = {folder: one for folder, one in results.items() if one.kind != "right"}
    lines = [
        f"{folder.parent.name}/{folder.name}: {one.kind} {one.error:.2g} {one.message} [{' '.join(classes(folder))}]"
        for folder, one in failures.items()
    ]
    if options.failures:
        options.failures.write_text("\n".join(lines) + "\n")
    return 1 if any(one.kind == "wrong" for one in results.values()) else 0


if __name__ == "__main__":
    sys.exit(main())

"""A share of the random graphs that is kept in the repository, with what real old Keras answered: recorded.zip.

    python -m tests.port.keras_legacy.generator.recorded OUT      packs it anew from a run

Kept are graphs that migrate rightly: those that show each wrong rule of faults.py, then those that cover most that
the ones before did not, every stack in turn. Of the file forms each keeps the one that it is migrated from.
"""

import argparse
import json
import zipfile
from collections import defaultdict
from pathlib import Path

from ..family.run import keep
from .coverage import Item, covered
from .faults import FAULTS, Undo, find, right_folders

RECORDED = Path(__file__).parent / "recorded.zip"
COUNT = 62
LARGEST = 60_000  # bytes of a graph's files
FORMS = {"json": ("model.json", "weights.h5"), "yaml": ("model.yaml", "weights.h5"), "whole": ("whole.h5",)}


def unpack(scratch: Path) -> list[Path]:
    """Return the folders of the kept graphs, unpacked below `scratch`, in the order they were chosen."""
    with zipfile.ZipFile(RECORDED) as archive:
        archive.extractall(scratch)
        names = list(dict.fromkeys(name.rpartition("/")[0] for name in archive.namelist()))
    assert names, f"{RECORDED} holds nothing"
    return [scratch / name for name in names]


def files(folder: Path) -> list[Path]:
    """Return what is kept of a graph."""
    spec = json.loads((folder / "spec.json").read_text())
    form = spec["form"] if spec["form"] in spec["made"]["forms"] else "json"
    return [folder / "spec.json", *sorted(folder.glob("golden*.npz")), *(folder / name for name in FORMS[form])]


def chosen(folders: list[Path]) -> list[Path]:
    """Return the graphs to keep."""
    small = [folder for folder in folders if sum(path.stat().st_size for path in files(folder)) < LARGEST]
    first = []
    for fault in FAULTS.values():
        set_ = Undo()
        found = find(fault, small, set_)
        set_.undo()
        if found is not None and found.folder not in first:
            first.append(found.folder)
    return first + _covering(small, first)


def _covering(folders: list[Path], first: list[Path]) -> list[Path]:
    """Return further graphs, each the one of its stack that covers most that is not covered."""
    items: dict[Path, set[Item]] = {
        folder: set(covered(json.loads((folder / "spec.json").read_text())["graph"])) for folder in folders
    }
    seen: set[Item] = set().union(*(items[folder] for folder in first))
    by_stack: dict[str, list[Path]] = defaultdict(list)
    for folder in folders:
        if folder not in first:
            by_stack[folder.parent.name].append(folder)
    taken: list[Path] = []
    while len(first) + len(taken) < COUNT and any(by_stack.values()):
        for left in by_stack.values():
            if left and len(first) + len(taken) < COUNT:
                best = max(left, key=lambda folder: len(items[folder] - seen))
                left.remove(best)
                taken.append(best)
                seen |= items[best]
    return taken


def pack(folders: list[Path], target: Path) -> None:
    """Write the archive, without dates, so that the same graphs give the same file."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for folder in folders:
            for path in files(folder):
                keep(archive, f"{folder.parent.name}/{folder.name}/{path.name}", path.read_bytes())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    folders = chosen(right_folders(parser.parse_args().out))
    pack(folders, RECORDED)
    print(len(folders), "graphs,", RECORDED.stat().st_size, "bytes")


if __name__ == "__main__":
    main()

"""Which files of a repository can tell something of its environment: a data set in it is not opened."""

from collections import Counter
from collections.abc import Iterable

from reprise_kit.apps.adopt import notebooks

LIBRARIES = ("theano", "tensorflow", "numpy", "scipy", "sklearn")
MANY = 1000  # files of one ending: more of them are data
CODE = (".py", notebooks.ENDING)


def paths(every: Iterable[str]) -> set[str]:
    """Return of a repository's paths all code, and of any other ending those nearest to the root.

    100,000 pictures have nothing to say of an environment, and take minutes to write and to open.
    """
    told: set[str] = set()
    seen: Counter[str] = Counter()
    for path in sorted(every, key=lambda path: (path.count("/"), path)):
        ending = _ending(path)
        seen[ending] += 1
        if ending in CODE or seen[ending] <= MANY:
            told.add(path)
    return told


def own(every: Iterable[str]) -> tuple[list[str], list[str]]:
    """Return of a repository's paths those that are no copy of a library which the environment has anyway, and notes.

    A copy is a folder with the library's setup.py and package: its 500 files are no program of the repository's.
    """
    known = set(every)
    roots = {path.removesuffix("setup.py") for path in known if path.endswith("/setup.py")}
    copies = sorted((root, name) for root in roots for name in LIBRARIES if f"{root}{name}/__init__.py" in known)
    kept = sorted(path for path in known if not path.startswith(tuple(root for root, _ in copies)))
    return kept, [f"{root} is a copy of {name}: the environment's is used" for root, name in copies]


def left_out(unread: Iterable[str]) -> list[str]:
    """Say how many files were not opened, a line for each ending."""
    return [f"{n} further files {ending or 'without one'} were not opened: so many of a kind are data"
            for ending, n in Counter(map(_ending, unread)).items()]  # fmt: skip


def _ending(path: str) -> str:
    name = path.rpartition("/")[2].lower()
    return name[name.rfind(".") :] if "." in name else ""

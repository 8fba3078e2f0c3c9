"""A folder to listen to: every filter's sounds as wav, with a spectrogram of each, on one HTML page."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from jinja2 import Environment

from reprise_kit.compare.pictures import plain
from reprise_kit.port.audio.librosa041.mel import log_mel
from reprise_kit.port.deepsound_crnn.filters.winners import Span, Winners, write_wavs
from reprise_kit.port.deepsound_crnn.training.corpus import Corpus

FLOOR = -12.0  # ln(power) that is drawn black
PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>What excites each filter</title>
<style>
body { font: 15px/1.4 system-ui, sans-serif; margin: 2em; color: #222; background: #fff }
.filters { display: grid; grid-template-columns: repeat(auto-fill, minmax(260px, 1fr)); gap: 1em }
figure { margin: 0; border: 1px solid #ccc; padding: .6em } figcaption { font-size: 12px; overflow-wrap: anywhere }
img { width: 100%; height: 96px; image-rendering: pixelated } audio { width: 100% }
</style>
<h1>What excites each filter</h1>
<p>{{ how }} Pictures: time to the right, frequency upwards, 128 mel bands.</p>
{% for layer, filters in layers %}
<h2>{{ layer }}</h2>
<div class="filters">
{% for number, tracks in filters %}<figure>
<img src="{{ layer }}/{{ number }}.png" alt="spectrogram of filter {{ number }}" loading="lazy">
<audio controls preload="none" src="{{ layer }}/{{ number }}.wav"></audio>
<figcaption>{{ number }}: {{ tracks|join(", ") }}</figcaption>
</figure>
{% endfor %}</div>
{% endfor %}</html>
"""


def write(folder: Path, found: Sequence[Winners], corpus: Corpus, span: Callable[[int, int], Span], how: str) -> None:
    """Write LAYER/FILTER.wav and .png for every filter, and index.html; `how`: a sentence on what was cut out."""
    layers = []
    for won, by_filter in zip(found, write_wavs(folder, found, corpus.paths, span), strict=True):
        for number, samples in by_filter.items():
            draw(folder / won.layer / f"{number}.png", samples)
        layers.append((won.layer, [(i, _names(won, i, corpus)) for i in range(len(won.tracks))]))
    page = Environment(autoescape=True).from_string(PAGE).render(layers=layers, how=how)
    (folder / "index.html").write_text(page)


@plain()
def draw(path: Path, samples: np.ndarray) -> None:
    """Draw the log-mel of (n_samples,) samples, one pixel a frame and band."""
    from matplotlib.image import imsave

    padded = np.pad(samples, (0, max(0, 2048 - len(samples))))
    imsave(path, log_mel(padded).T[::-1], cmap="magma", vmin=FLOOR, vmax=6)


def _names(won: Winners, number: int, corpus: Corpus) -> list[str]:
    pairs = zip(won.tracks[number], won.frames[number], strict=True)
    return [f"{Path(corpus.paths[track]).stem} at output {frame}" for track, frame in pairs]

"""Ten colours that nobody mixes up: measured on the style sheet itself."""

import itertools
import re
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

STYLE = Path(__file__).parents[3] / "reprise_kit" / "apps" / "demo" / "static" / "style.css"
# Linear RGB as dichromats see it: Machado, Oliveira and Fernandes 2009, severity 1.
EYES = {
    "trichromat": np.eye(3),
    "protanope": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranope": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    "tritanope": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
}
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
WHITE = np.array([0.9505, 1.0, 1.089])
APART = 20.0  # CIE 1976; 2.3 is just noticeable side by side


def lab(hexadecimal: str, eye: str) -> NDArray[np.float64]:
    coded = np.array([int(hexadecimal[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    linear = np.where(coded <= 0.04045, coded / 12.92, ((coded + 0.055) / 1.055) ** 2.4)
    xyz = TO_XYZ @ np.clip(np.array(EYES[eye]) @ linear, 0, 1) / WHITE
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def nearest(colours: list[str], eye: str) -> float:
    seen = [lab(colour, eye) for colour in colours]
    return min(float(np.linalg.norm(a - b)) for a, b in itertools.combinations(seen, 2))


@pytest.mark.parametrize("eye", EYES)
def test_every_pair_is_far_apart(eye: str) -> None:
    found = dict(re.findall(r"--genre-(\d): (#[0-9A-F]{6})", STYLE.read_text()))
    assert sorted(found) == [str(k) for k in range(10)]
    assert nearest(list(found.values()), eye) >= APART


def test_a_common_palette_would_fail() -> None:
    first_five = ["#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd"]
    tableau = [*first_five, "#8c564b", "#e377c2", "#7f7f7f", "#bcbd22", "#17becf"]
    assert min(nearest(tableau, eye) for eye in EYES) < APART

"""Every setting of the two networks, each tagged: published (blog of 2014-08-05, NIPS 2013) or ours."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

Tag = Literal["published", "ours"]


@dataclass(frozen=True)
class Row:
    """A setting: its name, its value, whose it is, and a word on it."""

    name: str
    value: Any
    tag: Tag
    note: str = ""


BLOG = (
    Row("rate", 16000, "ours", "Hz; with the next two 30 s give 599 frames and two to spare"),
    Row("window", 1600, "ours", "samples"),
    Row("hop", 800, "ours", "samples"),
    Row("seconds", 30.0, "published", "from the middle of the track"),
    Row("bands", 128, "published", "mel"),
    Row("frames", 599, "published"),
    Row(
        "scale", "log(1 + 10000 power)", "ours", "published: log-scaled; then each band to mean 0 and deviation 1, ours"
    ),
    Row("filters", (256, 256, 512, 512), "published", "the last derived"),
    Row("length", 4, "published", "over time only, valid, ReLU"),
    Row("pools", (4, 2, 2, 1), "published"),
    Row("pooled", "mean, maximum, L2 norm", "published", "the norm as root mean square, ours"),
    Row("dense", (2048, 2048), "published", "ReLU, dropout"),
    Row("dropout", 0.5, "ours"),
    Row("factors", 40, "published", "scaled to unit norm"),
    Row("loss", "mse", "published"),
    Row("crop", 2, "ours", "frames of random shift in training; published: small random crops"),
    Row("batch", 16, "ours"),
    Row("learning_rate", 0.2, "ours", "of the error's mean over the factors"),
    Row("momentum", 0.9, "ours", "published: Nesterov's"),
    Row("init", "Glorot uniform", "ours"),
    Row("last layer", 0.1, "ours", "of Glorot's at the start: the first answers are near 0, as the factors are"),
    Row(
        "alpha, epsilon, lambda",
        (2.0, 1e-6, 1e-5),
        "published",
        "benanne/wmf's demo; the blog's targets were another's",
    ),
    Row("wmf iterations", 15, "ours"),
)
NIPS = (
    Row("rate", 22050, "published", "Hz"),
    Row("window", 1024, "published", "samples"),
    Row("hop", 512, "published", "samples"),
    Row("seconds", 29.0, "published"),
    Row("bands", 128, "published", "mel"),
    Row("frames", 129, "published", "3 s: at random in training, answers averaged over consecutive ones"),
    Row("scale", "log(1 + 10000 power)", "ours", "published: log; then each band to mean 0 and deviation 1, ours"),
    Row("filters", (256, 256), "ours", "published: two convolutions"),
    Row("length", 4, "ours"),
    Row("pools", (4, 4), "ours"),
    Row("dense", (512,), "ours", "published: two dense layers, the factors the second; ReLU; no dropout"),
    Row("dropout", 0.0, "published"),
    Row("factors", 50, "published", "400 for the larger set"),
    Row("loss", "mse", "published", "or wpe: sum c (p - x.y)^2"),
    Row("batch", 16, "ours"),
    Row("learning_rate", 0.1, "ours", "of the error's mean over the factors"),
    Row("momentum", 0.9, "ours"),
    Row("init", "Glorot uniform", "ours"),
    Row("last layer", 0.1, "ours", "of Glorot's at the start: the first answers are near 0, as the factors are"),
    Row("alpha, epsilon, lambda", (2.0, 1e-6, 1e-5), "published", "benanne/wmf's demo"),
    Row("wmf iterations", 15, "ours"),
)
TABLES = {"blog": BLOG, "nips": NIPS}


def of(mode: str) -> dict[str, Any]:
    """Return the settings of a mode by name."""
    return {row.name: row.value for row in TABLES[mode]}


def saved(mode: str) -> list[dict[str, Any]]:
    """Return the table as it is kept with a run."""
    return [asdict(row) for row in TABLES[mode]]

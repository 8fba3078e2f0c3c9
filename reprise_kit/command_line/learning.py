"""Learning from a corpus: training, what filters heard, cross-validation."""

import sys
from pathlib import Path

import click

from reprise_kit.command_line.options import DEFAULT, FILE, backend_option, command, weights_option
from reprise_kit.compare.errors import InputError
from reprise_kit.compare.shown import say

RECOMMENDER = "dieleman_spotify_2014"


@command()
@click.argument("folder", type=FILE)
@click.option("-o", "--out", type=FILE, required=True, help="The data set: .npz, .tfrecord, or .pkl for the original.")
@click.option("--workers", type=click.IntRange(1), help="Processes of one thread each; default: one a core.")
@click.option("--frames", type=click.IntRange(36), help="Frames of every track; default: those of the first.")
def dataset(folder: Path, out: Path, workers: int | None, frames: int | None) -> None:
    """Turn FOLDER, a corpus such as GTZAN with a sub-folder per genre, into a data set to train on.

    \b
    The name of --out says in which format:
      .npz       NumPy arrays
      .tfrecord  one tf.train.Example per track (features: docs/usage.md)
      .pkl       the pickle that the original of 2016 reads

    Every format can be read back by train, filters and training-parity. Tracks that cannot be read are listed and
    left out. A stopped run goes on from OUT.parts.
    """
    from reprise_kit.commands import training
    from reprise_kit.compare.workers import cores

    training.dataset(folder, out, workers or cores(), frames, say)


@command()
@click.argument("data", type=FILE, required=False)
@click.option("-o", "--out", type=FILE, required=True, help="Folder of the run; a stopped run goes on from it.")
@click.option("--system", default=DEFAULT, show_default=True, help=f"{DEFAULT} or {RECOMMENDER}.")
@click.option("--plays", type=FILE, help=f"{RECOMMENDER}: lines of user, song, count, with tabs between.")
@click.option("--audio", type=FILE, help=f"{RECOMMENDER}: folder of the songs' files.")
@click.option("--songs", type=FILE, help=f"{RECOMMENDER}: CSV of song,file; default: songs.csv in --audio.")
@click.option("--groups", type=FILE, help=f"{RECOMMENDER}: CSV of track,group: a group is learned from or new, whole.")
@click.option(
    "--mode",
    type=click.Choice(["blog", "nips"]),
    default="blog",
    show_default=True,
    help=f"{RECOMMENDER}: the blog's network on 30 s, or the paper's on 3 s.",
)
@click.option(
    "--loss",
    type=click.Choice(["mse", "wpe"]),
    default="mse",
    show_default=True,
    help=f"{RECOMMENDER}: squared error of the factors, or weighted error of the plays.",
)
@click.option(
    "--recipe",
    type=click.Choice(["original", "honest"]),
    default="original",
    show_default=True,
    help="The original's of 2016, or the authors' of 2018, judged on artists never heard.",
)
@click.option(
    "--epochs", type=click.IntRange(1), help="Times through DATA; default: 100, with the honest recipe at most."
)
@click.option("--seed", type=int, help="Of everything that is drawn; default: 42.")
@click.option("--artists", type=FILE, help="CSV of track,artist: no artist is both learned from and asked about.")
@click.option("--split", "parts", type=FILE, help="CSV of track,part (train, val, test): a fault-filtered list.")
@click.option("--weights", type=FILE, help="Keras-1 checkpoint to fine-tune; default: start anew.")
@backend_option
def train(
    data: Path | None,
    out: Path,
    system: str,
    plays: Path | None,
    audio: Path | None,
    songs: Path | None,
    groups: Path | None,
    mode: str,
    loss: str,
    recipe: str,
    epochs: int | None,
    seed: int | None,
    artists: Path | None,
    parts: Path | None,
    weights: Path | None,
    source_backend: str | None,
) -> None:
    """Train on DATA, as the original did or so that the accuracy means something.

    DATA: a .npz, .tfrecord or .pkl of `reprise dataset`. It is read whole into memory: GTZAN takes 0.7 GB. A
    recommender is trained on --plays and --audio instead.
    """
    if system == RECOMMENDER:
        from reprise_kit.commands import recommending

        if data is not None or plays is None or audio is None:
            raise click.UsageError(f"{RECOMMENDER} is trained on --plays and --audio, without DATA")
        given = recommending.Given(plays, audio, songs or audio / "songs.csv", groups)
        recommending.train(given, out, mode, loss, epochs, seed, say)
        return
    if system != DEFAULT or data is None or plays or audio:
        raise click.UsageError(f"DATA is what {DEFAULT} is trained on; --plays and --audio what {RECOMMENDER} is")
    from reprise_kit.commands import training

    backend = source_backend or "theano"
    training.train(data, out, recipe, epochs, seed, artists, parts, weights, backend, say)


@command()
@click.argument("clip", type=FILE)
@click.option("--library", type=FILE, required=True, help="Folder of the clips to choose from.")
@click.option("--weights", type=FILE, required=True, help="recommender.npz that `train` left.")
@click.option("-o", "--out", type=FILE, default=Path("playlist"), show_default=True, help="Folder to write.")
def playlist(clip: Path, library: Path, weights: Path, out: Path) -> None:
    """Choose the nine clips of a library nearest to CLIP by what is heard: playlist.m3u, and a page to listen to."""
    from reprise_kit.commands import recommending

    recommending.playlist(clip, library, weights, out, say)


@command()
@click.argument("data", type=FILE)
@click.option("--system", default=DEFAULT, show_default=True, help=f"{DEFAULT} or {RECOMMENDER}.")
@click.option("-o", "--out", type=FILE, required=True, help="Folder to write; index.html is the page.")
@click.option(
    "--count",
    type=click.IntRange(1),
    default=4,
    show_default=True,
    help="Sounds per filter of the first layer, 4 or more; halved per layer.",
)
@click.option("--receptive-field", is_flag=True, help="All that a filter heard; default: what the original cut out.")
@weights_option
@backend_option
def filters(
    data: Path,
    system: str,
    out: Path,
    count: int,
    receptive_field: bool,
    weights: Path | None,
    source_backend: str | None,
) -> None:
    """Find the sounds in DATA that excite each convolution filter most.

    DATA: a .npz, .tfrecord or .pkl of `reprise dataset`; the tracks must be where they were when it was made. Of a
    recommender: a folder of clips, and --weights recommender.npz.
    """
    if system == RECOMMENDER:
        from reprise_kit.commands import recommending

        if weights is None:
            raise click.UsageError(f"{RECOMMENDER} wants --weights recommender.npz, which `train` leaves")
        recommending.filters(data, weights, out, count, say)
        return
    from reprise_kit.commands import training
    from reprise_kit.compare import registry
    from reprise_kit.compare.weights import needed

    chosen = needed(registry.load("deepsound_crnn"), weights, source_backend)
    training.filters(data, out, chosen.path, chosen.backend, count, receptive_field, say)


@command("training-parity")
@click.argument("data", type=FILE)
@click.option("-o", "--out", type=FILE, required=True, help="Folder for both traces, verdicts and curves.")
@click.option("--steps", type=click.IntRange(2), help="Steps of training, one batch each; default: 10.")
@click.option("--seed", default=7, show_default=True, help="Of the weights that both start from.")
@click.option("--upstream", type=FILE, help="Upstream's folder; default: where `fetch` put it.")
def training_parity(data: Path, out: Path, steps: int | None, seed: int, upstream: Path | None) -> None:
    """Train the original (in Python 2.7) and the port alike on DATA and compare losses and weights.

    DATA: a .npz, .tfrecord or .pkl of `reprise dataset`. Exit code 1: they differ.
    """
    from reprise_kit.commands import training

    sys.exit(0 if training.training_parity(data, out, steps, upstream, seed, say) else 1)


@command()
@click.argument("folder", type=FILE)
@click.option("--system", default="gwardys_2014", show_default=True, help="Which old system: gwardys_2014.")
@click.option("--folds", default=10, show_default=True, type=click.IntRange(2), help="Folds of the cross-validation.")
@click.option("--groups", type=FILE, help="CSV of track,group (album, artist, recording): held out whole.")
@click.option("--weights", type=FILE, help="Default: efficientnet_lite0, where its package is installed.")
def evaluate(folder: Path, system: str, folds: int, groups: Path | None, weights: Path | None) -> None:
    """Cross-validate a system's machines on FOLDER, a corpus with a sub-folder per genre, and print the table.

    Its last row is always a baseline that looks at no picture. A stopped run goes on.
    """
    from reprise_kit.commands import evaluate as evaluating

    if system != "gwardys_2014":
        raise InputError(f"{system} is not evaluated by this command; gwardys_2014 is")
    evaluating.evaluate(folder, folds, groups, weights)

"""Old Keras files and repositories into Keras 3."""

import sys
from pathlib import Path
from typing import Any

import click

from reprise_kit.command_line.options import FILE, Finite, command
from reprise_kit.compare.errors import InputError


@command()
@click.argument("file", type=FILE)
@click.option("--weights", type=FILE, help="The weights.h5 that belongs to an architecture file.")
def inspect(file: Path, weights: Path | None) -> None:
    """Print what an old Keras FILE is: version and backend evidence, layers, shapes, parameters, risks."""
    from reprise_kit.commands import migrating

    migrating.inspect(file, weights)


@command()
@click.argument("files", type=FILE, nargs=-1, metavar="[WHOLE]")
@click.option("--architecture", type=FILE, help="model.json or model.yaml of the old Keras's to_json or to_yaml.")
@click.option("--weights", type=FILE, help="weights.h5 of save_weights, or a whole model of save.")
@click.option("-o", "--out", type=FILE, required=True, help="What to write: model.keras, or as --to says.")
@click.option(
    "--source-backend",
    type=click.Choice(["theano", "tensorflow", "auto"]),
    default="auto",
    show_default=True,
    help="Backend the file was saved under; auto weighs evidence and refuses where it does not decide.",
)
@click.option("--evidence", type=FILE, help="NPZ with in_0, ... and, best, out_0, ...: both readings are compared.")
@click.option(
    "--to",
    type=click.Choice(["keras", "weights", "savedmodel", "onnx", "tflite"]),
    default="keras",
    show_default=True,
    help="What to write: a .keras file, its weights alone, or for another runtime.",
)
@click.option("--keras-version", help="Version that wrote the file, where the file does not say.")
@click.option("--dim-ordering", type=click.Choice(["th", "tf"]), help="For layers that do not record theirs.")
@click.option("--legacy-bugs", type=click.Choice(["keep", "fix"]), help="Results that were bugs of the old Keras.")
@click.option("--channels-last", is_flag=True, help="Rewrite th-shaped image inputs and outputs as channels-last.")
@click.option(
    "--replace",
    multiple=True,
    metavar="NAME=MODULE:THING",
    help="Your function, or class of keras.layers.Layer, for a layer, a class or an activation.",
)
@click.option("--ignore", multiple=True, metavar="LAYER.KEY", help="Leave out a config key that this Keras never had.")
@click.option("--pair-by", type=click.Choice(["place", "name"]), help="Where the names stand in another order.")
@click.option(
    "--output-shape", multiple=True, metavar="LAYER=ROWS,COLUMNS", help="Of a Deconvolution2D, where the file is wrong."
)
@click.option(
    "--input-shape",
    multiple=True,
    metavar="LAYER=SIZE,SIZE,...",
    help="Of one input, where the file left it out; - is any size.",
)
@click.option("--verify", type=FILE, help="GOLDEN.npz of original/record: exit 1 beyond the tolerance.")
@click.option("--tolerance", type=float, default=1e-5, show_default=True, help="Largest relative difference.")
def migrate(
    files: tuple[Path, ...],
    architecture: Path | None,
    weights: Path | None,
    out: Path,
    evidence: Path | None,
    verify: Path | None,
    replace: tuple[str, ...],
    **options: Any,
) -> None:
    """Migrate a model of an old Keras to Keras 3: --architecture and --weights, or one whole-model file WHOLE.

    A FOLDER in place of WHOLE: every model below it into the folder --out, a line each, exit code 1 where one is
    refused (the rest is done).

    --replace gives your own code for what is not Keras's: a function is called on the layer's input (and on its mask,
    where it takes one); a class of keras.layers.Layer is made with the config keys that its constructor names, and
    given the layer's weights in the file's order. A layer with weights needs a class.
    """
    from reprise_kit.commands import migrating

    whole = files[0] if len(files) == 1 else None
    if whole is not None and whole.is_dir() and not (whole / "saved_model.pb").exists():
        if architecture or weights or evidence or verify:
            raise InputError("a folder of models goes without --architecture, --weights, --evidence and --verify")
        sys.exit(migrating.migrate_folder(whole, out, replace=replace, **options))
    named = [*files, *filter(None, [weights])]
    if files and len(named) > 1:
        way = "one whole model alone, or --architecture model.json --weights weights.h5"
        raise InputError(f"{len(named)} files came ({', '.join(map(str, named))}): give {way}")
    chosen = weights or whole or architecture
    if chosen is None:
        raise InputError("give --architecture and --weights, or one whole-model .h5 file")
    sys.exit(migrating.migrate(architecture, chosen, out, evidence, verify, replace=replace, **options))


@command()
@click.argument("source")
@click.option("--commit", help="Of a git repository; default: its HEAD, for a folder what lies in it.")
@click.option("--entry", help='What to run, like "python predict.py image.png"; default: what its README shows.')
@click.option("--keras", metavar="VERSION", help="Release to run it with, like 1.2.2; default: what its files show.")
@click.option("--stand-in", help="Folder laid over the repository's files: data and weights that are not in git.")
@click.option("--until", default="report", show_default=True, help="evidence, environment, run, capture or report.")
@click.option(
    "--seconds",
    type=Finite(0, min_open=True),
    default=900.0,
    show_default=True,
    help="Longest that the program may run, seconds.",
)
@click.option("--unboxed", is_flag=True, help="Run the program with nothing kept from it: your files, the network.")
@click.option(
    "-o",
    "--out",
    type=FILE,
    default=Path("adopted"),
    show_default=True,
    help="Folder to write; a second run goes on in it.",
)
def adopt(source: str, out: Path, **asked: Any) -> None:
    """Bring an old Keras repository, SOURCE, to life, migrate its models and prove them.

    SOURCE: a folder, a git directory or a URL. Its program runs boxed, without network, in an environment of its date.

    Exit code 0: proven on its own input. 3: on stand-in input only. 1: a model differs. 2: a step could not go on.
    """
    from reprise_kit.commands import adopt as adopting

    sys.exit(adopting.adopt(out, source=source, **asked))

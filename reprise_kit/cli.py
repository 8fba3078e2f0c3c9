"""The command line: every sub-command in sight, every heavy import inside the one that needs it."""

import atexit
import io
import locale
import os
import signal
import sys
from pathlib import Path
from typing import Any, NoReturn

import click

from reprise_kit.compare.atomic import refuse_inputs
from reprise_kit.compare.errors import InputError, UnforeseenError
from reprise_kit.compare.faults import unforeseen
from reprise_kit.compare.shown import say

DEFAULT = "deepsound_crnn"  # as compare/registry.py has it, which is imported only where it is needed
FILE = click.Path(path_type=Path)

system_option = click.option("--system", default=DEFAULT, show_default=True, help="Which old system.")
weights_option = click.option("--weights", type=FILE, help="Checkpoint; default: the one that ships with the kit.")
backend_option = click.option(
    "--source-backend",
    type=click.Choice(["theano", "tensorflow"]),
    help="Backend the checkpoint was saved under (default: the system's own): Theano stores its kernels flipped.",
)
decoder_option = click.option(
    "--decoder",
    type=click.Choice(["pyav", "ffmpeg"]),
    help="The port's decoder of sound (default: pyav); ffmpeg is bit-equal to an original that runs the same program.",
)
upstream_option = click.option("--upstream", type=FILE, help="Upstream's folder; default: what `fetch` brought.")


class Command(click.Command):
    """A sub-command whose --out is none of the files that it reads."""

    def invoke(self, ctx: click.Context) -> Any:
        """Refuse to write over what is read, then do the command's work; what nobody thought of is one line, too."""
        given = [value for name, value in ctx.params.items() if name != "out"]
        values = [value for one in given for value in (one if isinstance(one, tuple) else (one,))]
        read = [value for value in values if isinstance(value, Path)]
        if ctx.params.get("out") is not None:
            refuse_inputs(ctx.params["out"], read)
        try:
            return super().invoke(ctx)
        except (InputError, OSError, click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except KeyboardInterrupt:
            raise click.Abort from None
        except Exception as error:
            raise unforeseen(error, " ".join([str(ctx.info_name), *map(str, read)])) from None


class Group(click.Group):
    """The commands."""

    command_class = Command


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="reprise-kit", prog_name="reprise")
def cli() -> None:
    """Run an old deep-learning system as it was, a modern port beside it, and prove that both agree."""


@cli.command("compare")
@click.argument("clips", nargs=-1, type=FILE)
@click.option(
    "--reference", default="recorded", show_default=True, help="recorded, python27, docker or a folder of traces."
)
@click.option("--candidate", default="port", show_default=True, help="The side under test.")
@click.option("--out", type=FILE, default=Path("report"), show_default=True, help="Folder of report and traces.")
@system_option
@weights_option
@backend_option
@decoder_option
@upstream_option
def compare_command(clips: tuple[Path, ...], reference: str, candidate: str, out: Path, **chosen: Any) -> None:
    """Run both sides on CLIPS (files or folders; default: the kit's own) and compare them stage by stage.

    Exit code 0: every stage of every clip agrees. 1: one does not. 2: it could not be compared.
    """
    from reprise_kit.compare import terminal

    sys.exit(terminal.compare(list(clips), reference, candidate, out, terminal.settings(**chosen)))


@cli.command()
@click.argument("clip", type=FILE)
@click.option("--runner", default="port", show_default=True, help="port, python27, docker, node or recorded.")
@click.option("--out", type=FILE, required=True, help="Folder for trace.npz and trace.json.")
@click.option("--given", type=FILE, help="Trace whose arrays each stage is computed from (isolated).")
@system_option
@weights_option
@backend_option
@decoder_option
@upstream_option
def trace(clip: Path, runner: str, out: Path, given: Path | None, **chosen: Any) -> None:
    """Record what leaves every stage of one side on CLIP."""
    from reprise_kit.compare import terminal

    terminal.trace(clip, runner, out, given, terminal.settings(**chosen))


@cli.command()
@click.argument("reference", type=FILE)
@click.argument("candidate", type=FILE)
@click.option("--mode", type=click.Choice(["chained", "isolated"]), default="chained", show_default=True)
@click.option("--system", help="Whose stages and tolerances count: a name or a folder; default: the traces' own.")
def diff(reference: Path, candidate: Path, mode: str, system: str | None) -> None:
    """Compare two traces; exit code 1 where a stage differs."""
    from reprise_kit.compare import terminal

    sys.exit(terminal.diff(reference, candidate, mode, system))


@cli.command()
@click.argument("clips", nargs=-1, required=True)
@click.option("--format", "form", type=click.Choice(["table", "json", "csv"]), default="table", show_default=True)
@click.option("--all", "every", is_flag=True, help="Show every label of each clip, not the likeliest three.")
@click.option("--json", "as_json", is_flag=True, help="The same as --format json: each clip as the demo's API says it.")
@click.option("--fix-quirks", is_flag=True, help="Decode as the file is meant, not as the original misread it.")
@click.option("--stream-over", type=float, help="Minutes beyond which a clip is streamed, its samples approximated.")
@click.option("--recursive", is_flag=True, help="Answer a FOLDER, list or s3:// folder into --out; it can be resumed.")
@click.option("--out", help="Of --recursive: a folder or s3:// address of Parquet parts (columns: docs/archives.md).")
@click.option("--single-file", is_flag=True, help="Make --out one Parquet file at the end: for small archives.")
@click.option("--shard", help="I/N: answer the I-th of N shares; N runs may share one --out.")
@click.option("--workers", type=click.IntRange(1), help="Processes of --recursive; default: one a core.")
@click.option("--engine", type=click.Choice(["local", "ray"]), default="local", show_default=True)
@click.option("--address", help="Of the Ray cluster; default: one on this machine.")
@system_option
@weights_option
@backend_option
@decoder_option
def predict(
    clips: tuple[str, ...],
    form: str,
    every: bool,
    as_json: bool,
    fix_quirks: bool,
    stream_over: float | None,
    recursive: bool,
    out: str | None,
    single_file: bool,
    shard: str | None,
    workers: int | None,
    engine: str,
    address: str | None,
    **chosen: Any,
) -> None:
    """Print the port's answer on CLIPS; exit code 1 where a clip could not be read (the rest is done)."""
    from reprise_kit.commands import answers
    from reprise_kit.compare import terminal

    options: dict[str, Any] = {"fix_quirks": True} if fix_quirks else {}
    if stream_over is not None:
        options["stream_over"] = 60 * stream_over
    settings = terminal.settings(**chosen)
    if not recursive:
        if out or workers or address or single_file or shard or engine != "local":
            raise click.UsageError(
                "--out, --workers, --single-file, --shard, --engine and --address go with --recursive"
            )
        sys.exit(
            answers.predict(
                [Path(clip) for clip in clips], "json" if as_json else "all" if every else form, options, settings
            )
        )
    if out is None or len(clips) != 1:
        raise click.UsageError("--recursive wants one FOLDER, list or address, and --out")
    from reprise_kit.commands import archive

    wanted = archive.Wanted(clips[0], out, single_file, shard, engine, address, workers)
    sys.exit(archive.run(wanted, options, settings))


@cli.command()
@click.argument("archive_out", metavar="OUT")
@click.option("--json", "as_json", is_flag=True, help="The counts as JSON.")
def status(archive_out: str, as_json: bool) -> None:
    """Say how far the archive is that `predict --recursive` writes to OUT."""
    from reprise_kit.commands import archive

    archive.status(archive_out, as_json)


@cli.command()
@click.argument("system")
@click.option("--from", "source", type=FILE, help="A local copy: upstream's folder or its git directory.")
@click.option("--out", type=FILE, help="Where to put it; default: the user's cache.")
@click.option("--no-weights", is_flag=True, help="Do not mind where the trained weights cannot be had.")
def fetch(system: str, source: Path | None, out: Path | None, no_weights: bool) -> None:
    """Bring SYSTEM's original code to this machine at the pinned commit, every file checked by its blob id."""
    from reprise_kit.compare import terminal

    sys.exit(terminal.fetch(system, source, out, no_weights))


@cli.command()
def systems() -> None:
    """List the old systems this kit plays."""
    from reprise_kit.compare import terminal

    terminal.systems()


@cli.command(context_settings={"ignore_unknown_options": True})
@click.option("--keras", required=True, help="Version of the old Keras: 0.3.3, 1.0.5 to 1.2.2, 2.0.4 to 2.3.1.")
@click.option("--backend", type=click.Choice(["theano", "tensorflow"]), required=True, help="What it ran on.")
@click.option("--with", "extras", multiple=True, metavar="NAME[==VERSION]", help="One more package, as of the era.")
@click.option("--image", is_flag=True, help="In a container; without it only where no such Python is here.")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def record(keras: str, backend: str, extras: tuple[str, ...], image: bool, arguments: tuple[str, ...]) -> None:
    """Record what a model computes in its own old Keras, for `migrate --verify`.

    ARGUMENTS are those of original/record.py: --architecture FILE, --weights FILE, --from-code MODULE:FUNCTION,
    --out FILE, --inputs FILE, --layers, --custom NAME=MODULE:ATTRIBUTE, --image-ordering th|tf, --samples, --size,
    --seed. The environment is made once, from hashed locks, in the user's cache. This runs the model's own code.
    """
    from reprise_kit.commands.record import record as run

    sys.exit(run(keras, backend, extras, image, arguments))


@cli.command("new-system")
@click.argument("name")
@click.option("--to", type=FILE, default=Path(), help="Folder to write the new one in; default: here.")
@click.option("--architecture", type=FILE, help="model.json or model.yaml of an old Keras.")
@click.option("--weights", type=FILE, help="weights.h5 of an old Keras, or a whole model.")
@click.option("--golden", type=FILE, help="What original/record.py --layers recorded of it: its samples become inputs.")
@click.option("--source-backend", type=click.Choice(["theano", "tensorflow", "auto"]), default="auto")
def new_system(name: str, to: Path, architecture: Path | None, weights: Path | None, **old: Any) -> None:
    """Write the folder NAME: a system that runs at once, a made-up example to change into your own.

    system.toml (its stages), pipeline.py (the port), trace.py (the adapter of the old side), an old program, weights
    that it made, an input, and what it computed there. With --weights: of an old Keras model, its layers the stages.
    """
    from reprise_kit.commands import new_system as writer
    from reprise_kit.compare.shown import say

    if weights is not None:
        from reprise_kit.commands.keras_system import Files, filled

        folder = writer.write(name, to, filled(Files(architecture, weights, **old)))
    elif architecture is not None or old["golden"] is not None:
        raise click.UsageError("--architecture and --golden go with --weights")
    else:
        folder = writer.write(name, to, writer.letters)
    say(f"{folder}: a system that runs; next: reprise check-system {folder}; then docs/own-system.md")


@cli.command("check-system")
@click.argument("folder", type=FILE)
@click.argument("inputs", nargs=-1, type=FILE)
@weights_option
@backend_option
@upstream_option
def check_system(folder: Path, inputs: tuple[Path, ...], **chosen: Any) -> None:
    """Hold the system in FOLDER (or of that name) to the contract, on INPUTS (default: its own).

    A line for each check. Exit code 0: it keeps the contract. 1: it does not. 2: its system.toml cannot be read.
    """
    from reprise_kit.commands import own_systems

    sys.exit(own_systems.check(folder, inputs, **chosen))


@cli.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8081, show_default=True, help="Port to listen on; 0 takes a free one.")
@click.option("--original", help="URL of the original's own demo; default: compare with the recorded traces.")
@click.option("--max-upload", default=128, show_default=True, help="Largest upload, MiB.")
@click.option("--max-minutes", default=120.0, show_default=True, help="Longest song.")
@click.option("--max-waiting", default=64, show_default=True, help="Uploads in line; more are asked to come back.")
@click.option("--allow-host", multiple=True, metavar="NAME", help="A name with dots that it may be asked by.")
@click.option("--weights", type=FILE, help="Default: upstream's where `fetch` brought them, else the kit's own.")
@backend_option
def serve(
    host: str,
    port: int,
    original: str | None,
    max_upload: int,
    max_minutes: float,
    max_waiting: int,
    allow_host: tuple[str, ...],
    weights: Path | None,
    source_backend: str | None,
) -> None:
    """Serve the demo: a page and an HTTP API, see reprise_kit/apps/demo/API.md."""
    from reprise_kit.apps.demo import serve as server
    from reprise_kit.apps.demo.analysis import Limits

    limits = Limits(
        upload_bytes=max_upload << 20, seconds=60 * max_minutes, waiting=max_waiting, allowed_hosts=allow_host
    )
    server.serve(host, port, weights, source_backend, original, limits)


@cli.command()
@click.option("--env", type=FILE, help="Explain the errors of this Python environment by what is installed in it.")
@system_option
def doctor(env: Path | None, system: str) -> None:
    """Say what this machine has, what each missing thing blocks, and the command that mends it."""
    from reprise_kit.compare import doctor as diagnosing

    source = click.get_current_context().get_parameter_source("system")
    sys.exit(diagnosing.doctor(system, env, source is not click.core.ParameterSource.DEFAULT))


@cli.command()
@click.argument("whole", type=FILE, required=False)
@click.option("--architecture", type=FILE, help="model.json or model.yaml of Keras 1's to_json or to_yaml.")
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
@click.option("--to", type=click.Choice(["keras", "weights", "savedmodel", "onnx", "tflite"]), default="keras")
@click.option("--keras-version", help="Version that wrote the file, where the file does not say.")
@click.option("--dim-ordering", type=click.Choice(["th", "tf"]), help="For layers that do not record theirs.")
@click.option("--legacy-bugs", type=click.Choice(["keep", "fix"]), help="What to do with results that were bugs.")
@click.option("--channels-last", is_flag=True, help="Rewrite th-shaped image inputs and outputs as channels-last.")
@click.option(
    "--replace",
    multiple=True,
    metavar="NAME=MODULE:THING",
    help="Your function, or class of keras.layers.Layer, for a layer, a class or an activation.",
)
@click.option("--ignore", multiple=True, metavar="LAYER.KEY", help="Leave out a config key that no Keras 1 had.")
@click.option("--pair-by", type=click.Choice(["place", "name"]), help="Where the names stand in another order.")
@click.option(
    "--output-shape", multiple=True, metavar="LAYER=ROWS,COLUMNS", help="Of a Deconvolution2D, where the file is wrong."
)
@click.option("--verify", type=FILE, help="GOLDEN.npz of original/record.py: exit 1 beyond the tolerance.")
@click.option("--tolerance", type=float, default=1e-5, show_default=True, help="Largest relative difference.")
def migrate(
    whole: Path | None,
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
    from reprise_kit.port.keras_legacy import terminal

    if whole is not None and whole.is_dir() and not (whole / "saved_model.pb").exists():
        if architecture or weights or evidence or verify:
            raise InputError("a folder of models goes without --architecture, --weights, --evidence and --verify")
        sys.exit(terminal.migrate_folder(whole, out, replace=replace, **options))
    chosen = weights or whole or architecture
    if chosen is None:
        raise InputError("give --architecture and --weights, or one whole-model .h5 file")
    sys.exit(terminal.migrate(architecture, chosen, out, evidence, verify, replace=replace, **options))


@cli.command()
@click.argument("file", type=FILE)
@click.option("--weights", type=FILE, help="The weights.h5 that belongs to an architecture file.")
def inspect(file: Path, weights: Path | None) -> None:
    """Print what a Keras-1 FILE is: version and backend evidence, layers, shapes, parameters, risks."""
    from reprise_kit.port.keras_legacy import terminal

    terminal.inspect(file, weights)


@cli.command()
@click.argument("folder", type=FILE)
@click.option("-o", "--out", type=FILE, required=True, help="The data set: .npz, .tfrecord, or .pkl for the original.")
@click.option("--workers", type=click.IntRange(1), help="Processes of one thread each; default: one a core.")
@click.option("--frames", type=click.IntRange(36), help="Frames of every track; default: those of the first.")
def dataset(folder: Path, out: Path, workers: int | None, frames: int | None) -> None:
    """Turn FOLDER, a corpus such as GTZAN with a sub-folder per genre, into a data set to train on.

    \b
    The name of --out says in which format:
      .npz       NumPy arrays
      .tfrecord  one tf.train.Example per track; its features: port/deepsound_crnn/training/records.py
      .pkl       the pickle that the original of 2016 reads

    Every format can be read back by train, filters and training-parity. Tracks that cannot be read are listed and
    left out. A stopped run goes on from OUT.parts.
    """
    from reprise_kit.commands import training

    training.dataset(folder, out, workers or len(os.sched_getaffinity(0)), frames, say)


@cli.command()
@click.argument("data", type=FILE)
@click.option("-o", "--out", type=FILE, required=True, help="Folder of the run; a stopped run goes on from it.")
@click.option("--recipe", type=click.Choice(["original", "honest"]), default="original", show_default=True)
@click.option("--epochs", type=click.IntRange(1), help="Default: 100, with the honest recipe at most.")
@click.option("--seed", type=int, help="Default: 42.")
@click.option("--artists", type=FILE, help="CSV of track,artist: no artist is both learned from and asked about.")
@click.option("--split", "parts", type=FILE, help="CSV of track,part (train, val, test): a fault-filtered list.")
@click.option("--weights", type=FILE, help="Keras-1 checkpoint to fine-tune; default: start anew.")
@backend_option
def train(
    data: Path,
    out: Path,
    recipe: str,
    epochs: int | None,
    seed: int | None,
    artists: Path | None,
    parts: Path | None,
    weights: Path | None,
    source_backend: str | None,
) -> None:
    """Train on DATA, as the original did or so that the accuracy means something.

    DATA: a .npz, .tfrecord or .pkl of `reprise dataset`. It is read whole into memory: GTZAN takes 0.7 GB.
    """
    from reprise_kit.commands import training

    backend = source_backend or "theano"
    training.train(data, out, recipe, epochs, seed, artists, parts, weights, backend, say)


@cli.command()
@click.argument("data", type=FILE)
@click.option("-o", "--out", type=FILE, required=True, help="Folder to write; index.html is the page.")
@click.option("--count", default=4, show_default=True, help="Sounds per filter of the first layer; halved per layer.")
@click.option("--receptive-field", is_flag=True, help="All that a filter heard; default: what the original cut out.")
@weights_option
@backend_option
def filters(
    data: Path, out: Path, count: int, receptive_field: bool, weights: Path | None, source_backend: str | None
) -> None:
    """Find the sounds in DATA that excite each convolution filter most.

    DATA: a .npz, .tfrecord or .pkl of `reprise dataset`; the tracks must be where they were when it was made.
    """
    from reprise_kit.commands import training
    from reprise_kit.compare import registry
    from reprise_kit.compare.weights import needed

    chosen = needed(registry.load("deepsound_crnn"), weights, source_backend)
    training.filters(data, out, chosen.path, chosen.backend, count, receptive_field, say)


@cli.command("training-parity")
@click.argument("data", type=FILE)
@click.option("-o", "--out", type=FILE, required=True, help="Folder for both traces, verdicts and curves.")
@click.option("--steps", type=click.IntRange(2), help="Default: 10.")
@click.option("--seed", default=7, show_default=True, help="Of the weights that both start from.")
@click.option("--upstream", type=FILE, help="Upstream's folder; default: where `fetch` put it.")
def training_parity(data: Path, out: Path, steps: int | None, seed: int, upstream: Path | None) -> None:
    """Train the original (in Python 2.7) and the port alike on DATA and compare losses and weights.

    DATA: a .npz, .tfrecord or .pkl of `reprise dataset`. Exit code 1: they differ.
    """
    from reprise_kit.commands import training

    sys.exit(0 if training.training_parity(data, out, steps, upstream, seed, say) else 1)


@cli.command()
@click.argument("clips", nargs=-1, type=FILE)
@click.option("--out", type=FILE, default=Path("features.npy"), show_default=True, help="A .npy or .csv file.")
@click.option("--gtzan", type=FILE, help="Instead: the published GTZAN table, from the features in this folder.")
@weights_option
@backend_option
@decoder_option
def features(
    clips: tuple[Path, ...],
    out: Path,
    gtzan: Path | None,
    weights: Path | None,
    source_backend: str | None,
    decoder: str | None,
) -> None:
    """Write the 160 transfer-learning features of each of CLIPS."""
    from reprise_kit.commands import features as writer

    if gtzan is not None:
        writer.gtzan(gtzan)
        return
    from reprise_kit.compare import terminal

    chosen = terminal.settings("transfer_learning_music", weights, source_backend, decoder)
    writer.write(list(clips), out, chosen.weights.path, chosen.backend, decoder or "pyav")


@cli.command()
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


@cli.command()
@click.argument("source")
@click.option("--commit", help="Of a git repository; default: its HEAD, for a folder what lies in it.")
@click.option("--entry", help='What to run, like "python predict.py image.png"; default: what its README shows.')
@click.option("--stand-in", help="Folder laid over the repository's files: data and weights that are not in git.")
@click.option("--until", default="report", show_default=True, help="evidence, environment, run, capture or report.")
@click.option("--seconds", default=900.0, show_default=True, help="Longest that the program may run.")
@click.option("--unboxed", is_flag=True, help="Run the program with nothing kept from it: your files, the network.")
@click.option("-o", "--out", type=FILE, default=Path("adopted"), show_default=True, help="A second run goes on.")
def adopt(source: str, out: Path, **asked: Any) -> None:
    """Bring an old Keras repository, SOURCE, to life, migrate its models and prove them.

    SOURCE: a folder, a git directory or a URL. Its program runs boxed, without network, in an environment of its date.

    Exit code 0: proven on its own input. 3: on stand-in input only. 1: a model differs. 2: a step could not go on.
    """
    from reprise_kit.commands import adopt as adopting

    sys.exit(adopting.adopt(out, source=source, **asked))


def _terminated(number: int, frame: Any) -> NoReturn:
    say("reprise: terminated", error=True)
    raise SystemExit(128 + number)  # what is half-written is cleaned up on the way out


def _in_utf8() -> None:
    """Begin again in UTF-8 where the locale has another encoding: what is read and written must not depend on it."""
    if sys.flags.utf8_mode or locale.getencoding().lower() in ("utf-8", "utf8"):
        return
    os.environ["PYTHONUTF8"] = "1"
    os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])


def _interrupted(number: int, frame: Any) -> NoReturn:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # once: a second one would break into the cleaning up
    raise KeyboardInterrupt


def _leave(stopped: list[int]) -> None:
    """End with 130: where the interrupt met code in a string, Python's own end would be a signal and not a code."""
    if stopped:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(stopped[0])


def main() -> None:
    """Run the command line; bad input is one line and exit code 2, the unforeseen one and 70, Ctrl-C one and 130."""
    _in_utf8()
    stopped: list[int] = []
    atexit.register(_leave, stopped)  # first, so that it comes after whatever else is done at the end
    signal.signal(signal.SIGINT, _interrupted)
    try:
        _main()
    except (click.Abort, KeyboardInterrupt):
        say("reprise: stopped", error=True)
        stopped.append(130)
        sys.exit(130)
    finally:
        atexit.register(signal.signal, signal.SIGINT, signal.SIG_IGN)  # what is left is Python's own end


def _main() -> None:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow's start-up chatter would bury our one line
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    signal.signal(signal.SIGTERM, _terminated)
    try:
        cli.main(standalone_mode=False)
    except UnforeseenError as error:
        _end(error, 70)
    except InputError as error:
        _end(error, 2)
    except BrokenPipeError:  # `reprise ... | head`: whoever reads has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.exit(128 + signal.SIGPIPE)
    except OSError as error:  # a full disk, a folder that may not be written: nothing of ours is half-written
        _end(f"{error.strerror or error}: {error.filename or 'while writing'}", 2)
    except click.ClickException as error:
        error.show()
        sys.exit(2)


def _end(reason: object, code: int) -> NoReturn:
    say(f"reprise: {reason}", error=True)
    sys.exit(code)

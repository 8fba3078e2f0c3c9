"""The old side and the new one: run, traced, compared, described."""

import sys
from pathlib import Path
from typing import Any

import click

from reprise_kit.command_line.options import (
    FILE,
    command,
    one_side,
    system_option,
)


@command("compare")
@click.argument("clips", nargs=-1, type=FILE)
@click.option(
    "--reference", default="recorded", show_default=True, help="recorded, python27, docker or a folder of traces."
)
@click.option("--candidate", default="port", show_default=True, help="The side under test.")
@click.option("--out", type=FILE, default=Path("report"), show_default=True, help="Folder of report and traces.")
@one_side
def compare_command(clips: tuple[Path, ...], reference: str, candidate: str, out: Path, **chosen: Any) -> None:
    """Run both sides on CLIPS (files or folders; default: the kit's own) and compare them stage by stage.

    Exit code 0: every stage of every clip agrees. 1: one does not. 2: it could not be compared.
    """
    from reprise_kit.commands import comparing

    sys.exit(comparing.compare(list(clips), reference, candidate, out, comparing.settings(**chosen)))


@command()
@click.argument("clip", type=FILE)
@click.option("--runner", default="port", show_default=True, help="port, python27, docker, node or recorded.")
@click.option("--out", type=FILE, required=True, help="Folder for trace.npz and trace.json.")
@click.option("--given", type=FILE, help="Trace whose arrays each stage is computed from (isolated).")
@one_side
def trace(clip: Path, runner: str, out: Path, given: Path | None, **chosen: Any) -> None:
    """Record what leaves every stage of one side on CLIP."""
    from reprise_kit.commands import comparing

    comparing.trace(clip, runner, out, given, comparing.settings(**chosen))


@command()
@click.argument("reference", type=FILE)
@click.argument("candidate", type=FILE)
@click.option(
    "--mode",
    type=click.Choice(["chained", "isolated"]),
    default="chained",
    show_default=True,
    help="What CANDIDATE computed each stage from: its own last stage, or REFERENCE's.",
)
@click.option("--system", help="Whose stages and tolerances count: a name or a folder; default: the traces' own.")
def diff(reference: Path, candidate: Path, mode: str, system: str | None) -> None:
    """Compare two traces; exit code 1 where a stage differs."""
    from reprise_kit.commands import comparing

    sys.exit(comparing.diff(reference, candidate, mode, system))


@command()
@click.argument("system")
@click.option(
    "--from",
    "sources",
    type=FILE,
    multiple=True,
    help="A local copy: upstream's folder or its git directory; again for a further upstream.",
)
@click.option("--out", type=FILE, help="Where to put it; default: the user's cache.")
@click.option("--no-weights", is_flag=True, help="Do not mind where the trained weights cannot be had.")
def fetch(system: str, sources: tuple[Path, ...], out: Path | None, no_weights: bool) -> None:
    """Bring SYSTEM's original code to this machine at the pinned commit, every file checked by its blob id."""
    from reprise_kit.commands import comparing

    sys.exit(comparing.fetch(system, sources, out, no_weights))


@command()
def systems() -> None:
    """List the old systems this kit plays."""
    from reprise_kit.commands import comparing

    comparing.systems()


@command(context_settings={"ignore_unknown_options": True})
@click.option("--keras", required=True, help="Version of the old Keras: 0.3.3, 1.0.5 to 1.2.2, 2.0.4 to 2.3.1.")
@click.option("--backend", type=click.Choice(["theano", "tensorflow"]), required=True, help="What it ran on.")
@click.option("--with", "extras", multiple=True, metavar="NAME[==VERSION]", help="One more package, as of the era.")
@click.option("--image", is_flag=True, help="In a container; without it only where no such Python is here.")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def record(keras: str, backend: str, extras: tuple[str, ...], image: bool, arguments: tuple[str, ...]) -> None:
    """Record what a model computes in its own old Keras, for `migrate --verify`.

    ARGUMENTS are those of original/record: --architecture FILE, --weights FILE, --from-code MODULE:FUNCTION,
    --out FILE, --inputs FILE, --layers, --custom NAME=MODULE:ATTRIBUTE, --image-ordering th|tf, --samples, --size,
    --seed. The environment is made once, from hashed locks, in the user's cache. This runs the model's own code.
    """
    from reprise_kit.commands.record import record as run

    sys.exit(run(keras, backend, extras, image, arguments))


@command()
@click.option("--env", type=FILE, help="Explain the errors of this Python environment by what is installed in it.")
@system_option
def doctor(env: Path | None, system: str) -> None:
    """Say what this machine has, what each missing thing blocks, and the command that mends it."""
    from reprise_kit.compare import doctor as diagnosing

    source = click.get_current_context().get_parameter_source("system")
    sys.exit(diagnosing.doctor(system, env, source is not click.core.ParameterSource.DEFAULT))

"""Systems of one's own."""

import sys
from pathlib import Path
from typing import Any

import click

from reprise_kit.command_line.options import FILE, backend_option, command, upstream_option, weights_option
from reprise_kit.compare.shown import say


@command("new-system")
@click.argument("name")
@click.option("--to", type=FILE, default=Path(), help="Folder to write the new one in; default: here.")
@click.option("--architecture", type=FILE, help="model.json or model.yaml of an old Keras.")
@click.option("--weights", type=FILE, help="weights.h5 of an old Keras, or a whole model.")
@click.option("--golden", type=FILE, help="What original/record --layers recorded of it: its samples become inputs.")
@click.option(
    "--source-backend",
    type=click.Choice(["theano", "tensorflow", "auto"]),
    default="auto",
    show_default=True,
    help="Of --weights: the backend that it was saved under.",
)
def new_system(name: str, to: Path, architecture: Path | None, weights: Path | None, **old: Any) -> None:
    """Write the folder NAME: a system that runs at once, an invented example to change into your own.

    system.toml (its stages), pipeline.py (the port), trace.py (the adapter of the old side), an old program, weights
    that it made, an input, and what it computed there. With --weights: of an old Keras model, its layers the stages.
    """
    from reprise_kit.commands import new_system as writer

    if weights is not None:
        from reprise_kit.commands.keras_system import Files, filled

        folder = writer.write(name, to, filled(Files(architecture, weights, **old)))
    elif architecture is not None or old["golden"] is not None:
        raise click.UsageError("--architecture and --golden go with --weights")
    else:
        folder = writer.write(name, to, writer.letters)
    say(f"{folder}: a system that runs; next: reprise check-system {folder}; then docs/own-system.md")


@command("check-system")
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

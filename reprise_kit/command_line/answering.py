"""What a system says of inputs: on the line, over an archive, in a browser."""

import sys
from pathlib import Path
from typing import Any

import click

from reprise_kit.command_line.options import (
    FILE,
    Finite,
    backend_option,
    command,
    decoder_option,
    strict_option,
    system_option,
    weights_option,
)


@command()
@click.argument("clips", nargs=-1, required=True)
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json", "csv"]),
    default="table",
    show_default=True,
    help="How the answers are printed; csv: a row for each step.",
)
@click.option("--all", "every", is_flag=True, help="Show every label of each clip, not the likeliest three.")
@click.option("--json", "as_json", is_flag=True, help="The same as --format json: each clip as the demo's API says it.")
@click.option("--fix-quirks", is_flag=True, help="Decode as the file is meant, not as the original misread it.")
@strict_option
@click.option(
    "--stream-over", type=Finite(0), help="Minutes beyond which a clip is streamed, its samples approximated."
)
@click.option("--recursive", is_flag=True, help="Answer a FOLDER, list or s3:// folder into --out; it can be resumed.")
@click.option("--out", help="Of --recursive: a folder or s3:// address of Parquet parts (columns: docs/archives.md).")
@click.option("--single-file", is_flag=True, help="Make --out one Parquet file at the end: for small archives.")
@click.option("--shard", help="I/N: answer the I-th of N shares; N runs may share one --out.")
@click.option("--workers", type=click.IntRange(1), help="Processes of --recursive; default: one a core.")
@click.option(
    "--engine",
    type=click.Choice(["local", "ray"]),
    default="local",
    show_default=True,
    help="Of --recursive: processes on this machine, or a Ray cluster.",
)
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
    from reprise_kit.commands import answers, comparing

    options: dict[str, Any] = {"fix_quirks": True} if fix_quirks else {}
    if stream_over is not None:
        options["stream_over"] = 60 * stream_over
    settings = comparing.settings(**chosen)
    if not recursive:
        if out or workers or address or single_file or shard or engine != "local":
            raise click.UsageError(
                "--out, --workers, --single-file, --shard, --engine and --address go with --recursive"
            )
        form = "json" if as_json else "all" if every else form
        sys.exit(answers.predict([Path(clip) for clip in clips], form, options, settings))
    if out is None or len(clips) != 1:
        raise click.UsageError("--recursive wants one FOLDER, list or address, and --out")
    from reprise_kit.commands import archive

    wanted = archive.Wanted(clips[0], out, single_file, shard, engine, address, workers)
    sys.exit(archive.run(wanted, options, settings))


@command()
@click.argument("archive_out", metavar="OUT")
@click.option("--json", "as_json", is_flag=True, help="The counts as JSON.")
def status(archive_out: str, as_json: bool) -> None:
    """Say how far the archive is that `predict --recursive` writes to OUT."""
    from reprise_kit.commands import archive

    archive.status(archive_out, as_json)


@command()
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
    from reprise_kit.commands import comparing

    chosen = comparing.settings("transfer_learning_music", weights, source_backend, decoder)
    writer.write(list(clips), out, chosen.weights.path, chosen.backend, decoder or "pyav")


@command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8081,
    show_default=True,
    help="Port to listen on; 0 takes a free one.",
)
@click.option("--original", help="URL of the original's own demo; default: compare with the recorded traces.")
@click.option(
    "--max-upload", type=click.IntRange(1, 1 << 20), default=128, show_default=True, help="Largest upload, MiB."
)
@click.option(
    "--max-minutes", type=Finite(0, min_open=True), default=120.0, show_default=True, help="Longest song, minutes."
)
@click.option(
    "--max-waiting",
    type=click.IntRange(1),
    default=64,
    show_default=True,
    help="Uploads in line; more are asked to come back.",
)
@click.option(
    "--allow-host",
    multiple=True,
    metavar="NAME",
    help="A host name with dots that it may be asked by; again for a further one.",
)
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
    """Serve the demo: a page and an API (docs/demo-api.md)."""
    from reprise_kit.apps.demo import serve as server
    from reprise_kit.apps.demo.analysis import Limits

    limits = Limits(
        upload_bytes=max_upload << 20, seconds=60 * max_minutes, waiting=max_waiting, allowed_hosts=allow_host
    )
    server.serve(host, port, weights, source_backend, original, limits)

"""`reprise predict --recursive`: an archive into Parquet parts; `reprise status`: how far it is."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from rich.progress import TaskProgressColumn, TimeRemainingColumn

from reprise_kit.apps.archive import local, ray_cluster, single_file
from reprise_kit.apps.archive.archive import Archive, Engine, Job
from reprise_kit.apps.archive.dataset import Dataset, Unreadable
from reprise_kit.apps.archive.sources import Source, source
from reprise_kit.apps.archive.status import Counts, Status, read_all
from reprise_kit.apps.archive.stores import FolderStore, ObjectStore, Store, is_address
from reprise_kit.compare.atomic import claim_folder, discard_folder, refuse_folder
from reprise_kit.compare.bar import bar
from reprise_kit.compare.errors import InputError
from reprise_kit.compare.fetch import cache
from reprise_kit.compare.lock import held
from reprise_kit.compare.shown import say
from reprise_kit.compare.walk import followed
from reprise_kit.compare.workers import cores

LISTED = 100  # unreadable clips that are named; the table has all
# Names of the files in a folder of parts.
OURS = ("rows/*.parquet", "files/*.parquet", "damaged/*.parquet", "status/*.json", "job.json", "lock*")


@dataclass(frozen=True)
class Wanted:
    """What a person asked for: clips (a folder, list or address), where to, and who answers."""

    clips: str
    out: str
    single_file: bool = False
    shard: str | None = None
    engine: str = "local"
    address: str | None = None
    workers: int | None = None

    @property
    def parts(self) -> str:
        """Where the parts are: OUT, or a folder beside the single file."""
        return f"{self.out}.parts" if self.single_file else self.out

    @property
    def share(self) -> tuple[int, int] | None:
        """The share from 0 and of how many; raises InputError where it is not I/N."""
        if self.shard is None:
            return None
        found = re.fullmatch(r"([1-9][0-9]{0,5})/([1-9][0-9]{0,5})", self.shard)
        if not found or int(found[1]) > int(found[2]):
            raise InputError(f"--shard {self.shard}: I/N with 1 <= I <= N is allowed, such as 3/16")
        return int(found[1]) - 1, int(found[2])

    @property
    def prefix(self) -> str:
        """What the names of this run's parts begin with."""
        return "" if self.share is None else f"{self.share[0] + 1:05d}-of-{self.share[1]:05d}-"


def run(wanted: Wanted, options: dict[str, Any], chosen: Any) -> int:
    """Answer every clip into parts (see `apps/archive`); return 1 where some were unreadable.

    options: of the pipeline. chosen: system, weights, backend and decoder. Raises InputError without clips, where OUT
    holds something else or another job's parts, or another process writes them.
    """
    _refuse(wanted)
    clips = source(wanted.clips, chosen.system)
    clips = clips if wanted.share is None else clips.shard(*wanted.share)
    weights = str(followed(chosen.weights.path))
    job = Job(chosen.system.name, weights, chosen.backend, {**chosen.options, **options}, chosen.system.labels)
    engine = local.answer if wanted.engine == "local" else ray_cluster.engine(wanted.address)
    with _rated(clips) as (advance, total):
        counts, bad = answer(wanted, clips, job, engine, advance, total)
    _report(wanted, counts, bad)
    return 1 if bad else 0


def answer(
    wanted: Wanted,
    clips: Source,
    job: Job,
    engine: Engine,
    advance: Callable[[int], None] = lambda n: None,
    total: int | None = None,
) -> tuple[Counts, list[Unreadable]]:
    """Answer the clips into the parts that are wanted; return this run's counts, and all clips without an answer.

    advance: called with a number of files whenever so many are done; total: how many there are.
    """
    with _opened(wanted) as store:
        dataset = _dataset(store, job, wanted)
        status = Status(store, wanted.prefix, total, advance)
        Archive(clips, dataset, status).run(job, engine, wanted.workers or cores())
        bad = dataset.unreadable()
        if wanted.single_file:
            _finish(wanted, dataset, clips, any(again for *_, again in bad))
    return status.counts, bad


@contextmanager
def _opened(wanted: Wanted) -> Iterator[Store]:
    """Yield the store of the parts, held: another process of the same share is refused by InputError."""
    busy = f"{wanted.out}: another run is writing it; wait for it or choose another --out"
    if is_address(wanted.parts):
        name = sha256(f"{wanted.parts} {wanted.prefix}".encode()).hexdigest()
        with held(cache() / "archives" / name, busy):
            yield ObjectStore(wanted.parts)
        return
    folder = claim_folder(Path(wanted.parts), "predict")
    with held(folder / f"lock{('-' + wanted.prefix).rstrip('-')}", busy):
        yield FolderStore(folder)


def status(out: str, as_json: bool) -> None:
    """Print how far an archive is."""
    place = out if is_address(out) or Path(out).is_dir() else f"{out}.parts"
    store = ObjectStore(place) if is_address(place) else FolderStore(Path(place))
    try:
        runs = read_all(store)
    except InputError as error:
        raise InputError(f"{out}: {error}") from None
    if as_json:
        print(json.dumps({name: asdict(counts) | {"rate": counts.rate} for name, counts in runs.items()}, indent=1))
        return
    for name, counts in runs.items():
        of = f" of {counts.total}" if counts.total else ""
        state = "finished" if counts.finished else "begun"
        say(f"{name.rpartition('/')[2].removesuffix('.json')}: {state}, {counts.met}{of} files met")
        say(f"  {counts.answered} answered, {counts.rate:.1f} a second; {counts.known} known before")
        say(f"  {counts.duplicates} second copies, {counts.unreadable} unreadable")


def _refuse(wanted: Wanted) -> None:
    if not wanted.single_file:
        return
    if is_address(wanted.out) or wanted.shard:
        raise InputError("--single-file goes with a file of this machine and one run: neither an address nor --shard")
    refuse_folder(Path(wanted.out))


def _dataset(store: Store, job: Job, wanted: Wanted) -> Dataset:
    try:
        dataset = Dataset(store, job.identity(), wanted.prefix)
    except InputError as error:
        raise InputError(f"{wanted.parts}: {error}") from None
    dataset.take_up()
    return dataset


def _finish(wanted: Wanted, dataset: Dataset, clips: Source, again: bool) -> None:
    single_file.write(Path(wanted.out), dataset, clips)
    if not again:
        discard_folder(Path(wanted.parts), OURS)


@contextmanager
def _rated(clips: Source) -> Iterator[tuple[Any, int | None]]:
    """Yield what advances a bar with the rate and the time left, and the number of files where it is known."""
    total = clips.count()
    rate = TaskProgressColumn(text_format="", show_speed=True)
    with bar("clips", total, rate, TimeRemainingColumn()) as progress:
        yield lambda n: progress.advance(progress.task_ids[0], n), total


def _report(wanted: Wanted, counts: Counts, bad: list[Unreadable]) -> None:
    for path, reason, _ in bad[:LISTED]:
        say(f"reprise: {path}: {reason}", error=True)
    if len(bad) > LISTED:
        say(f"reprise: and {len(bad) - LISTED} more; the rows with an `error` name all", error=True)
    say(f"{wanted.out}: {counts.met} clips, {len(bad)} of them unreadable", error=True)
    table = wanted.out if wanted.single_file else f"{wanted.out}/rows"
    say(f"a row a clip: pyarrow.parquet.read_table({table!r}); columns: docs/archives.md", error=True)
    if any(again for *_, again in bad):
        say("some may be readable another time: the same command tries those again", error=True)

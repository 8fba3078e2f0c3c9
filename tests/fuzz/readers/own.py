"""What the kit wrote, or is told, and may come back altered: systems, archives, markers, seals, git, boxes."""

import hashlib
import json
import os
import subprocess
import tomllib
import zlib
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from reprise_kit.apps.adopt import evidence, notebooks, requirements
from reprise_kit.apps.archive import status
from reprise_kit.apps.archive.dataset import Dataset
from reprise_kit.apps.archive.rows import FILES, ROWS
from reprise_kit.apps.archive.stores import FolderStore
from reprise_kit.compare import frames, git_history, git_objects, seal, system
from reprise_kit.compare.atomic import claim_folder
from reprise_kit.compare.errors import InputError
from reprise_kit.compare.pins import blob_id
from tests.fuzz import formats
from tests.fuzz.readers.reader import Reader, Seeds
from tests.fuzz.trees import changed, changed_bytes

EMPTY = hashlib.sha256().hexdigest()
JOB = {"system": "s", "labels": ["a", "b"]}


def _systems(_: Path) -> list[Any]:
    return [tomllib.loads(path.read_text()) for path in sorted(system.ORIGINAL.glob("*/system.toml"))]


def _put_system(seeds: Seeds, random: Random, folder: Path) -> Path:
    text = formats.toml(changed(random.choice(seeds), [random.choice(seeds)], random)).encode("utf-8", "replace")
    (folder / "system.toml").write_bytes(changed_bytes(text, [text], random) if random.random() < 0.1 else text)
    return folder


def _ask_system(path: Path) -> None:
    found = system.read(path, "own", "own")
    assert found.stages and isinstance(found.labels, tuple)
    found.files, found.backend, found.default_weights, found.inputs, found.title  # noqa: B018


def _archives(_: Path) -> list[Any]:
    counts = {"answered": 2, "known": 0, "duplicates": 0, "unreadable": 0, "total": 2, "began": 0.0}
    rows = [{"sha256": f"{i:064x}", "path": "a.wav", "error": None, "duration": 1.0, "again": False} for i in range(3)]
    files = [{"path": "a.wav", "sha256": f"{i:064x}", "fingerprint": "f" * 16} for i in range(3)]
    return [{"status": {**counts, "updated": 1.0, "finished": True}, "job": JOB, "rows": rows, "files": files}]


def _put_archive(seeds: Seeds, random: Random, folder: Path) -> Path:
    """Its four files, one of them changed."""
    tree = dict(random.choice(seeds))
    which = random.choice(list(tree))
    tree[which] = changed(tree[which], [random.choice(seeds)[which]], random)
    for name in ("status", "rows", "files"):
        (folder / name).mkdir()
    (folder / "status" / "run.json").write_text(json.dumps(tree["status"]))
    (folder / "job.json").write_text(json.dumps(tree["job"], sort_keys=True))
    for name, schema in (("rows", ROWS), ("files", FILES)):
        path = folder / name / random.choice(("000000.parquet", "000000.parquet", "x.parquet", "-1.parquet"))
        pq.write_table(_table(tree[name], schema), path)
        if which == name and random.random() < 0.3:
            path.write_bytes(changed_bytes(path.read_bytes(), [path.read_bytes()], random))
    return folder


def _table(rows: Any, schema: pa.Schema) -> pa.Table:
    rows = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    try:
        return pa.Table.from_pylist(rows, schema)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        pass
    try:
        return pa.Table.from_pylist(rows)  # of other types, or without columns
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        return schema.empty_table()


def _ask_archive(path: Path) -> None:
    store = FolderStore(path)
    status.read_all(store)
    found = Dataset(store, JOB)
    found.take_up()
    found.unreadable()
    for table in ("rows", "files"):
        list(found.parts(table))


def _mapping(tree: Any) -> dict[str, Any]:
    return tree if isinstance(tree, dict) else {}


def _notes(_: Path) -> list[Any]:
    return [
        {"marker": {"command": "reprise trace", "files": ["a", "b", "sealed.json"]}, "seal": {"a": EMPTY, "b": "-> c"}}
    ]


def _put_note(seeds: Seeds, random: Random, folder: Path) -> Path:
    tree = _mapping(changed(random.choice(seeds), seeds, random))
    (folder / ".reprise.json").write_text(json.dumps(tree.get("marker")))
    (folder / "sealed.json").write_text(json.dumps(tree.get("seal")))
    (folder / "a").touch()
    (folder / "b").symlink_to("c")
    return folder


def _ask_note(path: Path) -> None:
    claim_folder(path, "trace")
    (path / ".reprise.json").unlink()
    seal.check_seal(path)


def _repositories(folder: Path) -> list[tuple[str, list[tuple[str, bytes]]]]:
    """A repository with a pack and loose objects: the files of its objects folder, and the wanted blob."""
    text = b"wanted\n" * 50
    identity = ["-c", "user.name=n", "-c", "user.email=e@example.invalid"]
    variables = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}

    def git(*words: str) -> None:
        subprocess.run(["git", "-C", folder, *words], check=True, capture_output=True, env=variables)

    folder.mkdir(exist_ok=True)
    git("init", "-q")
    found = []
    for packed in (False, True):
        (folder / "wanted").write_bytes(text + (b"more" if packed else b""))
        git("add", "wanted")
        git(*identity, "commit", "-q", "-m", "one")
        if packed:
            git("repack", "-adq")
        objects = folder / ".git" / "objects"
        files = [(str(p.relative_to(folder)), p.read_bytes()) for p in sorted(objects.rglob("*")) if p.is_file()]
        heads = [(name, (folder / name).read_bytes()) for name in (".git/HEAD",)]
        found.append((blob_id((folder / "wanted").read_bytes()), files + heads))
    return found


def _put_repository(seeds: Seeds, random: Random, folder: Path) -> Path:
    blob, files = random.choice(seeds)
    changed_one = random.randrange(len(files))
    for i, (name, content) in enumerate(files):
        if i == changed_one:
            content = _changed_object(content, random)
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    (folder / "blob").write_text(blob)
    return folder


def _changed_object(content: bytes, random: Random) -> bytes:
    try:
        inner = zlib.decompress(content)
    except zlib.error:
        return changed_bytes(content, [content], random)
    return zlib.compress(changed_bytes(inner, [inner, b"blob 99999999999\0"], random))


def _ask_repository(path: Path) -> None:
    blob = (path / "blob").read_text()
    git_history.head(path)
    with git_objects.open_blobs(path, [blob], 1 << 20) as read:
        content = read(blob)
    if content is None:
        raise InputError("it has it not")


def _answers(_: Path) -> list[Any]:
    value, array = json.dumps({"a": [1, "b"]}), json.dumps(["<f4", [2, 3], None])
    return [
        [
            ["text", "V"],
            ["<I", len(value)],
            ["text", value],
            ["text", "A"],
            ["<I", len(array)],
            ["text", array],
            ["zeros", 24],
        ],
        [["text", "R"], ["<I", 5], ["text", '"bad"'], ["text", "D"], ["<I", 4], ["text", "null"]],
    ]


def _put_answer(seeds: Seeds, random: Random, folder: Path) -> Path:
    content = formats.packed(changed(random.choice(seeds), seeds, random))
    (folder / "answer").write_bytes(changed_bytes(content, [content], random) if random.random() < 0.3 else content)
    return folder / "answer"


def _ask_answer(path: Path) -> None:
    """Frames as the kit takes them from a box; one that is none is what `boxed` refuses."""
    with path.open("rb") as file:

        def fill(room: memoryview) -> None:
            if file.readinto(room) < len(room):
                raise EOFError

        shared = frames.Room(1 << 20)
        try:
            while frames.receive(fill, shared, 1 << 20)[0] != frames.DONE:
                pass
        except (EOFError, frames.FrameError) as error:
            raise InputError(str(error)) from None
        finally:
            shared.close()


def _repository_texts(_: Path) -> list[Any]:
    cell = {"cell_type": "code", "source": ["import keras\n", "%matplotlib inline\n", "!ls\n"], "outputs": []}
    book = {"cells": [cell, cell], "metadata": {"language_info": {"version": "2.7.12"}}, "nbformat": 4}
    texts = {
        "requirements.txt": "keras==1.1.0\nTheano>=0.8,<0.9 # x\n-r other.txt\n",
        "README.md": "pip install keras==1.2\n",
    }
    texts |= {
        "setup.py": "setup(install_requires=['numpy==1.11'])",
        "environment.yml": "dependencies:\n- keras=1.1\n- pip:\n  - h5py\n",
    }
    texts_of = ("source", "date", "why_date", "python", "backend", "dim_ordering")
    kept = {
        **dict.fromkeys(texts_of, "x"),
        "commit": None,
        "keras_version": "1.1.0",
        "why": {"python": ["a"]},
        "notes": [],
    }
    return [{"book": book, "texts": texts, "evidence": kept}]


def _put_texts(seeds: Seeds, random: Random, folder: Path) -> Path:
    tree = _mapping(changed(random.choice(seeds), seeds, random))
    for name, part in (("x.ipynb", "book"), ("texts.json", "texts"), ("evidence.json", "evidence")):
        (folder / name).write_text(json.dumps(tree.get(part)))
    return folder


def _ask_texts(path: Path) -> None:
    notebooks.read(path / "x.ipynb")
    texts = json.loads((path / "texts.json").read_text())
    requirements.stated({k: v for k, v in texts.items() if isinstance(v, str)} if isinstance(texts, dict) else {})
    evidence.load(path / "evidence.json")


READERS = [
    Reader("system.toml", 50, _systems, _put_system, _ask_system),
    Reader("archive", 8, _archives, _put_archive, _ask_archive),
    Reader("markers and seals", 20, _notes, _put_note, _ask_note),
    Reader("git objects", 1, _repositories, _put_repository, _ask_repository, allowed=("git",)),
    Reader("answers of a box", 60, _answers, _put_answer, _ask_answer),
    Reader("a repository's texts", 30, _repository_texts, _put_texts, _ask_texts),
]

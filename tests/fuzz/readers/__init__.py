"""Every reader of a file that is not ours, or that may come back altered, by name."""

from tests.fuzz.readers import data, models, own, sounds
from tests.fuzz.readers.reader import Reader

READERS: dict[str, Reader] = {
    reader.name: reader for module in (models, data, own, sounds) for reader in module.READERS
}

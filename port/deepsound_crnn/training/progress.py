"""What a person sees of a training run: a bar while an epoch is learned, and one line when it is."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import keras
from rich.progress import Progress, TextColumn

from reprise_kit.compare.bar import bar
from reprise_kit.compare.patience import patience


class Shown(keras.callbacks.Callback):  # type: ignore[misc]
    """Says a line after each epoch and, in a terminal, draws its batches meanwhile.

    A context manager, so that a run that is stopped within an epoch leaves the terminal as it was.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        """Take what prints a line."""
        super().__init__()
        self.say, self.first, self.began = say, True, 0.0
        self.bar: Progress | None = None
        self.building = ExitStack()

    def __enter__(self) -> "Shown":
        """Draw nothing yet; where it takes long until the first epoch begins, say so."""
        self.building.enter_context(patience(lambda: "building the network"))
        return self

    def __exit__(self, *error: object) -> None:
        """Take the bar away."""
        self.building.close()
        if self.bar:
            self.bar.stop()
            self.bar = None

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Begin a bar; a run that goes on says so first."""
        self.building.close()
        if self.first and epoch:
            self.say(f"goes on after epoch {epoch}")
        self.first, self.began = False, time.monotonic()
        self.bar = bar(f"epoch {epoch + 1}/{self.params['epochs']}", self.params["steps"], TextColumn("batches"))
        self.bar.start()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Move the bar."""
        if self.bar:
            self.bar.advance(self.bar.task_ids[0])

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Say how the epoch ended, in place of its bar."""
        self.__exit__()
        figures = ", ".join(f"{name} {(logs or {})[name]:.4f}" for name in ("loss", "val_loss", "val_accuracy"))
        self.say(f"epoch {epoch + 1}/{self.params['epochs']}: {figures}, {time.monotonic() - self.began:.0f} s")

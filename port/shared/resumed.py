"""A training run that is resumed bit by bit where it was stopped: its state on disk after every epoch."""

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np

from reprise_kit.compare.atomic import atomic_file
from reprise_kit.compare.errors import InputError
from reprise_kit.port.keras_legacy.weights_file import write_weights

LOSS = "val_loss"  # what early stopping and the best epoch go by


def _weights_of(epochs: int) -> str:
    return f"epoch-{epochs:04d}.weights.h5"


class Progress(keras.callbacks.Callback):  # type: ignore[misc]
    """Keeps a run's state on disk, and on a resumed run brings the other callbacks to where they were."""

    def __init__(self, folder: Path, setting: dict[str, Any], others: list[keras.callbacks.Callback]) -> None:
        """Take the run's folder, what it must be resumed with, and the callbacks that count epochs."""
        super().__init__()
        self.folder, self.setting, self.others = folder, setting, others
        self.history: list[dict[str, float]] = []

    def resume(self, model: keras.Model) -> int:
        """Load the last finished epoch's weights, optimizer and dropout seeds; return the number of epochs done."""
        path = self.folder / "state.json"
        if not path.is_file():
            return 0
        state = json.loads(path.read_text())
        if state["setting"] != json.loads(json.dumps(self.setting)):
            raise InputError(f"{self.folder}: holds a run of other data or another recipe; give another folder")
        self.history = state["history"]
        model.load_weights(self.folder / state["weights"])
        self._drop_weights_before(len(self.history))  # where the run was killed just before it did
        for variable, seed in zip(model.non_trainable_variables, state["dropout_seeds"], strict=True):
            variable.assign(seed)
        return len(self.history)

    def on_train_begin(self, logs: Any = None) -> None:
        """Show past epochs to the callbacks that count; what they do to the learning rate is already in it."""
        rate = float(self.model.optimizer.learning_rate)
        for epoch, past in enumerate(self.history):
            for other in self.others:
                other.on_epoch_end(epoch, dict(past))
        self.model.optimizer.learning_rate = rate

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Write the state: the weights under a new name, then the file that names them, then drop the old ones."""
        self.history.append({name: float(value) for name, value in (logs or {}).items()})
        name = _weights_of(epoch + 1)
        self._save_weights(name)
        if self.history[-1][LOSS] == min(past[LOSS] for past in self.history):
            self._save_weights("best.weights.h5")
        with atomic_file(self.folder / "state.json") as temporary:
            # Keras writes weights and optimizer, but not how far the dropout layers' random numbers have come.
            seeds = [np.asarray(seed).tolist() for seed in self.model.non_trainable_variables]
            state = {"setting": self.setting, "weights": name, "dropout_seeds": seeds, "history": self.history}
            temporary.write_text(json.dumps(state, indent=1) + "\n")
        self._drop_weights_before(epoch + 1)

    def _save_weights(self, name: str) -> None:
        with atomic_file(self.folder / name) as temporary:
            write_weights(self.model, temporary)

    def _drop_weights_before(self, epochs: int) -> None:
        (self.folder / _weights_of(epochs - 1)).unlink(missing_ok=True)

    @property
    def stopped(self) -> bool:
        """Whether the history has come to the recipe's end, all epochs or no patience left."""
        losses = [past[LOSS] for past in self.history]
        patience = self.setting["recipe"]["patience"]
        stale = len(losses) - 1 - int(np.argmin(losses)) if losses else 0
        return len(losses) >= self.setting["recipe"]["epochs"] or (patience is not None and stale >= patience)

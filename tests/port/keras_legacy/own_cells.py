"""The cells that Keras 2's own tests define, written anew for Keras 3: no file of theirs holds the code."""

from typing import Any

import keras
from keras import ops

_registered = keras.saving.register_keras_serializable(package="test_own_cells")


@_registered
class Minimal(keras.layers.Layer):
    """y = x W + y' U, as in Keras 2's own tests."""

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = self.state_size = units

    def build(self, shape: tuple[int | None, ...]) -> None:
        self.kernel = self.add_weight(shape=(shape[-1], self.units), name="kernel")
        self.recurrent = self.add_weight(shape=(self.units, self.units), name="recurrent_kernel")

    def call(self, x: Any, states: list[Any], training: bool = False) -> tuple[Any, list[Any]]:
        y = ops.matmul(x, self.kernel) + ops.matmul(states[0], self.recurrent)
        return y, [y]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units}


@_registered
class WithConstant(Minimal):
    """y = x W + y' U + c V, with a V for each constant c."""

    def build(self, shapes: list[tuple[int | None, ...]]) -> None:
        x, *constants = shapes
        super().build(x)
        self.of_constants = [
            self.add_weight(shape=(one[-1], self.units), name=f"constant_kernel_{i}") for i, one in enumerate(constants)
        ]

    def call(self, x: Any, states: list[Any], constants: Any) -> tuple[Any, list[Any]]:
        y, _ = super().call(x, states)
        for one, kernel in zip(constants, self.of_constants, strict=True):
            y += ops.matmul(one, kernel)
        return y, [y]


CELLS = {"MinimalRNNCell": Minimal, "RNNCellWithConstants": WithConstant}

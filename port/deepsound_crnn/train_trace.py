"""The port while it trains, step by step, as the original is traced: the same start, the same batches, no noise."""

from collections.abc import Mapping

import keras
import numpy as np
import tensorflow as tf

from reprise_kit.port.deepsound_crnn import model as crnn
from reprise_kit.port.deepsound_crnn.training import initial_weights as start
from reprise_kit.port.deepsound_crnn.training.split import as_original
from reprise_kit.port.keras_legacy.training import RMSpropK1, as_theano_learned

LEARNING_RATE = 1e-5


def train_trace(
    request: Mapping[str, np.ndarray],
    optimizer: keras.optimizers.Optimizer | None = None,
    tied_pooling: bool = True,
) -> dict[str, np.ndarray]:
    """Train on a request's batches and return what the original's adapter (train_trace.py of the system) returns.

    request: x (n_tracks, n_frames, 128) and y (n_tracks, 10) float32, batches (n_steps, batch_size) rows of the
    training part, keep: steps after which weights are recorded, `start/LAYER/NAME`: Keras-1 weights in Theano's order,
    and where training goes on from some step `accumulators/LAYER/NAME`, RMSprop's state there.
    optimizer, tied_pooling: another optimizer or TensorFlow's own pooling gradient, to show what they would change.
    Returns train_rows, val_rows, losses and accuracies (n_steps,) float64, and `after_STEP/LAYER/VARIABLE`.
    """
    train_rows, val_rows = as_original(len(request["x"]))
    x, y = request["x"][train_rows], request["y"][train_rows]
    network = crnn.build()
    start.set_weights(network, under(request, "start"))
    if tied_pooling:
        network = as_theano_learned(network)
    optimizer = optimizer or RMSpropK1(LEARNING_RATE)
    optimizer.build(network.trainable_variables)
    running = under(request, "accumulators")
    for variable, array in zip(optimizer.variables[2:], running.values(), strict=False):
        variable.assign(array)
    step = _step(network, optimizer)
    losses, accuracies = [], []
    kept: dict[str, np.ndarray] = {}
    for number, rows in enumerate(request["batches"], 1):
        loss, accuracy = step(x[rows], y[rows])
        losses.append(float(loss))
        accuracies.append(float(accuracy))
        if number in request["keep"]:
            kept |= {f"after_{number}/{name}": array for name, array in start.weights_of(network).items()}
    answers = {"losses": np.array(losses), "accuracies": np.array(accuracies)}
    return {"train_rows": train_rows, "val_rows": val_rows, **answers, **kept}


def under(arrays: Mapping[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    """Return the Keras-1 arrays named `PREFIX/LAYER/NAME` as the port's, by `LAYER/VARIABLE`; {} where there are none.

    A gradient's square has its weight's layout, so that accumulators are converted as weights are.
    """
    named = {n.removeprefix(f"{prefix}/"): a for n, a in arrays.items() if n.startswith(f"{prefix}/")}
    return start.converted(named, "theano") if named else {}


def one_step(request: Mapping[str, np.ndarray], original: Mapping[str, np.ndarray], step: int) -> dict[str, np.ndarray]:
    """Let the port make step `step` (2, 3, ...) from the original's own state after the one before.

    request: what `original`, the arrays of the original's trace, was made with; steps step - 1 and step were kept.
    Returns what `train_trace` does for this one step, its weights under `after_STEP/`.
    """
    alone = {name: request[name] for name in ("x", "y")}
    alone |= {"batches": request["batches"][step - 1 : step], "keep": np.array([1])}
    for kind, name in (("after", "start"), ("accumulators", "accumulators")):
        prefix = f"{kind}_{step - 1}/"
        alone |= {f"{name}/{n.removeprefix(prefix)}": a for n, a in original.items() if n.startswith(prefix)}
    made = train_trace(alone)
    return {name.replace("after_1/", f"after_{step}/"): array for name, array in made.items()}


def _step(network: keras.Model, optimizer: keras.optimizers.Optimizer):  # type: ignore[no-untyped-def]
    @tf.function(reduce_retracing=True)
    def step(x, y):  # type: ignore[no-untyped-def]
        with tf.GradientTape() as tape:
            # Not training: the dropout layers pass values on, as under Keras 1's learning phase 0.
            answer = network(x, training=False)
            loss = tf.reduce_mean(keras.losses.categorical_crossentropy(y, answer))
        gradients = tape.gradient(loss, network.trainable_variables)
        optimizer.apply(gradients, network.trainable_variables)
        return loss, tf.reduce_mean(keras.metrics.categorical_accuracy(y, answer))

    return step

"""The network on one clip's log-mel by the runtimes it could have: why TensorFlow's graph is the one."""

from collections.abc import Callable, Iterator
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from reprise_kit.compare.registry import load
from reprise_kit.port.deepsound_crnn import model as crnn
from reprise_kit.port.deepsound_crnn.pipeline import open_pipeline

Timed = tuple[str, Callable[[], object], int, float]


def runtimes(clip: Path) -> Iterator[Timed]:
    """Yield name, a call, the clips it answers, and the largest difference of a probability from the first one."""
    weights = load("deepsound_crnn").default_weights
    assert weights is not None
    pipeline = open_pipeline(weights, "theano")
    heard = pipeline._heard(clip, pipeline._taken(clip))
    x = heard.frames[None]  # type: ignore[union-attr]
    wanted = pipeline._step_probs(x).numpy()[0]

    def differs(probs: np.ndarray) -> float:
        return float(np.abs(probs[0] - wanted).max())

    yield "TensorFlow graph (the port)", lambda: pipeline._step_probs(x).numpy(), 1, 0.0
    for n in (4, 16):
        many = np.repeat(x, n, axis=0)
        probs = pipeline._step_probs(many).numpy()
        yield f"  {n} clips at once", lambda many=many: pipeline._step_probs(many).numpy(), n, differs(probs)
    part = keras.Model(pipeline.model.input, pipeline.model.get_layer("output_realtime").output)
    compiled = tf.function(lambda x: part(x, training=False), jit_compile=True, autograph=False)
    yield "XLA, compiled for this one length", lambda: compiled(x).numpy(), 1, differs(compiled(x).numpy())
    run = _onnx(part)
    yield "ONNX Runtime", lambda: run(x), 1, differs(run(x))


def _onnx(part: keras.Model) -> Callable[[np.ndarray], np.ndarray]:
    import onnxruntime
    import tf2onnx

    signature = [tf.TensorSpec((1, None, crnn.N_MELS), tf.float32)]
    graph = tf.function(lambda x: part(x, training=False), input_signature=signature, autograph=False)
    proto, _ = tf2onnx.convert.from_function(graph, input_signature=signature, opset=17)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(proto.SerializeToString(), options)
    name = session.get_inputs()[0].name
    return lambda x: np.asarray(session.run(None, {name: x})[0])

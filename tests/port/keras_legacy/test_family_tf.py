"""Models of real tf.keras, TensorFlow 1.13 to 2.15, migrated and compared after a reload; what Keras 3 does is said."""

import os
import re
from pathlib import Path

import pytest

from reprise_kit.compare.errors import InputError
from reprise_kit.port.keras_legacy import keras3
from reprise_kit.port.keras_legacy.build import migrate
from reprise_kit.port.keras_legacy.migrate import Options, migrate_files
from reprise_kit.port.keras_legacy.read import read
from tests.port.keras_legacy import recorded
from tests.port.keras_legacy.outcome import TOLERANCE, golden, relative_error, reloaded

# What is rightly refused: a pattern of combination/name, and what the refusal must say.
REFUSED = {
    r"/bidirectional_backward_layer$": "backward_layer",
    r"/bn_renorm$": "renorm",
    r"/bn_virtual_batch$": "virtual_batch_size",
    r"tf2\.15\..*/lambda_": "code in a file is never run",  # bytecode of Python 3.11 is not read
    r"/lstm_zero_output_for_mask$": "zero_output_for_mask",
    r"tf1\.13\..*/bidirectional_\w+_masked$": "zero_output_for_mask",
    r"tf(1\.15|2\.3)\..*/op_": "the class TensorFlowOpLayer",
    r"/op_add_n_unknown$": "tf.math.add_n is not one that is read",
    r"/pool_keepdims$": "keepdims",
    r"/softmax_axes$": "axis is",
    r"/spectral$": "SpectralNormalization",
    r"/up2d_bicubic$": "bicubic",
    r"tf1\.15\..*/up2d_bilinear_": "does not say which",
}
# What the file lost, or float32 cannot give: said in a note, and off by more than rounding.
NOTED = {r"tf1\.13\..*/up2d_bilinear_": "never saved its interpolation", r"/mixed_policy$": "computed in mixed_float16"}


def _expected(name: str, table: dict[str, str]) -> str | None:
    return next((words for pattern, words in table.items() if re.search(pattern, name)), None)


pytestmark = pytest.mark.usefixtures("fresh_session")


def test_the_set_is_complete() -> None:
    assert {name.partition("-")[0] for name in recorded.indexes("tf")} == {
        *("tf1.13.2", "tf1.15.5", "tf2.3.4", "tf2.8.4", "tf2.15.1")
    }
    assert len(recorded.names("tf")) > 300


def _shown() -> list[str]:
    """Every third model, and every one that is refused or noted, whose words differ; all with REPRISE_EVERY=1."""
    names = recorded.names("tf")
    odd = [name for name in names if _expected(name, REFUSED) or _expected(name, NOTED)]
    return names if os.environ.get("REPRISE_EVERY") else sorted({*names[::3], *odd})


@pytest.mark.parametrize("name", _shown())
def test_migrates(name: str, scratch: Path, tmp_path: Path) -> None:
    folder = recorded.folder(name, scratch)
    inputs, expected = golden(folder)
    refused, noted = _expected(name, REFUSED), _expected(name, NOTED)
    if refused:
        with pytest.raises(InputError, match=refused):
            migrate(read(folder / "model.json", folder / "weights.h5"), "tensorflow")
        return
    made = migrate(read(folder / "model.json", folder / "weights.h5"), "tensorflow")
    error = relative_error(reloaded(made, tmp_path)(inputs), expected)
    assert noted is None or any(noted in note for note in made.notes)
    assert (error <= TOLERANCE) == (noted is None), error


def _whole(kind: str, scratch: Path) -> Path:
    """A recorded whole model of one of these names, whichever TensorFlow it was kept of."""
    for name in recorded.names("tf"):
        if re.search(kind, name) and (recorded.folder(name, scratch) / "whole.h5").exists():
            return recorded.folder(name, scratch) / "whole.h5"
    raise AssertionError(kind)


def test_what_keras_3_reads_itself_is_said_and_written(scratch: Path, tmp_path: Path) -> None:
    whole = _whole(r"tf2\.15.*/(dense|bn|crop|pad|maxpool|elu)", scratch)
    said = migrate_files(None, whole, tmp_path / "out.keras", Options()).lines
    assert any("loads this file itself, and answers alike" in line for line in said), said
    assert (tmp_path / "out.keras").is_file()


def test_what_keras_3_refuses_is_said(scratch: Path, tmp_path: Path) -> None:
    whole = _whole(r"tf2\.15.*/(lstm|gru|simplernn|deconv|conv_net)", scratch)
    said = migrate_files(None, whole, tmp_path / "out.keras", Options()).lines
    assert any("does not load this file itself" in line for line in said), said


def test_another_answer_is_seen(scratch: Path) -> None:
    """The file against a model that is not its own: never called alike."""
    import keras

    whole = _whole(r"tf2\.15.*/(dense|bn|crop|pad|maxpool|elu)", scratch)
    own = keras.models.load_model(whole, compile=False)
    x = keras.Input(own.inputs[0].shape[1:])
    document = read(None, whole).written
    assert "answers otherwise" in keras3.says(whole, document, keras.Model(x, own(x) * 1.001))[0]
    assert "alike" in keras3.says(whole, document, keras.Model(x, own(x) * 1.00001))[0]


@pytest.mark.parametrize(
    "layer",
    [
        {"class_name": "Lambda", "config": {}},
        {"class_name": "Dense", "module": "os", "config": {}},
        {"class_name": "Dense", "config": {"kernel_initializer": {"class_name": "system", "module": "keras.utils"}}},
        {"class_name": "TFSMLayer", "module": "keras.layers", "config": {}},
        {"class_name": ["Dense"], "config": {}},
    ],
)
def test_what_could_run_code_is_not_handed_to_keras_3(
    layer: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    import keras

    def load(*arguments: object, **named: object) -> None:
        raise AssertionError("Keras 3 was given the file")

    monkeypatch.setattr(keras.models, "load_model", load)
    document = {"class_name": "Sequential", "config": {"layers": [layer]}}
    assert keras3.says(Path("whole.h5"), document, None) == []

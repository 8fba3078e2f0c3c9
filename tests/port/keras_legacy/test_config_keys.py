"""What no Keras 1 had is refused by name, each key named; the table is of real Keras's sources."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reprise_kit.compare.errors import InputError
from reprise_kit.port.keras_legacy import config_keys, trained
from reprise_kit.port.keras_legacy.build import build, migrate
from reprise_kit.port.keras_legacy.dialects.dialect import KERAS2, TF_KERAS, Dialect
from reprise_kit.port.keras_legacy.dialects.keras2 import architecture
from reprise_kit.port.keras_legacy.read import OldModel
from reprise_kit.port.keras_legacy.rules.context import RULES
from tests.port.keras_legacy.models import first, group, layer, model, normal, sequential

RANDOM = np.random.RandomState(0)
RULE_FILES = Path(config_keys.__file__).parent
# Keys that decide nothing of what a loaded model computes or learns, and why.
HARMLESS = {
    **dict.fromkeys(("init", "inner_init", "forget_bias_init", "transform_bias"), "values before the file's"),
    **dict.fromkeys(("gamma_init", "beta_init", "alpha_init"), "values before the file's"),
    **dict.fromkeys(("t_left_init", "a_left_init", "t_right_init", "a_right_init"), "values before the file's"),
    **dict.fromkeys(("weights", "input_tensor", "create_input_layer"), "arguments that no file holds"),
    **dict.fromkeys(("input_shape", "sparse"), "written as batch_input_shape; sparse inputs are dense in a file"),
    **dict.fromkeys(("nb_feature", "depth_multiplier", "shared_axes"), "the arrays' shapes say it"),
    **dict.fromkeys(("node_indices", "tensor_indices"), "of a Merge made by hand; the calls say it"),
    **dict.fromkeys(("output_shape_type",), "how a function's output_shape was written down"),
    "seed": "which numbers a Dropout drops",
}


def dense(**config: Any) -> dict[str, Any]:
    return first(layer("Dense", "d", output_dim=2, **config), 3)


def weights() -> Any:
    return group("d", W=normal(RANDOM, 3, 2), b=normal(RANDOM, 2))


def test_every_unknown_key_is_named() -> None:
    conv = layer("Convolution1D", "c", filter_length=1, nb_filter=2, causal=False)
    source = model(sequential(dense(scale=2.0, mixture=None), layer("RepeatVector", "r", n=2), conv), weights())
    with pytest.raises(InputError) as refused:
        build(source, "theano")
    for named in (
        "layer d (Dense): scale = 2.0",
        "mixture = None",
        "layer c (Convolution1D): causal",
        "--ignore d.scale",
    ):
        assert named in str(refused.value)


@pytest.mark.parametrize("asked", ["d.scale", "Dense.scale"])
def test_a_key_is_left_out_when_asked(asked: str) -> None:
    made = migrate(model(sequential(dense(scale=2.0)), weights()), "theano", ignore=[asked])
    assert any("scale = 2.0 left out" in note for note in made.notes)
    with pytest.raises(InputError, match=r"--ignore d\.other"):
        build(model(sequential(dense(scale=2.0)), weights()), "theano", ignore=[asked, "d.other"])


def test_an_ignored_key_is_read_by_no_rule() -> None:
    conv = first(layer("Convolution1D", "c", filter_length=2, nb_filter=2, atrous_rate=[2]), 5, 3)
    arrays = group("c", W=normal(RANDOM, 2, 1, 3, 2), b=normal(RANDOM, 2))
    with pytest.raises(InputError, match="atrous_rate"):
        build(model(sequential(conv), arrays), "tensorflow")
    assert build(model(sequential(conv), arrays), "tensorflow", ignore=["c.atrous_rate"]).output_shape == (None, 4, 2)


def keras_2(dialect: Dialect = KERAS2, **config: Any) -> OldModel:
    settings = {"name": "d", "filters": 2, "kernel_size": [1], "batch_input_shape": [None, 4, 3], **config}
    document = {"class_name": "Sequential", "config": [{"class_name": "Conv1D", "config": settings}]}
    arrays = group("d", W=normal(RANDOM, 1, 3, 2), b=normal(RANDOM, 2))
    return replace(model(architecture(document, dialect), arrays, version="2.2.4"), dialect=dialect)


@pytest.mark.parametrize("key", [{"causal": True}, {"groups": 3}], ids=["no Keras's", "tf.keras's"])
def test_a_key_that_keras_2_never_had_is_named_and_can_be_left_out(key: dict[str, Any]) -> None:
    (name,) = key
    with pytest.raises(InputError, match=rf"layer d \(Conv1D\): {name} = .*no Keras 2 had it.*--ignore d\.{name}"):
        build(keras_2(**key), "theano")
    for asked in (f"d.{name}", f"Conv1D.{name}"):
        made = migrate(keras_2(**key), "theano", ignore=[asked])
        assert any(f"{name} = " in note and "left out" in note for note in made.notes)
    with pytest.raises(InputError, match=r"--ignore d\.other"):
        build(keras_2(**key), "theano", ignore=[f"d.{name}", "d.other"])


def test_a_key_of_tf_keras_that_says_nothing_is_no_question() -> None:
    build(keras_2(groups=1), "tensorflow")
    with pytest.raises(InputError, match=r"no tf\.keras had it"):
        build(keras_2(TF_KERAS, causal=True), "tensorflow")


def test_the_version_decides() -> None:
    source = model(sequential(dense(bias=True)), weights(), version="1.0.1")
    with pytest.raises(InputError, match=r"bias = True \(Keras 1\.0\.1 did not have it, 1\.0\.2 and later did"):
        build(source, "theano")
    build(source, "theano", "1.0.2")
    build(model(sequential(dense(bias=True)), weights(), version=None), "theano")
    old = model(sequential(first(layer("Cropping1D", "crop", cropping=[1, 1]), 5, 3)), version="1.0.7")
    with pytest.raises(InputError, match=r"Keras 1\.0\.7 had no class Cropping1D \(1\.0\.8 and later did\)"):
        build(old, "theano")


def test_the_table_is_that_of_the_rules() -> None:
    table = config_keys.table()
    assert set(table) - set(RULES) == set()
    assert table["AtrousConvolution1D"][0] == ((1, 1, 0), ())
    assert table["Highway"][1]["transform_bias"] == ((), (1, 2, 0))


def test_no_key_is_accepted_merely_because_nothing_reads_it() -> None:
    read = {key for path in RULE_FILES.rglob("*.py") for key in re.findall(r"[\"'](\w+)[\"'{]", path.read_text())}
    endings = ("_regularizer", "_constraint")  # read by trained.py, whatever stands before
    assert all(ending in Path(trained.__file__).read_text() for ending in endings)
    keys = {key for _, keys in config_keys.table().values() for key in keys if not key.endswith(endings)}
    unread = {key for key in keys - read if key.rstrip("123") not in read}  # kernel_dim1, ... are read as kernel_dim{i}
    assert unread <= set(HARMLESS), f"neither read by a rule nor known to be harmless: {unread - set(HARMLESS)}"
    assert len(keys) > 60

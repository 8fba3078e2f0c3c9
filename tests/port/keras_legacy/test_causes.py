"""Why a verification fails: each cause, injected, is named; another is said to be unknown."""

import dataclasses

import numpy as np
import pytest

from reprise_kit.compare.errors import InputError
from reprise_kit.port.keras_legacy import build, causes, recording, verify
from reprise_kit.port.keras_legacy.migrate import Options, migrate_files
from tests.port.keras_legacy import models


def net(**normal):
    """A convolution that does not record its dim_ordering, BatchNormalization, an LSTM."""
    random = np.random.RandomState(0)
    config = models.sequential(
        models.first(models.layer("Convolution2D", "conv", nb_filter=3, nb_row=2, nb_col=3), 3, 5, 7),
        models.layer("BatchNormalization", "bn", mode=0, axis=1, **normal),
        models.layer("Reshape", "rows", target_shape=[4, 15]),
        models.layer("LSTM", "lstm", output_dim=4, activation="tanh", inner_activation="hard_sigmoid"),
    )
    variance = np.array([0.3, 0.7, 2.5], "f4")
    gates = {
        f"{kind}_{gate}": models.normal(random, *shape) * np.float32(0.1)  # far from saturation
        for gate in "icfo"
        for kind, shape in (("W", (15, 4)), ("U", (4, 4)), ("b", (4,)))
    }
    return models.model(
        config,
        models.group("conv", W=models.normal(random, 3, 3, 2, 3), b=models.normal(random, 3)),
        models.group(
            "bn", gamma=np.ones(3, "f4"), beta=np.zeros(3, "f4"), running_mean=np.zeros(3, "f4"), running_std=variance
        ),
        models.group("lstm", **gates),
    )


def golden_of(model, backend="theano", **settings):
    made = build.build(model, backend, **{"keras_version": "1.2.2", "dim_ordering": "th", **settings})
    x = models.normal(np.random.RandomState(1), 6, *made.input_shape[1:])
    return {"in_0": x, "out_0": verify.run(made, [x])[0]}


def explained(model, backend, settings, arrays):
    wanted = recording.of(arrays)
    try:
        verdict = verify.compare(build.migrate(model, backend, **settings), wanted)
    except InputError:  # of other shapes
        infinite = verify.Difference("out_0", float("inf"), float("inf"))
        verdict = verify.Verdict(verify.TOLERANCE, [infinite], [], [], [], 0, [])
    return causes.explain(model, backend, settings, wanted, verdict)


@pytest.mark.parametrize(
    ("used", "given", "named"),
    [
        ({"backend": "theano"}, {"backend": "tensorflow"}, "--source-backend theano"),
        ({"keras_version": "1.0.6"}, {"keras_version": "1.2.2"}, "--keras-version 1.0.6"),
        ({"keras_version": "1.0.7"}, {"keras_version": "1.2.2"}, "--keras-version 1.0.7"),
        ({"keras_version": "1.2.2"}, {"keras_version": "1.0.6"}, "--keras-version 1.2.2"),
        ({"dim_ordering": "th"}, {"dim_ordering": "tf"}, "--dim-ordering th"),
    ],
)
def test_a_wrong_option_is_named(used, given, named):
    model = net(epsilon=0.02)  # or 1.0.7 and 1.2.2, which add it at another place, would agree
    arrays = golden_of(model, **used)
    settings = {"keras_version": "1.2.2", "dim_ordering": "th", **given}
    backend = settings.pop("backend", "theano")
    said = explained(model, backend, settings, arrays)
    assert said.startswith(f"with {named} it agrees to ")
    assert said.endswith(f"Use {named}.")


def test_a_wrong_entry_of_the_architecture_is_named():
    settings = {"keras_version": "1.2.2", "dim_ordering": "th"}
    said = explained(net(epsilon=1e-5), "theano", settings, golden_of(net(epsilon=1e-3)))
    assert said.startswith('with "epsilon": 0.001 in the BatchNormalization layers')
    other = net()
    changed = [dict(layer, config=dict(layer["config"])) for layer in other.config["config"]]
    changed[-1]["config"]["inner_activation"] = "sigmoid"
    other = dataclasses.replace(other, config=models.sequential(*changed))
    said = explained(net(), "theano", settings, golden_of(other))
    assert said.startswith('with "inner_activation": sigmoid in the recurrent layers')


@pytest.mark.parametrize("fault", [lambda out: out * 1.01, lambda out: out[:, ::-1], lambda out: out[:, :2]])
def test_what_is_no_reading_of_the_files_is_said_to_be_unknown(fault):
    arrays = golden_of(net())
    arrays["out_0"] = fault(arrays["out_0"])
    settings = {"keras_version": "1.2.2", "dim_ordering": "th"}
    assert "no known cause makes it vanish" in explained(net(), "theano", settings, arrays)


def test_outputs_that_agree_are_explained_by_no_reading():
    settings = {"keras_version": "1.2.2", "dim_ordering": "th"}
    said = explained(net(), "theano", settings, golden_of(net()))
    assert said.startswith("the outputs agree")


def test_a_failed_verification_says_why(tmp_path):
    config, groups = net().config, net().weights
    config["config"][0]["config"]["dim_ordering"] = "th"
    files = models.save(tmp_path, config, groups)
    golden = tmp_path / "golden.npz"
    np.savez(golden, **golden_of(net()))
    options = Options(source_backend="tensorflow", keras_version="1.2.2")
    report = migrate_files(*files, tmp_path / "m.keras", options, golden=golden)
    assert not report.agrees
    assert "Use --source-backend theano." in report.explanation
    options = dataclasses.replace(options, source_backend="theano")
    assert migrate_files(*files, tmp_path / "m.keras", options, golden=golden).explanation == ""


def test_a_reading_that_leaves_a_difference_is_no_advice():
    """An epsilon near a known one: 1e-3 brings it 30 times closer, and is wrong."""
    settings = {"keras_version": "1.2.2", "dim_ordering": "th"}
    arrays = golden_of(net(epsilon=4e-4))
    said = explained(net(epsilon=0.02), "theano", settings, arrays)
    assert "no known cause makes it vanish" in said and "epsilon" not in said


def test_an_infinite_difference_explains_nothing():
    arrays = golden_of(net())
    arrays["out_0"] = arrays["out_0"][:, :2]
    settings = {"keras_version": "1.2.2", "dim_ordering": "th"}
    said = explained(net(), "theano", settings, arrays)
    assert "an infinite difference explains nothing" in said and "Use " not in said

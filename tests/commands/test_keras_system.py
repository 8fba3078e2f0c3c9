"""A system from an old Keras model alone: its layers are the stages, held to what the real old Keras recorded."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from reprise_kit.api import compare_inputs
from reprise_kit.commands import new_system, own_systems
from reprise_kit.commands.keras_system import Files, filled
from reprise_kit.compare import registry
from reprise_kit.compare.errors import InputError
from tests.commands.test_own_systems import forget

LAYERED = Path(__file__).parents[1] / "port" / "keras_legacy" / "recorded" / "layered"
# Model of real Keras 1.2.2, and the layers through which all of it passes.
CUTS = {"image": ["relu_b", "flat", "classes"], "sequence": ["lstm_a", "lstm_b", "gate"]}


@pytest.fixture(params=CUTS)
def folder(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    name = request.param
    files = Files(None, LAYERED / f"{name}.h5", LAYERED / f"{name}.npz")
    yield new_system.write(name, tmp_path, filled(files))
    forget()


def test_its_layers_agree_with_the_real_old_keras(folder: Path, tmp_path: Path) -> None:
    assert own_systems.check(folder, (), None, None, None) == 0
    system = registry.load(folder)
    assert [row.layer for row in system.file.stage] == ["", *CUTS[folder.name]]
    results = compare_inputs([system.inputs], tmp_path / "report", system)
    assert len(results) == 3 and all(result.agrees for result in results)
    assert all(v.needed_atol < 1e-6 for result in results for v in (*result.isolated, *result.chained))


def test_the_other_kernel_order_is_seen(tmp_path: Path) -> None:
    files = Files(None, LAYERED / "image.h5", LAYERED / "image.npz", "theano")
    folder = new_system.write("image", tmp_path, filled(files))
    other = registry.load(folder)
    results = compare_inputs(
        [other.inputs], tmp_path / "report", other, str(other.recorded / "theano"), None, "tensorflow"
    )
    fault = results[0].fault
    assert fault is not None and fault.stage == "relu_b" and fault.mode == "isolated"
    forget()


def test_what_does_not_fit_is_one_line(folder: Path) -> None:
    file = folder / "system.toml"
    text = file.read_text()
    layer = CUTS[folder.name][0]
    for old, new, said in (
        (f'layer = "{layer}"', 'layer = "nobody"', "no layer 'nobody'"),
        (f'layer = "{layer}"\n', "", "neither a layer nor a function"),
    ):
        assert old in text
        file.write_text(text.replace(old, new, 1))
        with pytest.raises(InputError, match=said):
            registry.open_pipeline(registry.load(folder), own_systems.needed(registry.load(folder)))


def test_several_inputs_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="one input and one output"):
        filled(Files(None, LAYERED / "dead_branch.h5"))
    assert list(tmp_path.iterdir()) == []

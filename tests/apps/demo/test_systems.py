"""Every system of the kit behind one page and one API: chosen by name, loaded once, answering as its own pipeline."""

import shutil
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from reprise_kit.apps.demo.analysis import Limits, analyse
from reprise_kit.apps.demo.engine import Engine, Engines, probabilities
from reprise_kit.compare import registry, system
from reprise_kit.compare.contract import Pipeline, Prediction
from reprise_kit.compare.errors import InputError
from reprise_kit.compare.weights import Weights
from reprise_kit.port.audio.parts import Incoming
from reprise_kit.port.audio.provenance import Origin
from reprise_kit.port.shared.network import AudioOptions
from tests.apps.demo.running import CLIPS, FETCHED, FIXTURE, Running, fetched, running
from tests.apps.demo.test_api import QUAD, SOUND, settled, wav
from tests.apps.demo.test_hostile import HOSTILE
from tests.port.audio import hostile_decoders
from tests.shared import SHARED, needs_shared

MISSING = "music_tagger_cnn"
SONG = SHARED / "data/choi/clips/bensound-cute.mp3"
OPTIONS: dict[str, dict[str, Any]] = {"deepsound_cnn_2018": {"front": "librosa"}}


def own_pipeline(name: str, cache: Path) -> Pipeline:
    pinned = registry.load(name)
    assert pinned.file.weights is not None
    weights = cache / "upstream" / name / pinned.upstream.commit / pinned.file.weights.path
    return registry.open_pipeline(pinned, Weights(weights, pinned.backend, "upstream"), OPTIONS.get(name, {}))


@needs_shared
@pytest.mark.parametrize("path", [SONG, QUAD, CLIPS / "drums_mono_vbr.mp3"], ids=lambda path: path.name)
@pytest.mark.parametrize("name", FETCHED)
def test_the_answer_is_that_systems_own(several: Running, cache: Path, name: str, path: Path) -> None:
    expected = own_pipeline(name, cache).predict(path)
    answer = several.upload(path.read_bytes(), system=name)
    assert answer.status == 200 and answer.json["system"] == name and answer.json["mode"] == "exact"
    assert tuple(answer.json["labels"]) == expected.labels
    np.testing.assert_allclose(answer.json["clip_probs"], expected.clip_probs, atol=1e-6, rtol=0)
    if expected.step_probs is None:
        assert answer.json["step_probs"] is None
    else:
        np.testing.assert_allclose(answer.json["step_probs"], expected.step_probs, atol=1e-6, rtol=0)
    assert answer.json["duration"] == pytest.approx(expected.duration, abs=1e-3)
    assert tuple(answer.json["notes"]) == expected.notes
    assert settled(several)


@needs_shared
@pytest.mark.parametrize("name", FETCHED)
def test_the_events_end_with_the_same_answer(several: Running, name: str) -> None:
    events = several.upload(SONG.read_bytes(), stream=True, system=name).stream
    names = [event for event, _ in events]
    start, result = events[1][1], dict(events[-1][1])
    assert names[:2] == ["queued", "start"] and names[-1] == "result" and start["system"] == name
    if name == "deepsound_cnn_2018":
        assert set(names[2:-1]) == {"steps"} and start["step_seconds"] == pytest.approx(0.3715, abs=1e-4)
        assert result.pop("live_agreement") >= 0.98
    else:
        assert names[2:-1] == [] and start["step_seconds"] is None and len(start["labels"]) == 50
    assert result == several.upload(SONG.read_bytes(), system=name).json


@needs_shared
def test_the_recommended_system_is_the_default_where_it_was_fetched(several: Running) -> None:
    about = several.get("/api/v1/about").json
    assert about["system"] == "deepsound_cnn_2018" and about["weights_know_genres"] is True
    first, *others = about["systems"]
    assert first["system"] == about["system"] and first["recommended"] and first["live"] and first["available"]
    assert {offer["system"] for offer in others if offer["available"]} == {*FETCHED[1:], "deepsound_crnn"}
    assert several.upload(SOUND.read_bytes()).json["system"] == "deepsound_cnn_2018"


def test_nothing_fetched_leaves_the_kits_own_and_says_how_to_get_the_others() -> None:
    with running(weights=None) as own:
        about = own.get("/api/v1/about").json
        assert about["system"] == "deepsound_crnn" and about["weights_know_genres"] is False
        offers = {offer["system"]: offer for offer in about["systems"]}
        assert [name for name, offer in offers.items() if offer["available"]] == ["deepsound_crnn"]
        page = own.get("/").body.decode()
        for name, offer in offers.items():
            assert offer["fetch"] == f"reprise fetch {name}" and f"<code>reprise fetch {name}</code>" in page
            assert offer["knows"].startswith(f"{len(registry.load(name).labels)} ")
        refused = own.upload(SOUND.read_bytes(), system=MISSING)
        assert refused.status == 400 and refused.json["error"].endswith(f"reprise fetch {MISSING}")
        assert settled(own)


def test_every_system_that_answers_with_probabilities_is_offered(server: Running) -> None:
    offered = {offer["system"] for offer in server.get("/api/v1/about").json["systems"]}
    assert offered == {name for name in registry.names() if probabilities(registry.load(name))}
    assert "transfer_learning_music" in registry.names() and "transfer_learning_music" not in offered


@pytest.mark.parametrize("stream", [False, True], ids=["json", "events"])
@pytest.mark.parametrize("name", ["polka", "../deepsound_crnn", "transfer_learning_music", "x" * 3000])
def test_an_unknown_system_is_one_line_and_leaves_nothing(server: Running, name: str, stream: bool) -> None:
    answer = server.upload(SOUND.read_bytes(), system=name, stream=stream)
    assert answer.status == 400 and list(answer.json) == ["error", "code"]
    message = answer.json["error"]
    assert "no system" in message and "deepsound_crnn" in message and len(message) < 300 and "\n" not in message
    assert settled(server)
    assert server.request("POST", f"/api/v1/live?rate=48000&system={name}").status == 400
    assert settled(server)


@needs_shared
def test_only_its_own_original_is_set_beside_a_system(several: Running) -> None:
    path = "/api/v1/predict?original=1"
    own = several.upload(QUAD.read_bytes(), path=path, system="deepsound_crnn").json["original"]
    assert own["source"] == "recorded" and own["max_abs"] <= 5e-5
    for name in FETCHED:
        other = several.upload(QUAD.read_bytes(), path=path, system=name).json["original"]
        assert list(other) == ["unavailable"] and "\n" not in other["unavailable"]


@needs_shared
@pytest.mark.parametrize("name", FETCHED)
@pytest.mark.parametrize("kind", ["nothing", "noise", "zip", "wav at 4 GHz", "playlist"])
def test_hostile_files_are_one_line_for_every_system(several: Running, name: str, kind: str) -> None:
    answer = several.upload(HOSTILE[kind], system=name)
    assert answer.status == 422 and list(answer.json) == ["error", "code"]
    message = answer.json["error"]
    assert 5 < len(message) < 300 and "\n" not in message and "/tmp" not in message and "passwd" not in message
    assert settled(several)


@needs_shared
def test_what_the_pipeline_refuses_is_said_without_the_servers_names(several: Running) -> None:
    short = wav(np.zeros(11_025, np.int16), 22_050)
    answer = several.upload(short, system="deepsound_cnn_2018")
    assert answer.status == 422 and answer.json["error"].startswith("too short")


@needs_shared
def test_a_microphone_goes_to_the_system_named(several: Running, cache: Path) -> None:
    from reprise_kit.port.deepsound_cnn_2018.live import LiveNetwork, LiveRecogniser

    refused = several.request("POST", "/api/v1/live?rate=48000&system=compact_cnn")
    assert refused.status == 400 and "no live path" in refused.json["error"]
    samples = np.random.default_rng(3).normal(0, 0.1, 48_000 * 8).astype(np.float32)
    opened = several.request("POST", "/api/v1/live?rate=48000&system=deepsound_cnn_2018").json
    assert opened["system"] == "deepsound_cnn_2018" and len(opened["labels"]) == 10 and opened["step_seconds"] > 0
    steps = []
    for part in np.split(samples, 32):
        steps += several.request("POST", f"/api/v1/live/{opened['id']}", part.tobytes()).json["step_probs"]
    several.request("DELETE", f"/api/v1/live/{opened['id']}")
    pipeline: Any = own_pipeline("deepsound_cnn_2018", cache)
    expected = LiveRecogniser(LiveNetwork(pipeline.model), 48_000).push(samples).step_probs
    assert len(steps) >= 12
    np.testing.assert_allclose(steps, expected[: len(steps)], atol=2e-4)


# One process: the engines themselves.


@needs_shared
def test_weights_that_arrive_later_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPRISE_CACHE", str(tmp_path))
    engine = Engines().find(MISSING)
    assert not engine.offer()["available"]
    with pytest.raises(InputError, match=f"reprise fetch {MISSING}"):
        engine.ready()
    fetched(tmp_path, MISSING)
    assert engine.offer()["available"] and engine.ready().knows


@needs_shared
def test_half_a_checkpoint_is_said_without_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fetched(tmp_path, "deepsound_cnn_2018")
    next(tmp_path.rglob("group1-shard1of1")).unlink()
    monkeypatch.setenv("REPRISE_CACHE", str(tmp_path))
    with pytest.raises(InputError) as refused:
        _ = Engines().find("deepsound_cnn_2018").loaded
    assert "group1-shard1of1: no such file" in str(refused.value) and str(tmp_path) not in str(refused.value)


@needs_shared
def test_altered_weights_are_no_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fetched(tmp_path, MISSING)
    weights = tmp_path / next(path for path in tmp_path.rglob("*_theano.h5"))
    weights.write_bytes(weights.read_bytes()[:-1] + b"?")
    monkeypatch.setenv("REPRISE_CACHE", str(tmp_path))
    assert Engines().find(MISSING).weights is None


def newcomer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Engine, list[float]]:
    """A system's folder that nobody has heard of, and the times at which its pipeline was opened."""
    folder = tmp_path / "newcomer"
    folder.mkdir()
    text = (system.ORIGINAL / MISSING / "system.toml").read_text()
    (folder / "system.toml").write_text(text.replace("[weights]", '[fixture]\nweights = "own.h5"\n\n[weights]'))
    shutil.copy(FIXTURE, folder / "own.h5")
    opened: list[float] = []

    def open_pipeline(weights: Path, backend: str, options: AudioOptions) -> Any:
        opened.append(time.monotonic())
        time.sleep(0.2)
        return Answering()

    module: Any = ModuleType("reprise_kit.port.newcomer.pipeline")
    module.open_pipeline, module.Options = open_pipeline, AudioOptions
    monkeypatch.setitem(sys.modules, "reprise_kit.port.newcomer.pipeline", module)
    monkeypatch.setitem(sys.modules, "reprise_kit.port.newcomer", ModuleType("reprise_kit.port.newcomer"))
    monkeypatch.setattr(system, "ORIGINAL", tmp_path)
    return Engines().find("newcomer"), opened


class Answering(Pipeline):
    """Answers once a clip, whatever it is, and wants to be asked by one at a time."""

    labels = ()

    def __init__(self) -> None:
        self.lock = threading.Lock()

    def predict(self, clip: Path) -> Prediction:
        assert self.lock.acquire(blocking=False), "two whole-file answers at once"
        time.sleep(0.05)
        self.lock.release()
        if clip.stat().st_size < 1000:
            raise InputError(f"{clip}: too small for a newcomer")
        labels = registry.load("newcomer").labels
        return Prediction(labels, None, 29.12, np.full(len(labels), 0.5, np.float32), 2.0)

    def provenance(self) -> dict[str, Any]:
        return {"weights_sha256": "0" * 64}


def test_a_new_folder_appears_by_itself_and_is_loaded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine, opened = newcomer(tmp_path, monkeypatch)
    offer = engine.offer()
    assert offer["knows"].startswith("50 tags, such as rock, pop") and not offer["live"] and not offer["recommended"]
    assert opened == [], "loaded before anybody asked"
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: engine.predict(SOUND), range(8)))
    assert len(answers) == 8 and len(opened) == 1


def events(engine: Engine, path: Path, limits: Limits) -> list[tuple[str, dict[str, Any]]]:
    return list(analyse(path, engine, limits, lambda: None, streaming=True))


def test_a_whole_file_is_decoded_in_a_box_before_the_server_opens_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Too long a song, a decoder that crashes: the pipeline, which decodes in the server's process, is never asked."""
    engine, _ = newcomer(tmp_path, monkeypatch)
    monkeypatch.setattr(Engine, "predict", lambda *_: pytest.fail("the server opened the file"))
    name, content = events(engine, QUAD, Limits(exact_seconds=0.5))[-1]
    assert name == "error" and "longer than 0.5 seconds" in content["error"]
    monkeypatch.setattr("reprise_kit.port.audio.parts.heard", hostile_decoders.midway)
    name, content = events(engine, SOUND, Limits())[-1]
    assert name == "error" and "its reader crashed on it (SIGABRT)" in content["error"]
    assert str(SOUND) not in content["error"]

    @contextmanager
    def failing_late(*_: object) -> Iterator[Incoming]:
        def parts() -> Iterator[np.ndarray]:
            yield np.zeros(100, np.float32)
            raise InputError("damaged near its end")

        yield Incoming(22_050, 2.0, parts(), Origin("none", "none"))

    monkeypatch.setattr("reprise_kit.apps.demo.analysis.incoming", failing_late)
    assert events(engine, SOUND, Limits())[-1] == ("error", {"error": "damaged near its end", "code": "bad_clip"})


def test_a_refusal_does_not_name_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine, _ = newcomer(tmp_path, monkeypatch)
    small = tmp_path / "secret.wav"
    small.write_bytes(wav(np.zeros(300, np.int16), 22_050))
    assert events(engine, small, Limits())[-1] == ("error", {"error": "too small for a newcomer", "code": "bad_clip"})

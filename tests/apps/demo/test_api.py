"""The HTTP API on a real server: the same answers as the pipeline, one readable error each, nothing left behind."""

import hashlib
import io
import time
import wave
from pathlib import Path

import numpy as np
import pytest

from reprise_kit.port.deepsound_crnn.pipeline import open_pipeline
from tests.apps.demo.running import CLIPS, FIXTURE, Running, form, running

SOUND = CLIPS / "guitar_22050.au"
QUAD = CLIPS / "quad_4channels.wav"


def settled(server: Running) -> bool:
    """Whether nothing is left of any clip soon after its answer: what ends a visit goes on while the answer is read."""
    deadline = time.monotonic() + 60
    while server.uploads_left() or server.children() or server.clips_inside():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


@pytest.mark.parametrize("path", [SOUND, QUAD, CLIPS / "drums_mono_vbr.mp3"], ids=lambda path: path.name)
def test_the_answer_is_the_pipelines(server: Running, path: Path) -> None:
    expected = open_pipeline(FIXTURE, "theano").predict(path)
    answer = server.upload(path.read_bytes())
    assert answer.status == 200 and answer.json["mode"] == "exact"
    assert expected.step_probs is not None
    np.testing.assert_allclose(answer.json["step_probs"], expected.step_probs, atol=1e-6, rtol=0)
    np.testing.assert_allclose(answer.json["clip_probs"], expected.clip_probs, atol=1e-6, rtol=0)
    assert answer.json["duration"] == pytest.approx(expected.duration, abs=1e-3)
    assert tuple(answer.json["notes"]) == expected.notes
    assert answer.json["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert settled(server)


def test_events_come_in_order_and_hold_the_same_answer(server: Running) -> None:
    answer = server.upload(QUAD.read_bytes(), stream=True)
    events = answer.stream
    names = [name for name, _ in events]
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert names[:2] == ["queued", "start"] and names[-1] == "result" and set(names[2:-1]) == {"steps"}
    live = [probs for name, content in events if name == "steps" for probs in content["step_probs"]]
    assert len(live) == len(events[-1][1]["step_probs"])
    answered = dict(events[-1][1])
    assert answered.pop("live_agreement") >= 0.98
    assert answered == server.upload(QUAD.read_bytes()).json


def test_health_about_and_headers(server: Running) -> None:
    health = server.get("/health")
    assert health.status == 200 and health.json["status"] == "ok"
    assert health.json["weights_sha256"] == hashlib.sha256(FIXTURE.read_bytes()).hexdigest()
    assert health.json["weights_know_genres"] is False
    about = server.get("/api/v1/about").json
    assert about["system"] == "deepsound_crnn" and len(about["labels"]) == 10
    for path in ("/", "/health", "/nowhere", "/static/main.js"):
        answer = server.get(path)
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "server" not in answer.headers


def test_the_page_names_no_other_host(server: Running) -> None:
    names = [path.name for path in (Path(__file__).parents[3] / "reprise_kit" / "apps" / "demo" / "static").iterdir()]
    assert len(names) >= 8
    for text in [server.get("/").body, *[server.get(f"/static/{name}").body for name in names]]:
        foreign = text.replace(server.url.encode(), b"").replace(b"http://www.w3.org/2000/svg", b"")
        assert b"http://" not in foreign.replace(b"http://HOST:PORT", b"") and b"https://" not in foreign
        assert b"style=" not in text and b"onclick" not in text


def test_metrics_and_log_tell_what_was_done(server: Running) -> None:
    server.upload(SOUND.read_bytes(), name="secret-name.au")
    server.upload(b"not a sound")
    assert settled(server)
    text = server.get("/metrics").body.decode()
    for wanted in ('reprise_clips_total{outcome="result"}', 'reprise_clips_total{outcome="error"}',
                   'route="/api/v1/predict",status="422"', "reprise_first_step_seconds_bucket",
                   "reprise_clips_inside 0.0", "process_resident_memory_bytes"):  # fmt: skip
        assert wanted in text
    assert any(event.get("route") == "/api/v1/predict" and event["status"] == 200 for event in server.events())
    assert "secret-name" not in server.log.read_text()


def test_shipped_clips_are_served_and_nothing_beside_them(server: Running) -> None:
    assert server.get("/clips/guitar_22050.au").body == SOUND.read_bytes()
    for name in ("make_clips.py", "..%2f..%2freprise_kit/cli.py", "%2e%2e/require.py", "nowhere.wav"):
        assert server.get(f"/clips/{name}").status == 404


def test_recorded_original_beside_a_shipped_clip(server: Running) -> None:
    answer = server.upload(QUAD.read_bytes(), path="/api/v1/predict?original=1").json
    theirs = answer["original"]
    assert theirs["source"] == "recorded"
    ours, original = np.array(answer["step_probs"]), np.array(theirs["step_probs"])
    assert ours.shape == original.shape
    assert theirs["max_abs"] == pytest.approx(np.abs(ours - original).max(), abs=2e-7)
    assert theirs["max_abs"] <= 5e-5 and theirs["differ"] == [] and theirs["same_genre"] == 1.0
    other = server.upload(_wav(3.0), path="/api/v1/predict?original=1").json["original"]
    assert "no recording" in other["unavailable"]


def _wav(seconds: float, rate: int = 22_050) -> bytes:
    samples = (np.random.default_rng(1).normal(0, 3000, int(seconds * rate))).astype("<i2")
    return wav(samples, rate)


def wav(samples: np.ndarray, rate: int) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(samples.tobytes())
    return file.getvalue()


def test_microphone_stream_is_the_recognisers(server: Running) -> None:
    from reprise_kit.port.deepsound_crnn.live import LiveNetwork, LiveRecogniser

    samples = np.random.default_rng(3).normal(0, 0.1, 48_000 * 5).astype(np.float32)
    opened = server.request("POST", "/api/v1/live?rate=48000").json
    steps = []
    for part in np.split(samples, 20):
        answer = server.request("POST", f"/api/v1/live/{opened['id']}", part.tobytes())
        assert answer.status == 200 and answer.json["first"] == len(steps)
        steps += answer.json["step_probs"]
    recogniser = LiveRecogniser(LiveNetwork(open_pipeline(FIXTURE, "theano").model), 48_000)
    expected = recogniser.push(samples).step_probs
    assert len(steps) >= 6
    np.testing.assert_allclose(steps, expected[: len(steps)], atol=2e-4)
    assert server.request("DELETE", f"/api/v1/live/{opened['id']}").status == 200
    assert server.request("POST", f"/api/v1/live/{opened['id']}", b"").status == 404


@pytest.mark.parametrize(
    ("path", "body", "status", "words"),
    [
        ("/api/v1/live", b"", 400, "rate"),
        ("/api/v1/live?rate=7", b"", 400, "greater than or equal to 8000"),
        ("/api/v1/live/nobody", b"", 404, "no such stream"),
    ],
)
def test_microphone_refusals(server: Running, path: str, body: bytes, status: int, words: str) -> None:
    answer = server.request("POST", path, body)
    assert answer.status == status and words in answer.json["error"]


def test_microphone_places_are_limited_and_odd_bytes_refused(server: Running) -> None:
    opened = [server.request("POST", "/api/v1/live?rate=22050") for _ in range(5)]
    assert [answer.status for answer in opened] == [200] * 4 + [429]
    assert server.request("POST", f"/api/v1/live/{opened[0].json['id']}", b"123").status == 400
    loud = np.array([np.nan, np.inf, -np.inf, 1e30] * 6000, "<f4")
    assert server.request("POST", f"/api/v1/live/{opened[0].json['id']}", loud.tobytes()).status == 200
    for answer in opened[:4]:
        assert server.request("DELETE", f"/api/v1/live/{answer.json['id']}").status == 200


def test_stopping_lets_the_running_finish_and_turns_new_ones_away() -> None:
    with running() as own:
        import threading

        long = _wav(600.0)
        answers: list[int] = []
        worker = threading.Thread(target=lambda: answers.append(own.upload(long).status))
        worker.start()
        deadline = time.monotonic() + 20
        while not own.children() and time.monotonic() < deadline:
            time.sleep(0.05)
        own.process.terminate()
        time.sleep(0.3)
        body, headers = form(SOUND.read_bytes(), "x")
        assert own.request("POST", "/api/v1/predict", body, headers).status == 503
        assert own.get("/health").status == 503
        worker.join(60)
        assert answers == [200]
        assert own.process.wait(30) == 0
        assert [event["event"] for event in own.events()][-1] == "stopped"
        assert own.uploads_left() == []


def test_a_full_disk_is_said_and_kept_from_the_client_in_detail() -> None:
    import asyncio
    import errno

    from starlette.requests import Request

    from reprise_kit.apps.demo.app import failed

    nothing = Request({"type": "http", "headers": []})
    full, other = (asyncio.run(failed(nothing, OSError(number, "secret"))) for number in (errno.ENOSPC, errno.EIO))
    assert full.status_code == 503 and b"no room" in full.body
    assert other.status_code == 500 and b"secret" not in other.body

"""Uploads meant to harm: one readable error each, and a server that is as before."""

import gzip
import io
import json
import os
import socket
import struct
import time
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from tests.apps.demo.running import CLIPS, Running, form, running
from tests.apps.demo.test_api import SOUND, settled

MP3 = CLIPS / "drums_mono_vbr.mp3"


def healthy(server: Running) -> None:
    assert settled(server), (server.uploads_left(), server.children())
    answer = server.upload(SOUND.read_bytes())
    assert answer.status == 200 and len(answer.json["step_probs"]) == 2


def wav_header(data_bytes: int, rate: int = 44_100, channels: int = 2) -> bytes:
    block = 2 * channels
    return (
        b"RIFF" + struct.pack("<L", min(36 + data_bytes, 0xFFFFFFFF)) + b"WAVEfmt "
        + struct.pack("<LHHLLHH", 16, 1, channels, rate, rate * block % 2**32, block % 2**16, 16)
        + b"data" + struct.pack("<L", min(data_bytes, 0xFFFFFFFF))
    )  # fmt: skip


def flac_of_ten_hours() -> bytes:
    """Ten hours of silence would be 10 * 3600 * 44100 samples; only the header says so."""
    content = bytearray((CLIPS / "five_to_the_seventh.flac").read_bytes())
    total = 10 * 3600 * 44_100  # 36 bits, the last four of byte 21 on
    packed = int.from_bytes(content[18:26], "big") & ~((1 << 36) - 1) | total
    content[18:26] = packed.to_bytes(8, "big")
    return bytes(content)


HOSTILE = {
    "nothing": b"",
    "one byte": b"\0",
    "noise": os.urandom(200_000),
    "text": b"import os\n" * 1000,
    "zip": gzip.compress(b"\0" * 10_000_000),
    "ten-hour wav header": wav_header(10 * 3600 * 44_100 * 2) + b"\0" * 100_000,
    "ten-hour flac header": flac_of_ten_hours(),
    "wav of 65,535 channels": wav_header(1000, channels=65_535) + b"\0" * 1000,
    "wav at 4 GHz": wav_header(400_000, rate=0xFFFFFFFF) + b"\0" * 400_000,
    "half an mp3": MP3.read_bytes()[: len(MP3.read_bytes()) // 2 - 7],
    "playlist": b"#EXTM3U\nfile:///etc/passwd\n",
    "concat": b"ffconcat version 1.0\nfile /etc/passwd\n",
    "hls": b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n",
    "html with a wav in it": b"<html><script>alert(1)</script>" + SOUND.read_bytes(),
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>',
    "too short": wav_header(2 * 4 * 1000) + b"\0" * 8000,
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("stream", [False, True], ids=["json", "events"])
def test_one_readable_error(server: Running, name: str, stream: bool) -> None:
    answer = server.upload(HOSTILE[name], stream=stream)
    if stream:
        assert [event for event, _ in answer.stream].count("error") == 1 and "result" not in answer.body.decode()
        message = answer.stream[-1][1]["error"]
    else:
        assert answer.status == 422 and list(answer.json) == ["error", "code"]
        message = answer.json["error"]
    assert 5 < len(message) < 300 and "\n" not in message
    assert "Traceback" not in message and "/tmp" not in message and "passwd" not in message and ".py" not in message
    assert settled(server)


def test_a_polyglot_is_only_ever_its_sound(server: Running) -> None:
    answer = server.upload(MP3.read_bytes() + b"<script>alert(1)</script>", stream=True)
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert b"<script" not in answer.body
    healthy(server)


@pytest.mark.parametrize(
    "name", ["../../../etc/cron.d/x", "/etc/passwd", "a\\..\\b.wav", "C:nul", "x" * 3000, "%00.wav", "-i.wav"]
)
def test_the_clients_name_reaches_neither_disk_nor_answer(server: Running, name: str) -> None:
    before = set(Path(server.temporary).rglob("*"))
    answer = server.upload(SOUND.read_bytes(), name=name)
    assert answer.status == 200 and name.encode() not in answer.body
    assert set(Path(server.temporary).rglob("*")) == before
    assert name not in server.log.read_text()


def test_compressed_hours_meet_the_limit_of_duration() -> None:
    """Twenty minutes of silence in a few hundred kilobytes: decoded only up to the limit, in bounded memory."""
    bomb = flac_of_silence(1200)
    assert len(bomb) < 500_000
    with running("--max-minutes", "2") as own:
        began, idle = time.monotonic(), own.memory()
        answer = own.upload(bomb)
        assert answer.status == 422 and "longer than 120 seconds" in answer.json["error"]
        assert time.monotonic() - began < 60 and own.memory() - idle < 300e6
        healthy(own)


def flac_of_silence(seconds: int, rate: int = 8000) -> bytes:
    """An ogg of silence: next to nothing in bytes."""
    file = io.BytesIO()
    with av.open(file, "w", format="ogg") as out:
        stream: Any = out.add_stream("flac", rate=rate, layout="mono", format="s16")
        stream.codec_context.open()
        size = stream.codec_context.frame_size
        for k in range(seconds * rate // size):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, size), np.int16), "s16", "mono")
            frame.sample_rate, frame.pts = rate, k * size
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return file.getvalue()


def test_too_large_a_file_is_refused_and_not_kept() -> None:
    with running("--max-upload", "1") as own:
        connection = socket.create_connection(("127.0.0.1", own.port), timeout=30)
        head = "POST /api/v1/predict HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\n"
        connection.sendall(f"{head}Content-Length: 5000000\r\n\r\n".encode())
        assert b" 413 " in connection.recv(4096)
        connection.close()
        healthy(own)


def raw(server: Running) -> tuple[socket.socket, bytes]:
    body, headers = form(SOUND.read_bytes(), "x")
    lines = [f"{k}: {v}" for k, v in {**headers, "Host": "x", "Content-Length": str(len(body))}.items()]
    head = "\r\n".join(["POST /api/v1/predict HTTP/1.1", *lines, "", ""]).encode()
    return socket.create_connection(("127.0.0.1", server.port), timeout=60), head + body


def test_slow_clients_do_not_stop_the_others(server: Running) -> None:
    slow = [raw(server) for _ in range(30)]  # more than there are threads
    for connection, request in slow:
        connection.sendall(request[:2000])
    began = time.monotonic()
    assert server.upload(SOUND.read_bytes()).status == 200
    assert time.monotonic() - began < 20
    connection, request = slow[0]
    for at in range(2000, len(request), 40_000):
        connection.sendall(request[at : at + 40_000])
        time.sleep(0.02)
    assert b" 200 " in connection.recv(64)
    for connection, _ in slow:
        connection.close()
    healthy(server)


def test_clients_that_leave_leave_nothing(server: Running) -> None:
    before = server.log.read_text().count("\n")
    for sent in (0.5, 1.0):
        for _ in range(3):
            connection, request = raw(server)
            connection.sendall(request[: int(len(request) * sent)])
            connection.close()
    healthy(server)
    body, headers = form((CLIPS / "quad_4channels.wav").read_bytes(), "x")
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=60)
    lines = {**headers, "Host": "x", "Accept": "text/event-stream", "Content-Length": str(len(body))}
    head = "\r\n".join(["POST /api/v1/predict HTTP/1.1", *(f"{k}: {v}" for k, v in lines.items()), "", ""])
    connection.sendall(head.encode() + body)
    connection.recv(300)
    connection.close()
    healthy(server)
    assert settled(server)
    noted = [json.loads(line) for line in server.log.read_text().splitlines()[before:]]
    assert 500 not in {line.get("status") for line in noted}, noted
    assert not [line for line in noted if line["event"] == "failed"]

"""Whose requests are taken."""

import asyncio
import json
from collections.abc import MutableMapping
from typing import Any

import pytest

from reprise_kit.apps.demo.analysis import Limits
from reprise_kit.apps.demo.callers import refusal
from reprise_kit.apps.demo.gate import Gate
from reprise_kit.apps.demo.observe import Metrics
from tests.apps.demo.running import Running, form
from tests.apps.demo.test_api import SOUND


@pytest.mark.parametrize(
    "host", ["127.0.0.1:8081", "localhost:80", "[::1]:8081", "192.168.1.7", "port:8081", "a.localhost"]
)
def test_names_that_nobody_owns_are_taken(host: str) -> None:
    assert refusal(host, None) is None and refusal(host, f"http://{host}") is None
    assert "may not use" in str(refusal(host, "https://evil.example"))
    for origin in ("null", "", host, "http://[::1", "http://]", "http://[x]:80", f"http://{host}@evil.example"):
        assert "may not use" in str(refusal(host, origin))


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8081", "127.0.0.1.evil.example", "", "[::1"])
def test_names_that_somebody_owns_are_refused(host: str) -> None:
    assert "not called" in str(refusal(host, None))
    if host.startswith("evil"):
        assert refusal(host, None, ("evil.example",)) is None


def test_a_fault_at_the_door_is_an_answer_as_any_other() -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError("on purpose")

    scope = {"type": "http", "method": "GET", "path": "/", "headers": [(b"host", b"localhost")]}
    sent: list[dict[str, Any]] = []

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(dict(message))

    async def receive() -> dict[str, Any]:
        return {"type": "http.request"}

    asyncio.run(Gate(broken, Limits(), Metrics(int, int))(scope, receive, send))
    assert sent[0]["status"] == 500 and json.loads(sent[1]["body"])["code"] == "failed"
    assert b"nosniff" in dict(sent[0]["headers"]).values()


def test_a_page_elsewhere_cannot_spend_this_machine(server: Running) -> None:
    body, headers = form(SOUND.read_bytes(), "clip")
    for other, words in (({"Origin": "https://evil.example"}, "may not use"), ({"Host": "evil.example"}, "not called")):
        refused = server.request("POST", "/api/v1/predict", body, headers | other)
        assert refused.status == 403 and words in refused.json["error"]
    assert server.upload(SOUND.read_bytes()).status == 200

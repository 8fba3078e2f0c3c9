"""The API is what its OpenAPI document says: every answer to calls that schemathesis makes up is in the document.

At length: python -m tests.apps.demo.test_openapi 5000 (calls, on a server of its own).
"""

import json
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from reprise_kit.apps.demo.refusal import STATUS, Code
from tests.apps.demo.running import CLIPS, Answer, Running, running

CALLS = 15  # of each kind and operation
# Bytes made up are no clip, and a server may be full: both are right answers here, and documented.
UNCHECKED = "positive_data_acceptance,not_a_server_error"
DOCUMENT = "/api/v1/openapi.json"


def calls(url: str, each: int, *more: str) -> tuple[int, int, str]:
    """Let schemathesis call a server; return its exit code, how many calls it made, and what it said."""
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"{url}{DOCUMENT}", "--max-examples", str(each)]
    command += ["--exclude-checks", UNCHECKED, "--seed", "16", "--workers", "2", "--no-color"]
    command += ["--request-timeout", "60", *more]  # seconds, on a machine that others use
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=3000, check=False)
    made = re.search(r"([\d,]+) generated", done.stdout)
    return done.returncode, int(made[1].replace(",", "")) if made else 0, done.stdout + done.stderr


def test_every_answer_is_documented(server: Running) -> None:
    code, made, said = calls(server.url, CALLS)
    assert code == 0, said[-6000:]
    assert made >= 100, said[-3000:]
    lines = server.log.read_text().splitlines()
    failed = [k for k, line in enumerate(lines) if '"status": 500' in line]
    assert not failed, "\n".join(lines[max(0, failed[0] - 30) : failed[0] + 1])


def test_an_undocumented_answer_is_found(server: Running, tmp_path: Path) -> None:
    document = server.get(DOCUMENT).json
    del document["paths"]["/api/v1/live"]["post"]["responses"]["400"]
    (tmp_path / "less.json").write_text(json.dumps(document))
    command = [sys.executable, "-m", "schemathesis.cli", "run", str(tmp_path / "less.json"), "--url", server.url]
    command += ["--max-examples", "5", "--exclude-checks", UNCHECKED, "--include-path", "/api/v1/live", "--no-color"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 1 and "Undocumented status code" in done.stdout, done.stdout[-3000:]


def test_every_code_is_documented_under_its_status(server: Running) -> None:
    said = {
        (int(status), word)
        for path in server.get(DOCUMENT).json["paths"].values()
        for method in path.values()
        for status, answer in method["responses"].items()
        if status != "200"
        for word in answer["description"].removeprefix("code: ").split(", ")
    }
    anywhere = {Code.NOT_FOUND, Code.WRONG_METHOD}  # of paths and methods that are not there
    assert {(STATUS.get(code, 400), code.value) for code in Code if code not in anywhere} <= said


def test_links_lead_to_routes_that_take_their_fields(server: Running) -> None:
    document = server.get(DOCUMENT).json
    opened = document["paths"]["/api/v1/live"]["post"]["responses"]["200"]
    fields = document["components"]["schemas"]["Opened"]["properties"]
    reached = []
    for link in opened["links"].values():
        path, method = link["operationRef"].removeprefix("#/paths/").rsplit("/", 1)
        taken = {p["name"] for p in document["paths"][path.replace("~1", "/")][method]["parameters"]}
        assert set(link["parameters"]) <= taken
        assert all(value.removeprefix("$response.body#/") in fields for value in link["parameters"].values())
        reached.append(method)
    assert sorted(reached) == ["delete", "post"]


def kept(document: dict[str, Any], path: str, answer: Answer) -> None:
    """An answer with status 200 is of the schema that the document has for it."""
    assert answer.status == 200
    method = document["paths"][path]["post"]["responses"]["200"]["content"]["application/json"]["schema"]
    jsonschema.validate(answer.json, {**method, "components": document["components"]})


def test_real_answers_keep_the_document_too(server: Running) -> None:
    """What no made-up call reaches: an answer on a clip, alone and beside the original, and live sound."""
    document = server.get(DOCUMENT).json
    path = "/api/v1/predict"
    for query, clip in (("", "piano_22050.wav"), ("?original=1", "quad_4channels.wav")):
        answer = server.request("POST", path + query, (CLIPS / clip).read_bytes())
        kept(document, path, answer)
        assert ("original" in answer.json) == bool(query)
    until = time.monotonic() + 90  # the calls before may hold every microphone's place for a while
    while (opened := server.request("POST", "/api/v1/live?rate=22050")).status == 429 and time.monotonic() < until:
        time.sleep(2)
    kept(document, "/api/v1/live", opened)
    heard = server.request("POST", f"/api/v1/live/{opened.json['id']}", b"\0" * 88_200)
    kept(document, "/api/v1/live/{name}", heard)
    altered = json.loads(json.dumps(document))
    del altered["components"]["schemas"]["Heard"]["properties"]["seconds"]
    with pytest.raises(jsonschema.ValidationError, match="seconds"):
        kept(altered, "/api/v1/live/{name}", heard)


if __name__ == "__main__":
    with running() as started:
        ended, number, words = calls(started.url, int(sys.argv[1]) // 5)
        print(words, f"{number} calls, exit code {ended}", sep="\n")

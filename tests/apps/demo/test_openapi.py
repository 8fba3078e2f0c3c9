"""The API is what its OpenAPI document says: every answer to calls that schemathesis makes up is in the document.

`st run URL/api/v1/openapi.json` does the same at length (docs/usage.md); UNCHECKED are not asked, there as here.
"""

import json
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import positive_data_acceptance

from reprise_kit.apps.demo.refusal import STATUS, Code
from tests.apps.demo.running import CLIPS, Running

CALLS = 15  # of each kind
# Bytes made up are no clip, and every 503 is documented: both are right answers here.
UNCHECKED = [positive_data_acceptance, not_a_server_error]


@pytest.fixture(scope="module")
def document(server: Running) -> Any:
    return schemathesis.openapi.from_url(f"{server.url}/api/v1/openapi.json")


schema = schemathesis.pytest.from_fixture("document")


@schema.parametrize()
@settings(
    max_examples=CALLS,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_every_answer_is_documented(case: Any) -> None:
    answer = case.call_and_validate(excluded_checks=UNCHECKED)
    assert answer.status_code != 500, answer.text


def test_every_code_is_documented_under_its_status(server: Running) -> None:
    paths = server.get("/api/v1/openapi.json").json["paths"]
    said = {
        (int(status), word)
        for path in paths.values()
        for method in path.values()
        for status, answer in method["responses"].items()
        if status != "200"
        for word in answer["description"].removeprefix("code: ").split(", ")
    }
    anywhere = {Code.NOT_FOUND, Code.WRONG_METHOD}  # of paths and methods that are not there
    assert {(STATUS.get(code, 400), code.value) for code in Code if code not in anywhere} <= said


def test_real_answers_keep_the_document_too(document: Any, server: Running) -> None:
    """What no made-up call reaches: an answer on a clip, alone and beside the original, and live sound."""
    operation = document["/api/v1/predict"]["POST"]
    for query, clip in (({}, "piano_22050.wav"), ({"original": True}, "quad_4channels.wav")):
        body = (CLIPS / clip).read_bytes()
        case = operation.Case(query=query, body=body, media_type="application/octet-stream")
        answer = case.call_and_validate(excluded_checks=UNCHECKED)
        assert answer.status_code == 200 and ("original" in answer.json()) == bool(query)
    opened = server.request("POST", "/api/v1/live?rate=22050").json
    operation = document["/api/v1/live/{name}"]["POST"]
    case = operation.Case(
        path_parameters={"name": opened["id"]}, body=b"\0" * 88_200, media_type="application/octet-stream"
    )
    assert case.call_and_validate(excluded_checks=UNCHECKED).status_code == 200


def test_an_undocumented_answer_is_found(document: Any, server: Running) -> None:
    """The check bites: a document without the answer's schema refuses it."""
    raw = json.loads(json.dumps(document.raw_schema))
    raw["components"]["schemas"]["About"]["properties"].pop("systems")
    raw["components"]["schemas"]["About"]["required"].remove("systems")
    altered = schemathesis.openapi.from_dict(raw)
    case = altered["/api/v1/about"]["GET"].Case()
    with pytest.raises(Exception, match="systems"):
        case.call_and_validate(base_url=server.url, excluded_checks=UNCHECKED)

"""What the API answers, as the OpenAPI document says it; tests/apps/demo/test_openapi.py holds the code to it."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from reprise_kit.apps.demo.refusal import STATUS, Code

Probability = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0)]


class Answer(BaseModel):
    """An object that has these fields and no others."""

    model_config = ConfigDict(extra="forbid")


class Error(Answer):
    """Any answer that is none."""

    error: str = Field(description="one line a person can use")
    code: Code


class Identity(Answer):
    """What answers."""

    system: str
    version: str = Field(description="of the kit")
    weights_sha256: str
    step_seconds: float | None = Field(description="length of a step; null where nothing is known before the end")


class Default(Identity):
    """The default system."""

    title: str
    labels: list[str]
    weights_know_genres: bool = Field(description="whether its labels mean anything")
    source_backend: str


class Health(Default):
    """Whether new work is taken."""

    status: Literal["ok", "stopping"]


class Offer(Answer):
    """A system that may be chosen."""

    system: str
    title: str
    knows: str
    answers: Literal["steps", "clip"]
    live: bool
    hears: str = Field(description="what of a sound it hears, in words; empty: all of it")
    accepts: list[str]
    recommended: bool
    available: bool = Field(description="whether its weights are here")
    weights_know_genres: bool | None
    fetch: str = Field(description="the command that brings its weights")
    compared: bool = Field(description="whether its original's answers can be had here")


class About(Default):
    """The default system and what else may be chosen."""

    systems: list[Offer]


class Unavailable(Answer):
    """Why there is no answer of the original."""

    unavailable: str


class Original(Answer):
    """The original's answer beside the port's."""

    source: Literal["live", "recorded"]
    step_probs: list[list[Probability]]
    max_abs: float
    at_step: Count
    at_label: Count
    max_abs_by_step: list[float]
    differ: list[int] = Field(description="steps where the two name another label")
    same_genre: Probability = Field(description="share of the steps where they name the same")


class Prediction(Identity):
    """The answer on a clip."""

    mode: Literal["exact", "live"]
    duration: float = Field(description="seconds as the network heard them")
    labels: list[str]
    top: str
    clip_probs: list[Probability]
    step_probs: list[list[Probability]] | None
    notes: list[str]
    sha256: str
    live_agreement: Probability | None = None
    original: Original | Unavailable | None = None


class Opened(Identity):
    """A stream of live sound."""

    id: str
    rate: int
    labels: list[str]


class Heard(Identity):
    """The steps that a piece of live sound settled."""

    first: Count = Field(description="number of the first of these steps")
    step_probs: list[list[Probability]]
    picture: str = Field(description="base64 of columns of 32 bytes")
    seconds: float = Field(description="heard so far")


class Closed(Answer):
    """A stream has ended."""

    closed: Literal[True]


MICROPHONE = (("hear", "post"), ("close", "delete"))  # what is done with one that is open, by its id


def link(path: str, method: str, **parameters: str) -> dict[str, Any]:
    """A link of OpenAPI to the route of a path below /api/v1, which takes fields of the answer as its parameters."""
    route = f"/api/v1{path}".replace("/", "~1")
    fields = {name: f"$response.body#/{field}" for name, field in parameters.items()}
    return {"operationRef": f"#/paths/{route}/{method}", "parameters": fields}


def answers(
    model: type[BaseModel], *codes: Code, stream: bool = False, links: dict[str, Any] | None = None
) -> dict[int | str, dict[str, Any]]:
    """`responses` of a route: its answer, and the errors that it may give beside those that any route may.

    links: what its answer is good for, see `link`.
    """
    found: dict[int | str, dict[str, Any]] = {200: {"model": model} | ({"links": links} if links else {})}
    if stream:
        events = {"schema": {"type": "string", "description": "server-sent events, see API.md"}}
        found[200]["content"] = {"text/event-stream": events}
    for code in (*codes, Code.BAD_REQUEST, Code.UNKNOWN_PARAMETER, Code.FOREIGN, Code.FAILED):
        entry = found.setdefault(STATUS.get(code, 400), {"model": Error, "description": "code: "})
        words = entry["description"].removeprefix("code: ")
        entry["description"] = f"code: {words}{', ' if words else ''}{code}"
        if STATUS.get(code) in (429, 503):
            entry["headers"] = {"Retry-After": {"schema": {"type": "string"}, "description": "seconds"}}
    return found

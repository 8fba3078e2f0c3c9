"""Why a request is not answered: a status, a code for programs, a line for people."""

from enum import StrEnum


class Code(StrEnum):
    """Machine-readable error codes; none is renamed or removed."""

    NO_CLIP = "no_clip"
    BAD_CLIP = "bad_clip"
    BAD_FORM = "bad_form"
    BAD_PARAMETER = "bad_parameter"
    BAD_REQUEST = "bad_request"
    UNKNOWN_PARAMETER = "unknown_parameter"
    UNKNOWN_SYSTEM = "unknown_system"
    NOT_FETCHED = "not_fetched"
    NO_LIVE_PATH = "no_live_path"
    BAD_SOUND = "bad_sound"
    FOREIGN = "foreign"
    NOT_FOUND = "not_found"
    NO_STREAM = "no_stream"
    WRONG_METHOD = "wrong_method"
    TOO_SLOW = "too_slow"
    TOO_LARGE = "too_large"
    BUSY = "busy"
    NO_ROOM = "no_room"
    STOPPING = "stopping"
    FAILED = "failed"


STATUS = {
    Code.BAD_CLIP: 422,
    Code.FOREIGN: 403,
    Code.NOT_FOUND: 404,
    Code.NO_STREAM: 404,
    Code.WRONG_METHOD: 405,
    Code.TOO_SLOW: 408,
    Code.TOO_LARGE: 413,
    Code.BUSY: 429,
    Code.FAILED: 500,
    Code.NO_ROOM: 503,
    Code.STOPPING: 503,
}  # all others 400
WAIT_SECONDS = {Code.NO_ROOM: 10, Code.STOPPING: 30, Code.BUSY: 30}  # where nothing better is known


class Refusal(Exception):
    """What an error answer says; raised anywhere below a request."""

    def __init__(self, code: Code, line: str, retry_after: int | None = None) -> None:
        """line: what came, what is allowed, what to try. retry_after: seconds until another try may do better."""
        super().__init__(line)
        self.code, self.line, self.status = code, line, STATUS.get(code, 400)
        self.retry_after = retry_after or WAIT_SECONDS.get(code)

    @property
    def content(self) -> dict[str, str]:
        """What is sent."""
        return {"error": self.line, "code": self.code.value}


def later(code: Code, why: str, seconds: int | None = None) -> Refusal:
    """A refusal whose words say, as its header does, after how many seconds another try may do better."""
    seconds = seconds or WAIT_SECONDS[code]
    return Refusal(code, f"{why}; try again in {seconds} seconds", seconds)


def stopping() -> Refusal:
    """The server was told to end."""
    return later(Code.STOPPING, "the server is stopping")


def failure(on: str = "request") -> Refusal:
    """Nobody thought of this; the log has its trace."""
    return Refusal(Code.FAILED, f"the server failed on this {on}; it has been noted")


def no_room() -> Refusal:
    """The disk, or what uploads may hold of it, is full."""
    return later(Code.NO_ROOM, "no room for another file just now")

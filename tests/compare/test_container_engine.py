"""Why no container engine can be used, each in one line with what mends it."""

import subprocess

import pytest

from reprise_kit.compare import container_engine as engine


@pytest.mark.parametrize(
    ("program", "code", "said", "error", "words"),
    [
        (None, 0, "28.1", "", "no docker program on PATH"),
        ("/bin/docker", 0, "28.1\n", "", None),
        ("/bin/docker", 0, " \n", "", "no message"),
        ("/bin/docker", 1, "28.1", "Permission denied: the socket", "usermod -aG docker"),
        ("/bin/docker", 1, "", "Cannot connect\n to it", "answers (Cannot connect to it); start it"),
    ],
)
def test_why_no_engine_can_be_used(
    program: str | None, code: int, said: str, error: str, words: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine.shutil, "which", lambda name: program)
    monkeypatch.setattr(engine, "ask", lambda *asked: subprocess.CompletedProcess(asked, code, said, error))
    problem = engine.engine_problem()
    assert problem is words is None or (problem is not None and words is not None and words in problem)


@pytest.mark.parametrize(
    ("code", "said", "found"), [(0, "sha256:1\n", "sha256:1"), (0, "\n", None), (1, "sha256:1", None)]
)
def test_the_id_of_an_image_that_is_here(code, said, found, monkeypatch):
    monkeypatch.setattr(engine, "ask", lambda *words: subprocess.CompletedProcess(words, code, said, ""))
    assert engine.image_id("theano") == found

"""The original's process is begun once, and again where it ended."""

from types import SimpleNamespace

import pytest

from reprise_kit.compare.runners.python27 import Python27Runner


@pytest.mark.parametrize(
    ("process", "begun"), [(None, 1), (SimpleNamespace(poll=lambda: None), 0), (SimpleNamespace(poll=lambda: -9), 1)]
)
def test_what_ended_is_begun_anew(monkeypatch, process, begun):
    runner = Python27Runner.__new__(Python27Runner)
    runner.process, started = process, []
    monkeypatch.setattr(Python27Runner, "_start", lambda self: started.append(self))
    runner._ensure_started()
    assert len(started) == begun
    runner.process = None

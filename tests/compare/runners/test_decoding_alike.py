"""A port beside a live original decodes with the original's own ffmpeg, unless a person chose or there is no sound."""

from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace

import pytest

from reprise_kit.commands import comparing
from reprise_kit.compare import runners


@pytest.mark.parametrize(
    ("reference", "options", "kind", "has_one", "decoder"),
    [
        ("python27", {}, "sound", True, "ffmpeg"),
        ("python27", {}, "sound", False, None),
        ("python27", {}, "file", True, None),
        ("python27", {"decoder": "pyav"}, "sound", True, "pyav"),
        ("a folder", {}, "sound", True, None),
    ],
)
def test_which_decoder_is_taken(monkeypatch, reference, options, kind, has_one, decoder):
    inside = []

    @contextmanager
    def ffmpeg_on_path(settings):
        inside.append("on")
        yield
        inside.append("off")

    module = SimpleNamespace(ffmpeg_on_path=ffmpeg_on_path) if has_one else SimpleNamespace()
    monkeypatch.setattr(runners.importlib, "import_module", lambda name: module)
    chosen = replace(comparing.settings("deepsound_crnn", None, None), options=options)
    chosen = replace(chosen, system=SimpleNamespace(file=SimpleNamespace(input=kind)))
    with runners.decoding_alike(reference, chosen) as found:
        assert found.options.get("decoder") == decoder
        assert inside == (["on"] if decoder == "ffmpeg" else [])
    assert inside == (["on", "off"] if decoder == "ffmpeg" else [])

"""Reprise: play an old deep-learning system exactly as it was, a modern port beside it, and prove that both agree.

    import reprise_kit as reprise

    system = reprise.load_system("deepsound_crnn")
    pipeline = reprise.open_pipeline(system)
    answer = pipeline.predict(Path("song.mp3"))
    verdicts = reprise.diff(reprise.load_trace("original"), reprise.trace("song.mp3", system), system)

Every name is imported when it is first used: `import reprise_kit` costs nothing. All of it: docs/api.md.
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reprise_kit.api import compare_inputs, diff, inspect, migrate, open_pipeline, trace
    from reprise_kit.compare.errors import InputError
    from reprise_kit.compare.registry import load as load_system
    from reprise_kit.compare.trace import Trace
    from reprise_kit.compare.trace import load as load_trace
    from reprise_kit.compare.verdict import Verdict

# NVIDIA's libraries round the inputs of convolutions and products to 10 bits (TF32) unless told otherwise: parity is
# lost, and old cards had no TF32. Read by them when they are first used; a value that is set already stays.
os.environ.setdefault("NVIDIA_TF32_OVERRIDE", "0")

_FUNCTIONS = ("compare_inputs", "diff", "inspect", "migrate", "open_pipeline", "trace")
# Name: the module that has it, and what it is called there. (`compare` is the harness's package.)
_HOMES = {
    **{name: ("reprise_kit.api", name) for name in _FUNCTIONS},
    "InputError": ("reprise_kit.compare.errors", "InputError"),
    "Trace": ("reprise_kit.compare.trace", "Trace"),
    "Verdict": ("reprise_kit.compare.verdict", "Verdict"),
    "load_system": ("reprise_kit.compare.registry", "load"),
    "load_trace": ("reprise_kit.compare.trace", "load"),
}

__all__ = [
    "InputError",
    "Trace",
    "Verdict",
    "compare_inputs",
    "diff",
    "inspect",
    "load_system",
    "load_trace",
    "migrate",
    "open_pipeline",
    "trace",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'reprise_kit' has no attribute {name!r}")
    module, its_name = _HOMES[name]
    return getattr(import_module(module), its_name)

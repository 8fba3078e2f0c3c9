"""pip of an old Python in a box: what a setup.py runs sees the environment that is made, and of all networks our index.

Where bubblewrap cannot make a box pip runs as it does everywhere, with the same index as its only one.
"""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from reprise_kit.apps.adopt import box
from reprise_kit.apps.adopt.dated_index import Served
from reprise_kit.compare.errors import InputError
from reprise_kit.compare.programs import run_program

RELAY = Path(__file__).parent / "relay.py"
SECONDS = 1800  # of one resolution; an sdist in C may compile in it
KEPT = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ")  # of the user's own variables


@dataclass(frozen=True)
class PipBox:
    """folder: a temporary one, that receives pip's HOME. at: where the index is served."""

    folder: Path
    at: Served

    def __post_init__(self) -> None:
        """Make the HOME, where setuptools inside a setup.py reads which index it is to ask."""
        self.home.mkdir()
        (self.home / ".pydistutils.cfg").write_text(f"[easy_install]\nindex_url = {self.at.url}\n")

    @property
    def home(self) -> Path:
        """pip's HOME."""
        return self.folder / "home"

    @property
    def variables(self) -> dict[str, str]:
        """Variables with which pip and setuptools know our index only and reach no other."""
        nowhere = "http://127.0.0.1:9"
        return {name: os.environ[name] for name in KEPT if name in os.environ} | {
            "HOME": str(self.home),
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_INDEX_URL": self.at.url,
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PIP_NO_CACHE_DIR": "1",
            "PIP_NO_INPUT": "1",
            "PYTHONNOUSERSITE": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "OMP_NUM_THREADS": "1",
            **dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), nowhere),
            "no_proxy": "127.0.0.1",
        }

    def command(self, command: list[str], writable: Path) -> list[str]:
        """Return pip's command line as one in a box, where `writable`, its environment, is all that it can change."""
        if box.boxing_problem() is not None:
            return command
        files = [Path(word) for word in command if word.startswith("/") and Path(word).is_file()]
        readable = box.needed(Path(command[0]), {}) | {
            file: str(file) for file in files if not file.is_relative_to(writable)
        }
        readable |= {RELAY: "/relay.py", self.at.socket: "/index.sock"}
        inside = box.Box(self.home, {writable: str(writable)}, readable)
        words = [command[0], "/relay.py", "/index.sock", str(self.at.port), *command]
        return inside.command(words, self.variables | {"HOME": box.HOME}, box.HOME)

    def tried(self, command: list[str], writable: Path) -> str | None:
        """Run pip; return None where it succeeds, else what it said. Raises InputError where it does not end."""
        try:
            done = run_program(self.command(command, writable), SECONDS, env=self.variables, cwd=self.home)
        except subprocess.TimeoutExpired:
            raise InputError(f"pip did not end in {SECONDS} s; state fewer requirements, or give --entry") from None
        return f"{done.stdout}\n{done.stderr}" if done.returncode else None

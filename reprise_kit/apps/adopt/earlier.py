"""The commit before a repository left Keras for another library or for the Keras within TensorFlow."""

from dataclasses import replace
from pathlib import Path

from reprise_kit.apps.adopt import evidence, repository
from reprise_kit.apps.adopt.conclusions import TF_KERAS
from reprise_kit.apps.adopt.evidence import Evidence
from reprise_kit.compare import git_history

# A line that imports Keras itself, of a program or of a notebook's JSON, as `git log -G` reads it.
IMPORTS = r'^[[:space:]"]*(from|import)[[:space:]]+keras([[:space:].]|$)'
CODE = (":(top,glob)**/*.py", ":(top,glob)**/*.ipynb")
TRIED = 8  # commits that changed such a line, the newest first
LISTING = 4096  # bytes of git's answer


def gather(source: str, commit: str | None, entry: str | None, keras: str | None, stand_in: str | None) -> Evidence:
    """Return a repository's evidence, of its last commit with Keras where its newest has none.

    A commit or an entry point that is given is not left for another. Raises InputError as `evidence.gather` does.
    """
    found = evidence.gather(source, commit, entry, keras, stand_in)
    left = "keras" not in found.imports or any(TF_KERAS in line for line in found.refused)
    if commit or entry or not found.refused or not found.commit or not left:
        return found
    with repository.at_hand(source) as here:
        for earlier in _before_it_left(here, found.commit):
            older = evidence.gather(here, earlier, None, keras, stand_in)
            if not older.refused:
                why, _, _ = found.refused[0].partition(";")
                line = f"{why}: {earlier[:10]} of {older.date}, which has Keras, is taken; --commit takes another"
                said = [line, *older.disagreements]
                return replace(older, source=source, earlier=earlier, disagreements=said)
    return found


def _before_it_left(source: Path, head: str) -> list[str]:
    """Return the commits before those that changed an import of Keras, the newest first."""
    words = ["--first-parent", "-m", "-s", "--no-renames", f"-G{IMPORTS}", f"-n{TRIED}", "--format=%P"]
    with git_history.open_history(source) as home:
        said = git_history.ask(home, LISTING, "log", *words, head, "--", *CODE) or b""
    parents = [line.split()[0] for line in said.decode("ascii", "replace").splitlines() if line.strip()]
    return list(dict.fromkeys(parents))

"""Every command, file and example of every page in docs/ is run, page by page, in an empty folder, or says why not."""

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from reprise_kit.apps.demo.engine import Engines
from reprise_kit.compare.system import CLIPS, ROOT

PAGES = sorted((ROOT / "docs").glob("*.md"))
BLOCK = re.compile(r"^```(\w*) ?([^\n]*)\n(.*?)^```$", re.M | re.S)
NOT_RUN = "not run: "
OWN = "own-system.md"
SECONDS = 600
LAYERED = ROOT / "tests" / "port" / "keras_legacy" / "recorded" / "layered"
# What a page's reader is said to have already.
HAVE = {
    "archives.md": {"songs/piano.wav": CLIPS / "piano_22050.wav", "songs/more/again.wav": CLIPS / "piano_22050.wav"},
    "migrate.md": {"old.h5": LAYERED / "image.h5", "golden.npz": LAYERED / "image.npz"},
    "demo-api.md": {"piano.wav": CLIPS / "piano_22050.wav"},
    "api.md": {"piano.wav": CLIPS / "piano_22050.wav", "old.h5": LAYERED / "image.h5"},
}


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, what follows that on the line (a file's name, or why it is not run), its text."""

    language: str
    about: str
    text: str


def blocks(page: Path) -> list[Block]:
    return [Block(*found) for found in BLOCK.findall(page.read_text("utf-8"))]


def program(page_blocks: list[Block]) -> str:
    """One shell script of a page: files are written, commands run, Python examples run as one program at the end."""
    python = "".join(block.text for block in page_blocks if block.language == "python" and not block.about)
    script = ["set -euo pipefail"]
    for block in page_blocks:
        if block.about.startswith(NOT_RUN) or (block.language == "python" and not block.about):
            continue
        if block.language == "sh":
            script.append(block.text)
        elif block.about:
            script.append(
                f"mkdir -p $(dirname {block.about})\ncat > {block.about} <<'END_OF_FILE'\n{block.text}END_OF_FILE"
            )
    if python:
        script.append(f"python - <<'END_OF_PROGRAM'\n{python}END_OF_PROGRAM")
    return "\n".join(script) + "\n"


def test_there_are_pages() -> None:
    assert {"api.md", "architecture.md", "migrate.md", "own-system.md"} <= {page.name for page in PAGES}


def test_what_lives_where_is_there() -> None:
    """Every file and folder of architecture.md's table; one without its folder stands beside those before it."""
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| ") and "`" in line]
    assert len(rows) > 25
    for row in rows:
        places = [ROOT, ROOT / "reprise_kit"]
        for name in re.findall(r"`([\w./<>-]+(?:\.py|\.toml|\.md|/))`", row):
            named = re.sub(r"<\w+>", "deepsound_crnn", name)
            found = [place / named for place in places if (place / named).exists()]
            assert found, (name, row)
            places += [found[0], found[0].parent]


def run(page: Path, folder: Path) -> "subprocess.CompletedProcess[str]":
    """Do what a page says in a folder."""
    for name, source in HAVE.get(page.name, {}).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, folder / name)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "REPRISE_CACHE": str(folder / "cache"), "TF_CPP_MIN_LOG_LEVEL": "3"}
    environment.pop("REPRISE_SYSTEMS", None)
    script = ["bash", "-c", program(blocks(page))]
    return subprocess.run(
        script, cwd=folder, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False
    )


@pytest.mark.parametrize("page", [page for page in PAGES if page.name != OWN], ids=lambda page: page.name)
def test_the_page_does_what_it_says(page: Path, tmp_path: Path) -> None:
    done = run(page, tmp_path)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


def test_a_strangers_system_by_following_the_page_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = run(ROOT / "docs" / OWN, tmp_path)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert "stripes keeps the contract" in done.stdout and done.stdout.count("agrees with the recorded original") == 2
    assert re.search(r"^across\.pgm +across (99|100)% ", done.stdout, re.M)
    assert "\nstripes: Stripes, across or down" in done.stdout
    clip = json.loads((tmp_path / "stripes-report" / "report.json").read_text())["clips"][0]
    assert clip["agrees"] and {(v["mode"], v["outcome"]) for v in clip["verdicts"]} == {
        ("isolated", "match"),
        ("chained", "match"),
    }
    monkeypatch.setenv("REPRISE_SYSTEMS", str(tmp_path / "stripes"))
    engine = Engines().find("stripes")
    assert engine.offer()["available"] and engine.predict(tmp_path / "stripes/inputs/across.pgm").clip_probs[0] > 0.9


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_is_not_run_says_why(page: Path) -> None:
    found = blocks(page)
    text = page.read_text("utf-8")
    assert text.count("```") == 2 * len(found)
    assert not re.search(r"^( {4}|\t)\S", BLOCK.sub("", text), re.M), "an indented block, which nothing runs"
    for block in found:
        assert block.language in ("sh", "python", "toml", "text"), block
        if block.about.startswith(NOT_RUN):
            assert len(block.about) > len(NOT_RUN) + 10, block


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_and_links_that_it_names_are_there(page: Path) -> None:
    text = page.read_text("utf-8")
    links = re.findall(r"\]\(([\w./-]+)\)", text)
    named = re.findall(r"`((?:reprise_kit|port|compare|original|docker|tests)/[\w./-]+)`", text)
    missing = [link for link in links if not (page.parent / link).exists()]
    missing += [name for name in named if not (ROOT / name).exists()]
    assert missing == []


def test_a_page_that_is_wrong_fails(tmp_path: Path) -> None:
    page = tmp_path / "wrong.md"
    page.write_text("```text there/file\nhello\n```\n```sh\ngrep -q hello there/file\nfalse\ntouch passed\n```\n")
    done = subprocess.run(["bash", "-c", program(blocks(page))], cwd=tmp_path, check=False)
    assert done.returncode == 1 and (tmp_path / "there" / "file").read_text() == "hello\n"
    assert not (tmp_path / "passed").exists()

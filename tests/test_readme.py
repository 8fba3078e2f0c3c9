"""The README is true to what is here: its commands and options exist, its links lead somewhere, its counts are counted.

What its commands do is run elsewhere: `make compare` and `make test` by CI, the pages it links to by test_docs.
"""

import json
import re
import subprocess

import pytest

from reprise_kit.cli import cli
from reprise_kit.compare import registry
from reprise_kit.compare.system import ROOT

TEXT = (ROOT / "README.md").read_text("utf-8")
FENCED = re.findall(r"^```\w*\n(.*?)^```$", TEXT, re.M | re.S)
ROWS = [line.split("|")[1] for line in TEXT.partition("## Commands")[2].splitlines() if line.startswith("| `")]
COMMANDS = [
    *re.findall(r"`reprise ([^`\n]+)`", TEXT),
    *(found for block in FENCED for found in re.findall(r"\breprise ((?:[^#\n:]|:\S)+)", block)),
    # Of a row's further commands only the names stand there: `status`, `migrate --verify`.
    *(span for row in ROWS for span in re.findall(r"`([^`]+)`", row) if not span.startswith(("reprise ", "import "))),
]
TARGETS = sorted(set(re.findall(r"^make (\w+)", TEXT, re.M)))


def test_there_is_something_to_check():
    assert len(COMMANDS) > 20 and TARGETS == ["compare", "test"]


@pytest.mark.parametrize("words", [found.split() for found in COMMANDS], ids=" ".join)
def test_a_command_and_its_options_exist(words):
    command = cli.commands[words[0]]
    options = {name for option in command.params for name in option.opts}
    assert {word for word in words if word.startswith("--")} <= options


def test_every_command_is_named_there_or_in_the_pages_it_links_to():
    pages = [TEXT, *(page.read_text("utf-8") for page in (ROOT / "docs").glob("*.md"))]
    named = "\n".join(pages)
    assert [name for name in cli.commands if not re.search(rf"\b{re.escape(name)}\b", named)] == []


@pytest.mark.parametrize("target", TARGETS)
def test_a_target_exists(target):
    done = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_links_lead_somewhere():
    links = [link for link in re.findall(r"\]\(([^)#]+)", TEXT) if "://" not in link]
    assert len(links) > 10 and [link for link in links if not (ROOT / link).exists()] == []


def test_clips_and_steps_are_as_many_as_it_says():
    recorded = registry.load("deepsound_crnn").recorded / "theano"
    abouts = [json.loads(path.read_text()) for path in recorded.glob("*/trace.json")]
    said = [int(number) for number in re.findall(r"kit's (\d+) clips", TEXT)]
    assert said and set(said) == {len(abouts)}

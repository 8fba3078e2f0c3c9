"""A report on a phone: nothing but a table, within its own scroller, is wider than the screen."""

from pathlib import Path

import pytest

from reprise_kit.apps.adopt.adopted import Adopted, Report, Row, Verification
from reprise_kit.apps.adopt.captured import Captured

PHONE = 375  # pixels
LONG = "/home/somebody/" + "a-folder-with-a-long-name_" * 4


@pytest.fixture
def width(chromium: str):
    from playwright.sync_api import sync_playwright

    def measured(file: Path) -> int:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
            page = browser.new_page(viewport={"width": PHONE, "height": 800})
            page.goto(file.as_uri())
            found = int(page.evaluate("document.documentElement.scrollWidth"))
            browser.close()
        return found

    return measured


def test_long_names_break(tmp_path: Path, width) -> None:
    captured = Captured("model_1_" * 12, "built", "1.2.2", "theano", None, True, False, 3)
    rows = (Row("out_0", None, (1e-7, 1e-6), True), Row("layer_" * 20, (1e-7, 1e-6), (1e-7, 1e-6), True))
    verified = Verification("the repository's own input", "agrees", (LONG,), rows)
    about = {"source": LONG, "entry point": f"python {LONG}", "notes": [LONG]}
    Report(about, [Adopted(captured, f"models/{LONG}.keras", (LONG,), (verified,))]).write(tmp_path)
    assert width(tmp_path / "report.html") == PHONE

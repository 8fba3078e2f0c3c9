"""A report on a phone: only a table, within its own scroller, is wider than the screen; keys reach what scrolls."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reprise_kit.apps.adopt.adopted import Adopted, Report, Row, Verification
from reprise_kit.apps.adopt.captured import Captured
from tests.apps.demo.test_page import axe

PHONE = 375  # pixels
LONG = "/home/somebody/" + "a-folder-with-a-long-name_" * 4


@pytest.fixture
def page(chromium: str) -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        yield browser.new_page(viewport={"width": PHONE, "height": 800})
        browser.close()


def report(finding: Any = "agrees", models: int = 1) -> Report:
    rows = (Row("out_0", None, (1e-7, 1e-6), True), Row("layer_" * 20, (1e-7, 1e-6), (1e-7, 1e-6), True))
    verified = Verification("the repository's own input", finding, (LONG,), rows)
    about = {"source": LONG, "entry point": f"python {LONG}", "notes": [LONG]}
    captured = Captured("model_1_" * 12, "built", "1.2.2", "theano", None, True, False, 3)
    return Report(about, [Adopted(captured, f"models/{LONG}.keras", (LONG,), (verified,))] * models)


def test_long_names_break(tmp_path: Path, page: Any) -> None:
    report().write(tmp_path)
    page.goto((tmp_path / "report.html").as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE
    verdict = page.locator("td.yes").first.bounding_box()  # of the output; what it is measured by may be scrolled to
    assert verdict["x"] + verdict["width"] <= PHONE


def test_keys_reach_a_table_that_scrolls_in_every_browser(tmp_path: Path, page: Any) -> None:
    report().write(tmp_path)
    page.goto((tmp_path / "report.html").as_uri())
    assert page.eval_on_selector_all(".scroll", "all => all.map(one => one.tabIndex)") == [0] * 3


def test_axe_finds_nothing_in_a_report(tmp_path: Path, page: Any) -> None:
    source = axe()
    report().write(tmp_path)
    page.goto((tmp_path / "report.html").as_uri())
    page.evaluate(source)
    found = page.evaluate("axe.run()")
    assert len(found["passes"]) > 10 and [v["id"] for v in found["violations"]] == []


@pytest.mark.parametrize(
    ("finding", "models", "said"),
    [
        ("proves nothing", 1, "The model could not be proven."),
        ("differs", 3, "3 of 3 models gave answers that DIFFER from the old Keras's."),
    ],
)
def test_the_headline_counts(finding: str, models: int, said: str) -> None:
    assert report(finding, models).headline == said

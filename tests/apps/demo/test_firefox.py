"""The page in Debian's Firefox, whose words, scroll bars and sound are its own; the rest is tested in Chromium."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.apps.demo.running import CLIPS, Running
from tests.apps.demo.test_page import choose, number, opened, tune, until
from tests.require import require

NOW = "Number(document.querySelector('#scrubber').getAttribute('aria-valuenow'))"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    program = shutil.which("firefox-esr") or shutil.which("firefox")
    if program is None:
        require("firefox", "no firefox on PATH; Debian: apt-get install firefox-esr")
    with sync_playwright() as playwright:
        context = playwright.firefox.launch_persistent_context(
            str(tmp_path_factory.mktemp("firefox")),
            executable_path=program,
            channel="moz-firefox",  # Debian's, not Playwright's own
            firefox_user_prefs={"media.autoplay.default": 0},  # as after one click on a page
            viewport={"width": 1100, "height": 900},
        )
        yield context
        context.close()


@pytest.fixture
def page(browser: Any, server: Running) -> Iterator[Any]:
    with opened(browser, server) as shown:
        yield shown


def test_a_song_is_drawn_and_its_head_moves_with_or_without_an_audio_device(page: Any) -> None:
    page.click(".piece >> nth=0")
    page.wait_for_selector("#mode.exact")
    assert number(page, "#band", "data-steps") == number(page, "#band", "data-total") > 50
    until(page, f"{NOW} > 1")
    assert page.get_attribute("#play", "aria-label") == "Pause"
    page.focus("#scrubber")
    page.keyboard.press("End")
    assert number(page, "#scrubber", "aria-valuenow") == pytest.approx(
        number(page, "#scrubber", "aria-valuemax"), abs=0.15
    )


def test_the_scroll_bar_of_a_zoomed_song_cuts_no_ticks(page: Any, tmp_path: Path) -> None:
    choose(page, tune(tmp_path / "minute.wav", 70))
    page.wait_for_selector("#mode.exact")
    page.click("#in")
    scroll = page.evaluate(
        "() => { const s = document.querySelector('#scroll'); return [s.scrollHeight, s.clientHeight]; }"
    )
    assert scroll[0] <= scroll[1]


def test_a_wrong_file_and_a_recorded_original_on_a_phone(page: Any) -> None:
    page.set_viewport_size({"width": 375, "height": 700})
    choose(page, Path(__file__))
    page.wait_for_selector("#problem:not([hidden])")
    choose(page, CLIPS / "quad_4channels.wav")
    page.wait_for_selector("#compare:not([hidden])")
    assert "same output on all 8 steps" in page.inner_text("#verdict") and page.is_hidden("#problem")
    assert page.evaluate("document.documentElement.scrollWidth") <= 375

"""The page in a real browser: Debian's Chromium without a window, driven by Playwright, with a fake microphone."""

import os
import time
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.apps.demo.running import CLIPS, Running
from tests.require import require
from tests.shared import SHARED, needs_shared

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
]
# Screenshots of every state, where somebody wants to look at them.
SHOTS = os.environ.get("REPRISE_SCREENSHOTS")
FULL = "console Failed to load resource: the server responded with a status of 429"
WAIT = 60_000  # milliseconds


def tune(path: Path, seconds: float, rate: int = 44_100) -> Path:
    """A wav whose sound changes every two seconds, so that the answer moves."""
    t = np.arange(int(seconds * rate)) / rate
    rng = np.random.default_rng(5)
    sections = (t // 2).astype(int) % 3
    tone = np.sin(2 * np.pi * np.choose(sections, [110, 440, 1760]) * t) * 0.3
    samples = tone + rng.normal(0, 0.2, len(t)) * (sections == 1)
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("page")
    tune(made / "microphone.wav", 20)
    tune(made / "song.wav", 30)
    tune(made / "long.wav", 900, 22_050)
    return made


@pytest.fixture(scope="module")
def browser(folder: Path, chromium: str) -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            str(folder / "profile"),
            executable_path=chromium,
            headless=True,
            args=[*FLAGS, f"--use-file-for-fake-audio-capture={folder / 'microphone.wav'}"],
            viewport={"width": 1100, "height": 900},
        )
        yield context
        context.close()


@contextmanager
def opened(browser: Any, server: Running) -> Iterator[Any]:
    page = browser.new_page()
    page.set_default_timeout(WAIT)
    seen: list[str] = []
    page.on("request", lambda request: seen.append(request.url))
    page.on("pageerror", lambda error: seen.append(f"error {error}"))
    page.on("console", lambda message: seen.append(f"console {message.text}") if message.type == "error" else None)
    page.goto(server.url)
    yield page
    page.close()
    # No request to any other host, no script error, nothing that the Content-Security-Policy had to stop.
    ours = (f"{server.url}/", f"blob:{server.url}", FULL)
    assert seen and [url for url in seen if not url.startswith(ours)] == []


@pytest.fixture
def page(browser: Any, server: Running) -> Iterator[Any]:
    with opened(browser, server) as shown:
        yield shown


@pytest.fixture
def several_page(browser: Any, several: Running) -> Iterator[Any]:
    with opened(browser, several) as shown:
        yield shown


def shot(page: Any, name: str, full_page: bool = True) -> None:
    if SHOTS:
        page.screenshot(path=f"{SHOTS}/{name}.png", full_page=full_page)


def choose(page: Any, path: Path) -> None:
    page.set_input_files("#file", str(path))


def on_a_slow_line(page: Any) -> None:
    """Let answers come at 100 kB/s, so that what is seen of one that is still coming hangs on no processor."""
    line = {"offline": False, "latency": 0, "downloadThroughput": 100_000, "uploadThroughput": -1}
    page.context.new_cdp_session(page).send("Network.emulateNetworkConditions", line)


def until(page: Any, expression: str) -> None:
    """Wait in steps: Playwright's own waiting evaluates text in the page, which its Content-Security-Policy forbids."""
    deadline = time.monotonic() + WAIT / 1000
    while not page.evaluate(expression):
        assert time.monotonic() < deadline, expression
        page.wait_for_timeout(100)


def number(page: Any, selector: str, attribute: str) -> float:
    return float(page.get_attribute(selector, attribute) or 0)


def test_the_band_grows_before_the_analysis_is_finished(page: Any, folder: Path) -> None:
    on_a_slow_line(page)
    choose(page, folder / "long.wav")
    page.wait_for_selector("#band[data-steps]")
    first, total = number(page, "#band", "data-steps"), number(page, "#band", "data-total")
    assert 0 < first < total and page.inner_text("#mode") == "listening…"
    shot(page, "growing")
    until(page, f"Number(document.querySelector('#band').dataset.steps) > {first}")
    until(page, "document.querySelector('#status').textContent.includes('heard')")
    page.wait_for_selector("#mode.exact")
    assert number(page, "#band", "data-steps") == number(page, "#band", "data-total") > first


def slices(page: Any) -> list[str]:
    return list(page.eval_on_selector_all("#pie *", "parts => parts.map(p => p.dataset.genre + p.getAttribute('d'))"))


def test_play_and_seek_move_head_pie_and_words(page: Any, folder: Path) -> None:
    choose(page, folder / "song.wav")
    page.wait_for_selector("#mode.exact")
    until(page, "document.querySelector('#scrubber').getAttribute('aria-valuetext')")
    start = page.get_attribute("#scrubber", "aria-valuetext")
    until(page, "Number(document.querySelector('#scrubber').getAttribute('aria-valuenow')) > 0.8")
    assert page.get_attribute("#play", "aria-label") == "Pause"
    page.click("#play")
    box = page.locator("#scrubber").bounding_box()
    seen = set()
    for share in (0.1, 0.3, 0.5, 0.7, 0.9):
        page.mouse.click(box["x"] + share * box["width"], box["y"] + 40)
        until(
            page,
            f"Math.abs(Number(document.querySelector('#scrubber').getAttribute('aria-valuenow')) - {30 * share}) < 0.5",
        )
        assert abs(page.locator("#head").bounding_box()["x"] - box["x"] - share * box["width"]) < 6
        words = page.inner_text("#words").split("\n")
        until(page, f"document.querySelector('#scrubber').getAttribute('aria-valuetext').includes({words[0]!r})")
        assert any(part.startswith(words[0]) for part in slices(page))
        seen.add(tuple(slices(page)))
    assert len(seen) >= 3, "the pie does not follow"
    until(page, f"document.querySelector('#scrubber').getAttribute('aria-valuetext') !== {start!r}")
    shot(page, "song")


def test_keyboard_alone_is_enough(page: Any, folder: Path) -> None:
    reached = []
    for _ in range(10):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id || document.activeElement.dataset.clip"))
    ours = ["night_drive.mp3", "blue_room.flac", "iron_morning.mp3"]
    assert reached == [None, "system", "file", *ours, "clip", "play-clip", "microphone", "all"]
    page.focus("#clip")
    page.keyboard.type("quad")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector("#mode.exact")
    page.focus("#scrubber")
    page.keyboard.press("End")
    end = number(page, "#scrubber", "aria-valuenow")
    assert end == pytest.approx(number(page, "#scrubber", "aria-valuemax"), abs=0.15)
    page.keyboard.press("ArrowLeft")
    assert number(page, "#scrubber", "aria-valuenow") < end
    page.keyboard.press("Home")
    assert number(page, "#scrubber", "aria-valuenow") == 0
    if page.get_attribute("#play", "aria-label") == "Pause":  # it began by itself, and may have met its end
        page.keyboard.press(" ")
    until(page, "document.querySelector('#play').getAttribute('aria-label') === 'Play'")
    page.keyboard.press(" ")
    until(page, "Number(document.querySelector('#scrubber').getAttribute('aria-valuenow')) > 0.1")


def test_every_control_of_an_answer_is_reached_seen_and_used_by_keys(page: Any, folder: Path) -> None:
    choose(page, folder / "long.wav")
    page.wait_for_selector("#band[data-steps]")
    page.focus("#microphone")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "cancel"
    page.wait_for_selector("#mode.exact")
    page.focus("#scrubber")
    reached, outline = [], "(n => [n.id || n.dataset.save, getComputedStyle(n).outlineStyle])(document.activeElement)"
    page.keyboard.press("ArrowRight")
    for _ in range(8):
        reached.append(page.evaluate(outline))
        page.keyboard.press("Tab")
    after = ["scrubber", "play", "volume", "in", "json", "csv", "png", "all"]  # nothing to zoom out of
    assert reached == [[control, "solid"] for control in after]
    page.focus("#in")
    page.keyboard.press("Enter")
    page.keyboard.press("Shift+Tab")
    assert page.evaluate("document.activeElement.id") == "out" and page.inner_text("#zoom") == "2×"
    page.focus("#volume")
    page.keyboard.press("ArrowLeft")
    assert float(page.input_value("#volume")) == pytest.approx(0.95)
    page.focus('[data-save="csv"]')
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    assert download.value.suggested_filename == "long.wav.csv"


def test_compare_view_shows_the_largest_difference(page: Any) -> None:
    page.select_option("#clip", "quad_4channels.wav")
    page.click("#play-clip")
    page.wait_for_selector("#compare:not([hidden])")
    verdict = page.inner_text("#verdict")
    assert "same output on all 8 steps" in verdict and "|dp| = " in verdict
    assert float(verdict.split("|dp| = ")[1].split(",")[0]) <= 5e-5
    drawn = "c => { const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data; return d.some(v => v); }"
    assert page.eval_on_selector("#curves", drawn)
    shot(page, "compare")


def test_compare_view_marks_steps_of_another_genre(page: Any, folder: Path) -> None:
    def altered(route: Any) -> None:
        answer = route.fetch()
        theirs = {"source": "recorded", "step_probs": [[0, 1] + [0] * 8] * 8, "max_abs": 0.98, "at_step": 2}
        theirs |= {"at_label": 1, "differ": [2, 5], "max_abs_by_step": [0.1] * 8, "same_genre": 0.75}
        import json

        head = answer.text().split("event: original")[0]
        route.fulfill(response=answer, body=f"{head}event: original\ndata: {json.dumps(theirs)}\n\n")

    page.route("**/api/v1/predict*", altered)
    page.select_option("#clip", "quad_4channels.wav")
    page.click("#play-clip")
    page.wait_for_selector("#compare:not([hidden])")
    assert "another output on 2 of 8 steps" in page.inner_text("#verdict")
    assert "9.8e-1, at step 3 (output 2)" in page.inner_text("#verdict")
    assert page.is_visible("#differ-key")
    shot(page, "differ")


def test_a_wrong_file_is_a_readable_message_and_the_next_works(page: Any) -> None:
    choose(page, Path(__file__))
    page.wait_for_selector("#problem:not([hidden])")
    assert "That did not work: no audio file that can be decoded" in page.inner_text("#problem")
    assert page.is_hidden("#song")
    shot(page, "wrong")
    choose(page, CLIPS / "piano_22050.wav")
    page.wait_for_selector("#mode.exact")
    assert page.is_hidden("#problem")


def test_microphone_shows_band_and_delay(page: Any) -> None:
    page.click("#microphone")
    until(page, "Number(document.querySelector('#band').dataset.steps ?? 0) >= 8")
    assert page.get_attribute("#microphone", "aria-pressed") == "true"
    delay = float(page.inner_text("#delay").split(" s ")[0])
    assert 0 < delay < 5
    assert page.inner_text("#words")
    shot(page, "microphone")
    page.click("#microphone")
    until(page, "document.querySelector('#status').textContent.includes('off')")
    page.click("#recorded")
    page.wait_for_selector("#mode.exact")
    assert page.inner_text("#song-title") == "recording.wav"
    until(page, "Number(document.querySelector('#scrubber').getAttribute('aria-valuenow')) > 0.5")


def test_a_microphone_without_a_sample_is_said(page: Any) -> None:
    page.evaluate("() => { AudioContext.prototype.createMediaStreamSource = () => ({ connect() {} }); }")
    page.click("#microphone")
    page.wait_for_selector("#problem:not([hidden])")
    assert "no sound comes from the microphone" in page.inner_text("#problem")
    assert page.get_attribute("#microphone", "aria-pressed") == "false"


@pytest.mark.parametrize(
    ("refused", "said"), [("NotFoundError", "plug one in"), ("NotAllowedError", "allow it where the page's address")]
)
def test_a_microphone_that_is_not_given_is_said_in_the_pages_words(page: Any, refused: str, said: str) -> None:
    page.evaluate(
        """name => {
            navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("Requested device", name));
        }""",
        refused,
    )
    page.click("#microphone")
    page.wait_for_selector("#problem:not([hidden])")
    assert said in page.inner_text("#problem") and "Requested" not in page.inner_text("#problem")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phones_width_is_enough(page: Any, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # colours settled at once
    page.set_viewport_size({"width": 375, "height": 700})
    page.select_option("#clip", "quad_4channels.wav")
    page.click("#play-clip")
    page.wait_for_selector("#compare:not([hidden])")
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    for selector in ("#play", "#microphone", "#play-clip", "#scrubber"):
        box = page.locator(selector).bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= 375 and box["height"] >= 40
    shot(page, f"phone-{scheme}")


SONG = SHARED / "data/choi/clips/bensound-cute.mp3"


def test_untrained_weights_and_what_to_fetch_are_said(page: Any) -> None:
    assert page.is_visible("#untrained") and page.input_value("#system") == "deepsound_crnn"
    assert "know no genres" in page.inner_text("#untrained") and "reprise fetch" not in page.inner_text("#untrained")
    assert page.is_hidden("#all-networks li >> nth=0")
    page.focus("#untrained a")
    page.keyboard.press("Enter")
    assert page.is_visible("#all-networks li >> nth=0")
    page.focus("#all")
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    listed = page.locator("#all-networks li").all_inner_texts()
    assert len(listed) == page.locator("#system option").count() == 5
    assert sum("Knows " in text for text in listed) == 4 and sum("Made for 10 genres" in text for text in listed) == 1
    assert "Knows" not in page.inner_text("#says"), "untrained, yet said to know"
    assert sum("Not here yet: reprise fetch" in text for text in listed) == 4
    disabled = page.eval_on_selector_all("#system option", "all => all.map(o => o.disabled)")
    assert disabled.count(True) == 4
    shot(page, "networks")


@needs_shared
def test_the_recommended_network_is_chosen_and_hears_while_it_arrives(several_page: Any) -> None:
    page = several_page
    assert page.input_value("#system") == "deepsound_cnn_2018" and page.is_hidden("#untrained")
    choose(page, SONG)
    page.wait_for_selector("#mode.exact")
    until(page, "document.querySelector('#status').textContent.startsWith('Done')")
    shown = page.inner_text("#headline")
    assert shown.endswith("on the mean of all moments") and shown in page.inner_text("#status")
    name, share = shown.removesuffix(" on the mean of all moments").split(", ")
    assert f"{name}\n{share}" in page.inner_text("#legend")
    assert page.is_hidden("#own") or "own answer for the whole song" in page.inner_text("#own")
    assert "CNN of 2018" in page.inner_text("#listener") and page.is_visible("#band")
    assert page.is_hidden("#compare") and page.is_hidden("#again")
    shot(page, "recommended")


@needs_shared
def test_another_network_is_asked_about_the_same_song(several_page: Any) -> None:
    """By keyboard; a network that hears whole files lists its tags, has no microphone and says so."""
    page = several_page
    choose(page, SONG)
    page.wait_for_selector("#mode.exact")
    page.focus("#system")
    page.keyboard.type("Choi's music tagger, CRNN")
    assert page.input_value("#system") == "music_tagger_crnn"
    says = page.inner_text("#says")
    assert "Hears only the middle 29 s of a song" in says and "up to 20 minutes" in says and "50 tags" in says
    assert page.is_disabled("#microphone") and page.is_visible("#deaf")
    assert "music_tagger_crnn" in page.inner_text("#curl-system")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "again"
    page.keyboard.press("Enter")
    page.wait_for_selector("#bars li")
    assert page.evaluate("document.activeElement.id") == "system", "the focus is lost"
    rows = [row.split("\n") for row in page.locator("#bars li").all_inner_texts()]
    assert len(rows) == 10 and rows[0][0] == "jazz" and "jazz" in page.inner_text("#headline")
    assert page.locator("#bars .room >> nth=0").bounding_box()["height"] < 20
    widths = page.eval_on_selector_all("#bars .bar", "all => all.map(b => parseFloat(b.style.width))")
    assert widths == sorted(widths, reverse=True) and widths[0] == pytest.approx(float(rows[0][-1][:-2]), abs=0.6)
    for selector in ("#band", "#pie", "#legend", "#compare", "#again"):
        assert page.is_hidden(selector), selector
    assert page.is_visible("#apart") and "only the middle" in page.inner_text("#notes")
    until(page, "document.querySelector('#time').textContent.startsWith('0:01')")  # it plays by itself
    assert page.get_attribute("#play", "aria-label") == "Pause"
    shot(page, "tags")
    page.select_option("#system", "deepsound_crnn")
    assert page.is_visible("#untrained") and page.is_enabled("#microphone") and page.is_hidden("#deaf")
    page.click("#again")
    page.wait_for_selector("#compare:not([hidden])")
    assert page.is_visible("#band") and page.is_hidden("#tags")


@needs_shared
def test_the_microphone_goes_to_the_network_that_is_chosen(several_page: Any) -> None:
    page = several_page
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.click("#microphone")
    until(page, "Number(document.querySelector('#band').dataset.steps ?? 0) >= 4")
    assert any(url.endswith("&system=deepsound_cnn_2018") for url in asked)
    page.select_option("#system", "compact_cnn")
    assert page.get_attribute("#microphone", "aria-pressed") == "false", "still listening for another network"


def axe() -> str:
    """axe-core's source: a copy named by REPRISE_AXE (npm pack axe-core, then package/axe.min.js)."""
    path = os.environ.get("REPRISE_AXE")
    if not path or not Path(path).is_file():
        require("axe", "REPRISE_AXE names no axe.min.js of axe-core")
    return Path(path).read_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_violation(page: Any, scheme: str) -> None:
    source = axe()
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # colours settled at once
    found = []
    for state in ("start", "song", "wrong"):
        if state == "song":
            page.select_option("#clip", "quad_4channels.wav")
            page.click("#play-clip")
            page.wait_for_selector("#compare:not([hidden])")
        if state == "wrong":
            choose(page, Path(__file__))
            page.wait_for_selector("#problem:not([hidden])")
        page.evaluate(source)
        result = page.evaluate("axe.run()")
        assert len(result["passes"]) > 10
        found += [(state, v["id"], v["impact"], v["nodes"][0]["html"]) for v in result["violations"]]
    assert [violation for violation in found if violation[2] in ("serious", "critical")] == []


@needs_shared
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_violation_in_the_choice_and_the_tags(several_page: Any, scheme: str) -> None:
    source, page = axe(), several_page
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # colours settled at once
    page.set_viewport_size({"width": 375, "height": 700})
    page.click("#all")
    page.select_option("#system", "compact_cnn")
    choose(page, SONG)
    page.wait_for_selector("#bars li")
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    shot(page, f"tags-{scheme}")
    page.evaluate(source)
    result = page.evaluate("axe.run()")
    assert len(result["passes"]) > 10
    found = [(v["id"], v["impact"], v["nodes"][0]["html"]) for v in result["violations"]]
    assert [violation for violation in found if violation[1] in ("serious", "critical")] == []


def test_the_answer_comes_to_the_screen_of_a_phone_and_plays_by_itself(page: Any) -> None:
    page.set_viewport_size({"width": 375, "height": 700})
    page.emulate_media(reduced_motion="reduce")
    page.click(".piece >> nth=2")
    page.wait_for_selector("#mode.exact")
    box = page.locator("#headline").bounding_box()
    assert box["y"] >= 0 and box["y"] + box["height"] <= 700
    until(page, "Number(document.querySelector('#scrubber').getAttribute('aria-valuenow')) > 0.5")


def test_untrained_weights_find_no_genre(page: Any) -> None:
    page.click(".piece >> nth=0")
    page.wait_for_selector("#mode.exact")
    until(page, "document.querySelector('#status').textContent.startsWith('Done')")
    genres = page.get_attribute("#system option >> nth=0", "data-says") or ""
    assert "blues" in genres
    for said in ("#headline", "#status", "#words", "#legend", "#verdict"):
        assert not any(genre in page.inner_text(said) for genre in ("blues", "classical", "disco", "pop", "rock")), said
    assert page.inner_text("#legend").count("output ") == 10


def test_dragging_scrubs_and_a_long_song_is_zoomed(page: Any, folder: Path) -> None:
    choose(page, folder / "long.wav")
    page.wait_for_selector("#mode.exact")
    page.click("#play")
    box = page.locator("#band").bounding_box()
    page.mouse.move(box["x"] + 0.2 * box["width"], box["y"] + 30)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.6 * box["width"], box["y"] + 30, steps=5)
    now = "Number(document.querySelector('#scrubber').getAttribute('aria-valuenow'))"
    until(page, f"Math.abs({now} - 540) < 20")
    page.mouse.up()
    page.mouse.move(box["x"] + 0.1 * box["width"], box["y"] + 30)
    assert abs(page.evaluate(now) - 540) < 20, "scrubbed without a button"
    page.click("#in")
    page.click("#in")
    assert page.inner_text("#zoom") == "4×" and page.evaluate("document.documentElement.scrollWidth") <= 1100
    assert page.locator("#band").bounding_box()["width"] == pytest.approx(4 * box["width"], rel=0.02)
    shot(page, "zoomed")


def test_the_answer_is_saved_three_ways(page: Any) -> None:
    import csv
    import json

    page.select_option("#clip", "quad_4channels.wav")
    page.click("#play-clip")
    page.wait_for_selector("#saves:not([hidden])")
    got = {}
    for kind in ("json", "csv", "png"):
        with page.expect_download() as download:
            page.click(f'[data-save="{kind}"]')
        assert download.value.suggested_filename == f"quad_4channels.wav.{kind}"
        got[kind] = Path(download.value.path()).read_bytes()
    answer = json.loads(got["json"])
    rows = list(csv.reader(got["csv"].decode().splitlines()))
    assert rows[0] == ["second", *answer["labels"]] and len(rows) == 1 + len(answer["step_probs"])
    assert [float(cell) for cell in rows[3][1:]] == answer["step_probs"][2]
    assert got["png"].startswith(b"\x89PNG") and len(got["png"]) > 5000


def test_a_full_server_is_asked_again_by_itself_and_a_person_may_cancel(page: Any, folder: Path) -> None:
    asked = []

    def full(route: Any) -> None:
        asked.append(time.monotonic())
        if len(asked) > 2:
            return route.continue_()
        busy = {"status": 429, "headers": {"Retry-After": "1"}, "content_type": "application/json"}
        return route.fulfill(**busy, body='{"error": "too many", "code": "busy"}')

    page.route("**/api/v1/predict*", full)
    choose(page, folder / "song.wav")
    page.wait_for_selector("#mode.exact")
    assert len(asked) == 3 and min(np.diff(asked)) > 0.9 and page.is_hidden("#problem")
    page.unroute("**/api/v1/predict*")
    page.emulate_media(reduced_motion="reduce")
    page.set_viewport_size({"width": 375, "height": 700})
    on_a_slow_line(page)
    choose(page, folder / "long.wav")
    page.wait_for_selector("#band[data-steps]")
    until(page, "document.querySelector('#song').getBoundingClientRect().top < 100")
    box = page.locator("#cancel").bounding_box()
    assert box["y"] > 0 and box["y"] + box["height"] <= 700 and box["height"] >= 40, "out of reach"
    shot(page, "cancel", full_page=False)
    page.click("#cancel")
    assert page.is_hidden("#progress") and page.is_hidden("#cancel")
    until(page, "document.querySelector('#status').textContent === 'Cancelled.'")
    assert page.inner_text("#mode") == "cancelled"


def within_sight(page: Any, selector: str) -> bool:
    box = page.locator(selector).bounding_box()
    return bool(box) and box["y"] >= 0 and box["y"] + box["height"] <= page.viewport_size["height"]


def test_on_a_phone_what_goes_on_and_what_went_wrong_are_within_sight(page: Any, folder: Path) -> None:
    page.set_viewport_size({"width": 375, "height": 700})
    page.emulate_media(reduced_motion="reduce")
    busy = {"status": 429, "headers": {"Retry-After": "60"}, "content_type": "application/json"}
    page.route("**/api/v1/predict*", lambda route: route.fulfill(**busy, body='{"error": "too many", "code": "busy"}'))
    choose(page, folder / "song.wav")
    until(page, "document.querySelector('#status').textContent.includes('sent again by itself')")
    assert all(within_sight(page, selector) for selector in ("#status", "#cancel", "#progress"))
    page.click("#cancel")
    page.unroute("**/api/v1/predict*")
    choose(page, Path(__file__))
    page.wait_for_selector("#problem:not([hidden])")
    assert within_sight(page, "#problem") and page.is_hidden("#cancel")
    page.click("#microphone")
    until(page, "Number(document.querySelector('#band').dataset.steps ?? 0) >= 1")
    assert page.inner_text("#cancel") == "Stop" and within_sight(page, "#cancel") and within_sight(page, "#headline")
    page.click("#cancel")
    until(page, "document.querySelector('#status').textContent.includes('off')")
    assert page.get_attribute("#microphone", "aria-pressed") == "false" and page.is_hidden("#cancel")


def test_screen_readers_are_told_no_more_than_they_can_say(page: Any, folder: Path) -> None:
    watch = """([id, attribute]) => {
        const times = window[`said_${id}`] = [];
        const node = document.querySelector(`#${id}`);
        const options = attribute ? {attributes: true, attributeFilter: [attribute]} : {childList: true};
        new MutationObserver(() => times.push(performance.now())).observe(node, options);
    }"""
    page.evaluate(watch, ["scrubber", "aria-valuetext"])
    page.evaluate(watch, ["status", ""])
    choose(page, folder / "long.wav")
    page.wait_for_selector("#mode.exact")
    page.wait_for_timeout(4000)
    spoken, status = page.evaluate("[window.said_scrubber, window.said_status]")
    assert len(spoken) >= 3 and min(np.diff(spoken)) > 900
    assert len(status) >= 2 and min(np.diff(status)) > 1900


def test_a_computer_without_an_audio_device_is_not_a_wrong_file(page: Any, folder: Path) -> None:
    choose(page, folder / "song.wav")
    page.wait_for_selector("#mode.exact")
    page.evaluate("() => { document.querySelector('#audio').dispatchEvent(new Event('error')); }")
    page.wait_for_selector("#silent:not([hidden])")
    assert "no audio device" in page.inner_text("#silent") and "this kind of file" not in page.inner_text("#silent")
    before = number(page, "#scrubber", "aria-valuenow")
    until(page, f"Number(document.querySelector('#scrubber').getAttribute('aria-valuenow')) > {before} + 1")
    page.click("#play")
    assert page.get_attribute("#play", "aria-label") == "Play", "what had played did not go on by itself"


def test_pictures_have_titles_axes_and_a_legend(page: Any) -> None:
    page.select_option("#clip", "quad_4channels.wav")
    page.click("#play-clip")
    page.wait_for_selector("#compare:not([hidden])")
    words = page.inner_text("#song") + page.inner_text("#compare")
    for said in ("What it believes", "What it hears", "100 %", "11 kHz", "minutes:seconds", "Mean over all moments"):
        assert said in words, said
    drawn = "c => { const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data; return d.some(v => v); }"
    assert page.eval_on_selector("#ticks", drawn)

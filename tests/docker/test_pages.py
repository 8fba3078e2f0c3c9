"""The real original's own two pages in a browser: upload through its form, then the pills and the pie are drawn.

Needs the real upstream (REPRISE_UPSTREAM), Debian's Chromium and npm, whose copies of jQuery and Lato stand in for the
public CDNs that the pages name. REPRISE_SCREENSHOTS=DIR keeps the pictures.
"""

import os
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from tests.require import require
from tests.shared import SHARED, needs_shared

PACKAGES = {"jquery": "jquery@2.2.2", "lato": "@fontsource/lato@5.3.0"}
PILLS = "canvas:not(#piechart)"  # drawn over the whole page
# Distinct colours in a canvas: a blank one has one.
COLOURS = """canvas => {
  const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  return new Set(new Uint32Array(pixels.buffer)).size;
}"""


@pytest.fixture(scope="module")
def cdn(tmp_path_factory):
    """npm's copies of what the pages load from CDNs."""
    if not os.environ.get("REPRISE_UPSTREAM"):
        require("upstream", "REPRISE_UPSTREAM=DIR names no copy of the real upstream, whose pages these are")
    for program in ("chromium", "npm"):
        if shutil.which(program) is None:
            require("chromium", f"no {program} on PATH")
    folder = tmp_path_factory.mktemp("cdn")
    for name, package in PACKAGES.items():
        done = subprocess.run(["npm", "pack", "-s", package], cwd=folder, check=True, capture_output=True, text=True)
        with tarfile.open(folder / done.stdout.split()[-1]) as archive:
            archive.extractall(folder / name, filter="data")
    return folder


def serve_locally(page, cdn):
    lato = cdn / "lato/package"
    css = (lato / "400.css").read_text() + (lato / "700.css").read_text()
    page.route("**/jquery-2.2.2.min.js", lambda r: r.fulfill(path=cdn / "jquery/package/dist/jquery.min.js"))
    page.route("**/css?family=Lato*", lambda r: r.fulfill(body=css, content_type="text/css"))
    page.route("**/files/lato-*", lambda r: r.fulfill(path=lato / "files" / r.request.url.rpartition("/")[2]))


@needs_shared
def test_an_mp3_through_the_form_reaches_pills_and_pie(cdn, demo, chromium, tmp_path):
    from playwright.sync_api import sync_playwright

    pictures = Path(os.environ.get("REPRISE_SCREENSHOTS", tmp_path))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium,
            args=["--no-sandbox", "--autoplay-policy=no-user-gesture-required"],
        )
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        errors, failed = [], []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("requestfailed", lambda r: failed.append(r.url))
        serve_locally(page, cdn)
        page.goto("http://127.0.0.1:8080/")
        page.screenshot(path=pictures / "original-index.png")
        page.set_input_files("input[name=filearg]", SHARED / "data/choi/clips/bensound-cute.mp3")
        page.wait_for_url("**/play.html#*", timeout=60_000)
        page.wait_for_selector(PILLS)
        page.wait_for_timeout(6000)  # the song plays: pills move and the pie follows the genres
        page.screenshot(path=pictures / "original-play.png")
        pills = page.eval_on_selector(PILLS, COLOURS)
        pie = page.eval_on_selector("#piechart", COLOURS)
        browser.close()
    print(f"pills: {pills} colours, pie: {pie} colours; page errors: {errors}; failed requests: {failed}")
    assert pills > 10 and pie > 10
    assert errors == []
    assert not [url for url in failed if "127.0.0.1" not in url]

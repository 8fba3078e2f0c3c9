"""What a server's code says of its routes, and what a stand-in for its client sends to each."""

import base64
import importlib.util
import io
import json
from pathlib import Path

import pytest
from PIL import Image

from reprise_kit.apps.adopt.run import SPY

APP = """
import base64
from flask import Flask, request
app = Flask(__name__)
@app.route('/')
def index(): return 'a page'
@app.route('/file', methods=['GET', 'POST'])
def file():
    if request.method == 'POST':
        f = request.files['image']
@app.route('/drawn/', methods=['POST'])
def drawn(): convert(base64.b64decode(request.get_data()))
@app.route('/query/<int:n>')
def query(n): return request.args.get('text')
@app.route('/json', methods=['POST'])
def named():
    data = request.get_json(force=True)
    return data['sepal'], data['review'], data.get('img')
@app.route('/whole', methods=['POST'])
def whole(): return base64_to_picture(request.json)
@app.route('/form', methods=['POST'])
def form(): return request.form['title']
def helper(): return request.form['nobody']
"""


@pytest.fixture(scope="module")
def asking():
    spec = importlib.util.spec_from_file_location("ask_server", SPY / "ask_server.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def is_picture(data: bytes) -> bool:
    return Image.open(io.BytesIO(data)).convert("RGB").getextrema()[0] != (0, 0)


def test_each_route_is_given_what_its_code_reads(asking, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(APP)
    (tmp_path / "broken.py").write_text("def (")
    routes = {row[0]: row for row in asking.routes([str(tmp_path / "broken.py"), str(tmp_path / "app.py")])}
    assert set(routes) == {"/", "/file", "/drawn/", "/query/<int:n>", "/json", "/whole", "/form"}
    sent = {path: asking.request("http://127.0.0.1:5", row, 0, [asking.drawn(1)]) for path, row in routes.items()}
    assert sent["/"].get_method() == "GET" and sent["/query/<int:n>"].full_url.endswith("/query/1?text=" + TEXT)
    head, _, rest = sent["/file"].data.partition(b"\r\n\r\n")
    assert b'name="image"' in head and is_picture(rest)
    assert is_picture(base64.b64decode(sent["/drawn/"].data.partition(b",")[2]))
    named = json.loads(sent["/json"].data)
    assert (named["sepal"], named["review"]) == ("1", asking.SENTENCES[0]) and named["img"].startswith("data:image/")
    assert json.loads(sent["/whole"].data).startswith("data:image/png;base64,")
    assert sent["/form"].data == b"title=" + TEXT.encode()


TEXT = "this+was+a+very+good+film"


def test_it_ends_with_its_server_and_asks_nothing_that_does_not_listen(asking, monkeypatch) -> None:
    asked = []
    monkeypatch.setattr(asking, "asked", lambda *given: asked.append(given))
    monkeypatch.setattr(asking, "ports", list)
    monkeypatch.setattr(asking, "is_alive", lambda pid: False)
    asking.main(["1", "app.py"])
    assert asked == []

"""Asks a server that runs beside it in the box, on the box's own loopback, what a client of its would.

    python app.py & python ask_server.py $! app.py ...

$!: the server's process. The files after it are the repository's, whose routes are read and not run: `@app.route`, and
do_GET and do_POST of Python's own server. A route is given what its code reads of a request: a file, a field, a body.
All of it is ours: a picture or text of the repository's where there is one, else a drawn one. Nothing is asked but what
listens on 127.0.0.1, and in a box that is only the program. Prints a line for each route.
"""
from __future__ import print_function

import ast
import base64
import json
import os
import re
import struct
import sys
import time
import zlib

try:
    from urllib.parse import urlencode
    from urllib.request import Request, urlopen
except ImportError:  # Python 2
    from urllib import urlencode

    from urllib2 import Request, urlopen

SECONDS = 120  # of waiting for one answer
ROUNDS = 16  # as many as the spy wants to hear
FAILURES = 3
MOST = 200  # pictures that are looked at
WORDS = re.compile(r"text|sentence|review|message|word|query|title|comment|tweet|question|name|content|seed", re.I)
PICTURES = (".jpg", ".jpeg", ".png")
PICTURE = re.compile(r"image|img|photo|picture|canvas", re.I)
SENTENCES = ("this was a very good film", "it is not what I expected and I would not buy it again", "hello")
FIELDS = {"files": "file", "form": "form", "values": "form", "args": "query", "json": "json"}
BODIES = {"get_data": "body", "data": "body", "stream": "body", "get_json": "json"}


def routes(paths):
    """Return (path, method, how, names) of each route in the files; how: file, form, query, json, body, base64, ""."""
    found = []
    for path in paths:
        try:
            with open(path, "rb") as stream:
                tree = ast.parse(stream.read())
        except (SyntaxError, ValueError, TypeError, EnvironmentError):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef):
                found += [(place, method) + wanted(node) for place, method in places(node)]
    # What takes nothing shows a page; what takes something may answer by a model.
    return sorted(found, key=lambda row: not row[2])


def places(function):
    """Yield the (path, method) under which a function answers."""
    if function.name in ("do_GET", "do_POST"):
        yield "/", function.name[3:]
    for node in function.decorator_list:
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") in ("route", "get", "post") and node.args:
            methods = [k.value for k in node.keywords if k.arg in ("methods", "method")]
            named = [text(each) for each in ast.walk(methods[0])] if methods else [node.func.attr.upper()]
            yield text(node.args[0]) or "/", "POST" if "POST" in named else "GET"


def text(node):
    """The text of a literal, "" where it is none."""
    value = getattr(node, "s", None) if hasattr(node, "s") else getattr(node, "value", None)
    return value if isinstance(value, (str, type(u""))) else ""


def wanted(function):
    """Return what a function reads of its request, and the names of it: ("file", ["image"])."""
    how, names, aliases = "", [], {}
    for node in ast.walk(function):
        kind = of_request(node)
        how = how or kind or ""
        if isinstance(node, ast.Assign) and of_request(getattr(node.value, "func", node.value)):
            aliases.update((t.id, of_request(getattr(node.value, "func", node.value))) for t in node.targets
                           if isinstance(t, ast.Name))  # fmt: skip
    for node in ast.walk(function):
        name, of = looked_up(node)
        kind = name and (of_request(of) or aliases.get(getattr(of, "id", None)))
        if kind and kind != "body":
            how = kind if not names or kind == "file" else how
            names.append(name)
    if how == "body" and any("base64" in ast.dump(node) or "b64" in ast.dump(node) for node in function.body):
        how = "base64"
    return how, sorted(set(names))


def of_request(node):
    """Return what `request.files`, `request.get_json` and so on are, None for anything else."""
    node = getattr(node, "func", node) if isinstance(node, ast.Call) else node
    name = getattr(node, "attr", None)
    if name == "rfile":
        return "body"
    if getattr(getattr(node, "value", None), "attr", getattr(getattr(node, "value", None), "id", None)) == "request":
        return FIELDS.get(name) or BODIES.get(name)
    return None


def looked_up(node):
    """Return the name in `of["name"]` and `of.get("name")`, and `of`."""
    if isinstance(node, ast.Subscript):
        return text(getattr(node.slice, "value", node.slice)) or text(node.slice), node.value
    if isinstance(node, ast.Call) and getattr(node.func, "attr", "") in ("get", "getlist") and node.args:
        return text(node.args[0]), node.func.value
    return "", None


def pictures(folder):
    """Return the repository's own pictures, as bytes, else drawn ones."""
    found = []
    for root, _, names in os.walk(folder):
        found += [os.path.join(root, name) for name in sorted(names) if name.lower().endswith(PICTURES)]
    read = [content(path) for path in sorted(found, key=lambda path: (path.count(os.sep), path))[:MOST]]
    return [each for each in read if each][:ROUNDS] or [drawn(seed) for seed in range(4)]


def content(path):
    try:
        with open(path, "rb") as stream:
            return stream.read()
    except EnvironmentError:
        return b""


def drawn(seed, side=64):
    """Return a PNG of bands of colour."""
    def pixel(row, column):
        return [(row * (3 + seed) + column * 5 + 70 * channel * (seed + 1)) % 256 for channel in range(3)]

    lines = [sum([pixel(row, column) for column in range(side)], []) for row in range(side)]
    rows = b"".join(b"\0" + bytes(bytearray(line)) for line in lines)
    size = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    parts = (b"IHDR", size), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")
    chunks = [struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data) & 0xFFFFFFFF)
              for kind, data in parts]  # fmt: skip
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def value(name, round_):
    return SENTENCES[round_ % len(SENTENCES)] if WORDS.search(name) else str(1 + round_ % 3)


def request(base, route, round_, images):
    """Return the request of a route in a round; `images` are sent in turn."""
    path, method, how, names = route
    path = re.sub(r"<(\w+:)?(\w+)>", lambda blank: value(blank.group(2), round_).replace(" ", "%20"), path)
    given = dict((name, value(name, round_)) for name in names)
    image, headers = images[round_ % len(images)], {}
    as_text, body = "data:image/png;base64," + base64.b64encode(image).decode(), None
    given.update((name, as_text) for name in names if PICTURE.search(name))
    if how == "file":
        body, headers = form(names or ["file"], image)
    elif how == "json":
        body, headers = json.dumps(given or as_text).encode(), {"Content-Type": "application/json"}
    elif how in ("body", "base64"):
        body = as_text.encode() if how == "base64" else image
    elif how == "form" and method == "POST":
        body = urlencode(given).encode()
    elif given:
        path += "?" + urlencode(given)
    return Request(base + path, body if method == "POST" else None, headers)


def form(names, image):
    """Return a form with a picture under each name, and its headers."""
    line = b"----reprise"
    ending = b"png" if image.startswith(b"\x89PNG") else b"jpg"
    head = b'Content-Disposition: form-data; name="%s"; filename="image.%s"\r\nContent-Type: image/%s\r\n\r\n'
    head = head.decode()
    parts = [b"--" + line + b"\r\n" + (head % (name, ending.decode(), ending.decode())).encode() + image + b"\r\n"
             for name in names]  # fmt: skip
    return b"".join(parts) + b"--" + line + b"--\r\n", {"Content-Type": "multipart/form-data; boundary=----reprise"}


def ports():
    """Return the ports on which something in this network listens."""
    found = []
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        rows = content(table).decode().splitlines()[1:]
        found += [int(row.split()[1].rpartition(":")[2], 16) for row in rows if row.split()[3] == "0A"]
    return sorted(set(found))


def is_alive(pid):
    state = content("/proc/%d/stat" % pid).decode("utf-8", "replace").rpartition(")")[2].split()
    return bool(state) and state[0] != "Z"


def asked(base, route, images):
    """Ask a route up to ROUNDS times, or until it has failed so often that it will go on to."""
    failed = 0
    for round_ in range(ROUNDS):
        try:
            answer = urlopen(request(base, route, round_, images), timeout=SECONDS)
            said = " ".join(answer.read(200).decode("utf-8", "replace").split())
        except Exception as problem:
            said, failed = problem, failed + 1
        print("asked %s %s: %s" % (route[1], route[0], said))
        if failed == FAILURES or not route[2]:
            return


def main(words):
    pid, paths = int(words[0]), words[1:]
    while is_alive(pid) and not ports():
        time.sleep(0.5)
    if not ports():
        return
    base = "http://127.0.0.1:%d" % ports()[0]
    images = pictures(os.getcwd())
    for route in routes(paths):
        asked(base, route, images)


if __name__ == "__main__":
    main(sys.argv[1:])

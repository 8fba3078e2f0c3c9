"""The stand-in's web demo, on Tornado 4.3: upload a song, then read its genres over time."""

import argparse
import json
import os
import uuid

from tornado import ioloop, web

from common import GENRES
from genre_recognizer import GenreRecognizer

HERE = os.path.dirname(os.path.abspath(__file__))
STATIC = os.path.join(HERE, "static")
UPLOADS = os.path.join(HERE, "uploads")


def timeline(probs, seconds):
    """Return [[seconds, {genre: probability}], ...]; entry k is stamped with the end of step k."""
    step_seconds = seconds / len(probs)
    return [
        [(k + 1) * step_seconds, {genre: float(p) for genre, p in zip(GENRES, row)}]
        for k, row in enumerate(probs)
    ]


class Page(web.RequestHandler):
    def initialize(self, name):
        self.name = name

    def get(self):
        self.render(os.path.join(STATIC, self.name))


class Upload(web.RequestHandler):
    def initialize(self, recognizer):
        self.recognizer = recognizer

    def post(self):
        song = self.request.files["filearg"][0]
        key = str(uuid.uuid4())
        stored = os.path.join(UPLOADS, key)
        audio = stored + os.path.splitext(song["filename"])[1]
        with open(audio, "wb") as out:
            out.write(song["body"])
        probs, seconds = self.recognizer.recognize(audio)
        with open(stored + ".json", "w") as out:
            json.dump(timeline(probs[0], seconds), out)
        self.finish(json.dumps(key))


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    models = os.path.join(HERE, "models")
    parser.add_argument("-m", "--model", default=os.path.join(models, "model.yaml"))
    parser.add_argument("-w", "--weights", default=os.path.join(models, "weights.h5"))
    parser.add_argument("-p", "--port", type=int, default=8080)
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    if not os.path.isdir(UPLOADS):
        os.makedirs(UPLOADS)
    recognizer = GenreRecognizer(arguments.model, arguments.weights)
    routes = [
        (r"/", Page, {"name": "index.html"}),
        (r"/play.html", Page, {"name": "play.html"}),
        (r"/static/(.*)", web.StaticFileHandler, {"path": STATIC}),
        (r"/uploads/(.*)", web.StaticFileHandler, {"path": UPLOADS}),
        (r"/upload", Upload, {"recognizer": recognizer}),
    ]
    web.Application(routes).listen(arguments.port)
    print("listening on port %d" % arguments.port)
    ioloop.IOLoop.current().start()


if __name__ == "__main__":
    main()

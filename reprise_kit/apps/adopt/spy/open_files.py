"""Opens files of weights in the old Keras, for the spy beside it: what a repository's program is not seen to do.

    python open_files.py weights.h5 ... [--architectures model.json ...]

A whole model is loaded as such; weights alone into each architecture until one takes them, those of its name first.
Without a file of weights each architecture is built.
Prints a line for each file; ends with 0 where one was opened.
"""
from __future__ import print_function

import json
import os
import sys

import h5py

from reprise_spy.keeping import find


def whole(path):
    with h5py.File(path, "r") as stream:
        return "model_config" in stream.attrs


def likeness(path, other):
    """How much of its beginning a path has in common with another."""
    return len(os.path.commonprefix([path, other]))


def from_text(text):
    from keras import models
    read = models.model_from_json if text.lstrip().startswith(("{", '"')) else models.model_from_yaml
    if text.lstrip().startswith('"'):  # json.dump(model.to_json())
        text = json.loads(text)
    if text.lstrip().startswith("{") and "input_layers" in json.loads(text):  # with a class_name that is further in
        return models.Model.from_config(json.loads(text))  # json.dump(model.get_config())
    return read(text)


def opened(path, architectures):
    from keras import models
    if whole(path):
        try:
            models.load_model(path)
            return "as a whole model"
        except Exception as error:
            with h5py.File(path, "r") as stream:
                text = stream.attrs["model_config"]
            from_text(text.decode("utf-8") if isinstance(text, bytes) else text).load_weights(path)
            return "as architecture and weights (%s: %s)" % (type(error).__name__, error)
    reasons = []
    for other in sorted(architectures, key=lambda other: -likeness(path, other)):
        try:
            with open(other) as stream:
                from_text(stream.read()).load_weights(path)
            return "with %s" % other
        except Exception as error:
            reasons.append("%s: %s: %s" % (other, type(error).__name__, str(error)[:200]))
    raise ValueError("; ".join(reasons) or "weights alone, and no architecture in a file")


def built(path):
    with open(path) as stream:
        find(from_text(stream.read()))  # kept, though no function that the spy knows read it
    return "as an architecture, with the weights it begins with"


def main(words):
    at = words.index("--architectures") if "--architectures" in words else len(words)
    done = 0
    for path in words[:at] or words[at + 1:]:
        try:
            print("%s: opened %s" % (path, opened(path, words[at + 1:]) if at else built(path)))
            done += 1
        except Exception as error:
            print("%s: not opened: %s" % (path, " ".join(str(error).split())[:400]))
    return 0 if done else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

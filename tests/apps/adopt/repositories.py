"""Small repositories in the style of 2016, of our own making, each with a git history of its time."""

import json
import os
import subprocess
from pathlib import Path

import h5py
import numpy as np

IMAGE = {
    "README.md": "# Digits\n\n    $ python predict.py one.png\n\nTrain with `python train.py`.\n",
    "net.py": """
from keras.models import Sequential
from keras.layers import Convolution2D, Flatten, Dense

def build():
    model = Sequential()
    model.add(Convolution2D(4, 3, 3, border_mode='same', input_shape=(1, 8, 8), dim_ordering='th'))
    model.add(Flatten())
    model.add(Dense(2))
    return model
""",
    "predict.py": """
import sys
import numpy as np
import cPickle
from net import build

if __name__ == '__main__':
    model = build()
    model.load_weights('weights/digits.h5')
    print model.predict(np.zeros((1, 1, 8, 8)))
""",
    "train.py": "import lxml.etree\nfrom net import build\nmodel = build()\nmodel.fit([], [], nb_epoch=2)\n",
}
TEXT = {
    "readme.txt": "Sentiment by an LSTM. Needs Python 2.7\n",
    "requirements.txt": "Keras==1.1.0\nnumpy\n--index-url http://example.org/simple\ngit+https://example.org/x.git\n",
    "run.py": """
from keras.models import model_from_json
import re, urllib2
model = model_from_json(open('model.json').read())
model.load_weights('model.h5')
for word in xrange(3):
    print(model.predict([[word]]))
""",
}
PYTHON_3 = {
    "environment.yml": "dependencies:\n- python=3.5.2\n- numpy=1.11.2\n- openssl=1.0.2\n- pip:\n  - Flask==0.11.1\n",
    "drive.py": """
import argparse
from flask import Flask
from keras.models import load_model
import tensorflow as tf

def steer(*, angle: float) -> float:
    return angle

if __name__ == '__main__':
    model = load_model('model.h5')
    model.predict([0], batch_size=1)
    app = Flask('drive')
    app.run(debug=True)
""",
}


def make(folder: Path, files: dict[str, str], day: str = "2016-10-02", later: dict[str, str] | None = None) -> Path:
    """Write files, with weights and architectures by `weights`, and commit them on a day; `later` half a year on."""
    folder.mkdir(parents=True, exist_ok=True)
    git(folder, day, "init", "-q", ".")
    write(folder, files)
    git(folder, day, "add", "-A")
    git(folder, day, "commit", "-q", "-m", "first")
    if later:
        write(folder, later)
        git(folder, "2017-05-06", "add", "-A")
        git(folder, "2017-05-06", "commit", "-q", "-m", "later")
    return folder


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def git(folder: Path, day: str, *words: str) -> str:
    when = {"GIT_AUTHOR_DATE": f"{day}T12:00:00Z", "GIT_COMMITTER_DATE": f"{day}T12:00:00Z"}
    command = ["git", "-C", str(folder), "-c", "user.name=t", "-c", "user.email=t@example.org", *words]
    done = subprocess.run(command, check=True, env=os.environ | when, capture_output=True, text=True)
    return done.stdout.strip()


def weights(path: Path, suffix: str = "", version: str | None = None, config: dict | None = None) -> None:
    """Write a weights file as Keras 1 laid it out; `suffix` is ":0" under TensorFlow."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        root = file
        if config is not None:
            file.attrs["model_config"] = json.dumps(config).encode()
            root = file.create_group("model_weights")
        if version:
            file.attrs["keras_version"] = version.encode()
        root.attrs["layer_names"] = [b"dense_1"]
        group = root.create_group("dense_1")
        group.attrs["weight_names"] = [f"dense_1_W{suffix}".encode(), f"dense_1_b{suffix}".encode()]
        group[f"dense_1_W{suffix}"] = np.ones((2, 2), np.float32)
        group[f"dense_1_b{suffix}"] = np.ones(2, np.float32)

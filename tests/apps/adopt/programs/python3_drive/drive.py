import argparse
from pathlib import Path

import numpy as np
from flask import Flask
from keras.models import model_from_json

app = Flask(__name__)


def steer(model, *, image):
    return float(model.predict(image[None, None] / 127.5 - 1, batch_size=1)[0, 0])


if __name__ == '__main__':
    parser = argparse.ArgumentParser(description='Remote driving')
    parser.add_argument('model', type=str, help='path to the architecture; its weights lie beside it')
    parser.add_argument('frames', type=str, help='folder with frames')
    args = parser.parse_args()
    model = model_from_json(Path(args.model).read_text())
    model.compile('adam', 'mse')
    model.load_weights(args.model.replace('json', 'h5'))
    for path in sorted(Path(args.frames).iterdir()):
        print(path.name, steer(model, image=np.loadtxt(str(path))))

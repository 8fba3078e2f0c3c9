"""Write models/model.yaml (and, on request, random weights) with the Python 2.7 Keras that will read them."""

import argparse
import os

import numpy

from train_model import build_model

HERE = os.path.dirname(os.path.abspath(__file__))


def random_weights(model, seed):
    """Set every array: normal numbers, small enough that no unit saturates, from one seed."""
    draw = numpy.random.RandomState(seed)
    model.set_weights([draw.normal(0, 0.05, array.shape).astype("float32") for array in model.get_weights()])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", default=os.path.join(HERE, "models", "model.yaml"))
    parser.add_argument("--weights", help="also write random weights to this .h5 file")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    model = build_model()
    folder = os.path.dirname(os.path.abspath(arguments.out))
    if not os.path.isdir(folder):
        os.makedirs(folder)
    with open(arguments.out, "w") as out:
        out.write(model.to_yaml())
    if arguments.weights:
        random_weights(model, arguments.seed)
        model.save_weights(arguments.weights, overwrite=True)


if __name__ == "__main__":
    main()

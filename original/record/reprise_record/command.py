"""The command line, and the one way through."""

from __future__ import print_function

import argparse
import os
import sys

import numpy as np

from reprise_record.building import build
from reprise_record.files import read_files
from reprise_record.network import Network
from reprise_record.network_0 import OldNetwork
from reprise_record.refusals import Refused
from reprise_record.runs import run_scales
from reprise_record.stack import (
    BACKENDS, ORDERINGS, choose_backend, choose_ordering, import_backend, import_keras, version_of)
from reprise_record.writing import provenance, report, rows, save_architecture, write


DEEP = 10000  # Theano goes through a network's graph layer by layer, each within the last


def parse(arguments, about=None):
    shown = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="record", description=about, formatter_class=shown)
    parser.add_argument("--architecture", help="model.json or model.yaml; without it --weights is a whole model")
    parser.add_argument("--from-code", metavar="MODULE:FUNCTION",
                        help="what builds the model, where only code does; its architecture is saved beside --out")
    parser.add_argument("--weights", help="weights.h5, or a whole model; what it was compiled with is not needed")
    parser.add_argument("--out", required=True, help="golden.npz")
    parser.add_argument("--inputs", help=".npz with in_0, in_1, ... instead of random ones")
    parser.add_argument("--samples", type=int, default=4, help="random samples of each scale (default 4)")
    parser.add_argument("--size", type=int, default=16, help="length of axes that the model leaves open (default 16)")
    parser.add_argument("--seed", type=int, default=0, help="of random inputs (default 0)")
    parser.add_argument("--layers", action="store_true", help="record every layer's output too")
    parser.add_argument("--backend", choices=BACKENDS, help="default: the one that the weights were saved under")
    parser.add_argument("--image-ordering", choices=sorted(ORDERINGS),
                        help="of layers that do not save theirs; default: what the other layers say")
    parser.add_argument("--tf-keras", action="store_true", help="use tf.keras of TensorFlow 1.x")
    parser.add_argument("--custom", action="append", default=[], metavar="NAME=MODULE:ATTRIBUTE",
                        help="a layer or function of your own that the model needs; NAME may be a Lambda layer's")
    options = parser.parse_args(arguments)
    if not (options.weights or options.from_code) or (options.architecture and options.from_code):
        parser.error("give --weights, with --architecture or --from-code where it is no whole model")
    if options.samples < 1 or options.size < 1:
        parser.error("--samples and --size are at least 1")
    return options


def record(options):
    sys.path.insert(0, os.getcwd())
    config, text, saved_under = read_files(options)
    backend, why = choose_backend(options, saved_under)
    module = import_backend(backend)
    keras = import_keras(options)
    ordering = choose_ordering(options, keras, text)
    print("Keras %s on %s %s (%s), image ordering %s (%s)" % (
        keras.__version__, backend, module.__version__, why, ordering[0] or "-", ordering[1]))
    record_model(options, keras, build(options, keras, config, text), (backend, module, ordering))


def record_model(options, keras, model, stack):
    """Record a model that is there; stack: its backend's name and module, (image ordering, why)."""
    sys.setrecursionlimit(max(sys.getrecursionlimit(), DEEP))
    network = (OldNetwork if version_of(keras) < (1, 0) else Network)(keras, model)
    run, kept, notes = run_scales(network, options)
    if options.from_code:
        notes.append(save_architecture(model, options.out))
    arrays = dict(("in_%d" % i, value) for i, value in enumerate(run.inputs))
    arrays.update(run.arrays() if options.layers else [(k, v) for k, v in run.arrays().items() if k.startswith("out_")])
    about = provenance(options, keras, stack, network, run, kept)
    arrays["provenance"] = np.array(about.encode("ascii"))
    write(options.out, arrays)
    report(run, notes)
    print("recorded %s: %s" % (options.out, ", ".join("%s %d-%d" % (s, a, b - 1) for s, a, b in rows(run.blocks))))


def main(about, arguments=None):
    options = parse(arguments, about)
    try:
        record(options)
    except Refused as error:
        print("record: %s" % error, file=sys.stderr)
        return 2
    return 0

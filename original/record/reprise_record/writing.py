"""What is written and said."""

from __future__ import print_function

import json
import os
import sys

import numpy as np

from reprise_record.files import sha256
from reprise_record.refusals import Refused, one_line


def rows(blocks):
    found, start = [], 0
    for scale, count in blocks:
        found.append([scale, start, start + count])
        start += count
    return found


def provenance(options, keras, chosen, network, run, why):
    backend, module, (ordering, _) = chosen
    files = [("architecture", options.architecture), ("weights", options.weights)]
    about = {
        "backend": backend, "backend_version": module.__version__, "keras": keras.__version__,
        "tf_keras": options.tf_keras, "python": sys.version.split()[0], "numpy": np.__version__,
        "floatx": keras.backend.floatx(), "image_ordering": ordering, "seed": options.seed,
        "scales": rows(run.blocks), "kept": why, "dead": run.dead(), "inputs": [s.name for s in network.sources],
        "inbound": network.inbound() if options.layers else {},
    }
    about.update((name + "_sha256", sha256(path)) for name, path in files if path)
    return json.dumps(about, sort_keys=True)


def write(path, arrays):
    """Write the file or nothing."""
    _replace(path, ".part.npz", lambda temporary: np.savez_compressed(temporary, **arrays))


def _replace(path, suffix, save):
    """Have `save` write a temporary file, which becomes `path`; NumPy of then says ValueError of a full disk."""
    temporary = path + suffix
    try:
        save(temporary)
        getattr(os, "replace", os.rename)(temporary, path)
    except (OSError, IOError, ValueError) as error:
        raise Refused("cannot write %s (%s)" % (path, one_line(error)))
    finally:
        if os.path.exists(temporary):
            os.remove(temporary)


def save_architecture(model, out):
    """Save the architecture that only code had, beside the recording; return a note."""
    path = os.path.splitext(out)[0] + ".json"
    try:
        text = model.to_json()
    except Exception as error:
        return "its architecture cannot be saved (%s: %s); recorded without" % (type(error).__name__, one_line(error))
    _replace(path, ".part", lambda temporary: _write_text(temporary, text))
    return "architecture: " + path


def _write_text(path, text):
    with open(path, "w") as stream:
        stream.write(text)


def report(run, notes):
    dead = run.dead()
    for note in notes + (["layers are not recorded: " + run.problem] if run.problem else []):
        print(note)
    for key in sorted(dead):
        print("dead: %s is %s" % (key, dead[key]))
    if not run.decides():
        print("WARNING: no output depends on the inputs here: this recording decides nothing; give live ones, --inputs")

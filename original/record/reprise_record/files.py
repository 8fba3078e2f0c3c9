"""What the files say, before any Keras is imported."""

import hashlib
import json
import os
import re

from reprise_record.refusals import Refused, one_line


def read_files(options):
    """Return (config or None, text of the architecture, backend that the weights name or None)."""
    for path in (options.architecture, options.weights, options.inputs):
        if path and not os.path.isfile(path):
            raise Refused("%s: no such file" % path)
    text, backend = "", None
    if options.weights:
        text, backend = read_weights(options.weights)
    if options.architecture:
        with open(options.architecture, "rb") as stream:
            text = stream.read().decode("utf-8", "replace")
    elif not options.from_code and not text:
        raise Refused("%s holds weights only: give --architecture or --from-code" % options.weights)
    return parse_architecture(text), text, backend


def read_weights(path):
    try:
        import h5py
    except ImportError as error:
        raise Refused("h5py is missing beside the old Keras (%s)" % one_line(error))
    try:
        with h5py.File(path, "r") as stream:
            config, group = stream.attrs.get("model_config", ""), stream
            if "model_weights" in stream:
                group = stream["model_weights"]
            backend = decoded(stream.attrs.get("backend", group.attrs.get("backend", ""))) or None
            return decoded(config), backend or backend_of_names(group)
    except (OSError, IOError) as error:
        raise Refused("%s is no HDF5 file that h5py reads (%s)" % (path, one_line(error)))


def decoded(value):
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else u"%s" % value


def backend_of_names(group):
    """Return whose weight names these are: TensorFlow's end in :0. None where there are none."""
    names = []
    for layer in group.attrs.get("layer_names", []):
        names += [decoded(name) for name in group[decoded(layer)].attrs.get("weight_names", [])]
    if not names:
        return None
    return "tensorflow" if any(re.search(r":\d+$", name) for name in names) else "theano"


def parse_architecture(text):
    """Return the config; None where only Keras's own YAML reading can. Both may be encoded twice."""
    if not text:
        return None
    config = text
    try:
        while not isinstance(config, dict):
            config = json.loads(config)
        return config
    except (ValueError, TypeError):
        pass
    try:
        import yaml
        config = text
        while not isinstance(config, dict):
            config = yaml.safe_load(config)
        return config
    except Exception:  # Python tags, or no YAML at all: Keras says
        return None


def sha256(path):
    with open(path, "rb") as stream:
        return hashlib.sha256(stream.read()).hexdigest()

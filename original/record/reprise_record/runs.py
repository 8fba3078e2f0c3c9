"""Inputs at several scales, and what the network answers to them."""

import numpy as np

from reprise_record.refusals import Refused, attempt, one_line

SCALES = ("normal", "unit", "bytes")
LARGE = 512 << 20  # bytes of what its layers give at one scale: at the others it would take minutes each, twice
LAST_RESORT = "wide"  # N(0, 100), where a network is dead at all of the others
SMALL = ("small", "tiny")  # where it gives no finite number at them, as a deep one may that was never trained
FACTORS = {LAST_RESORT: 100, "small": 1e-6, "tiny": 1e-12}


def draw(source, scale, options, random):
    sizes = [source.shape[0] or options.samples] + [size or options.size for size in source.shape[1:]]
    if source.is_sparse and source.shape[1:] == (None,):
        sizes[1] = sizes[0]  # a graph's: who of the samples is whose neighbour
    if source.is_sparse:
        return random.binomial(1, 0.5, sizes).astype("float32") * (1 + np.arange(sizes[-1], dtype="float32"))
    if source.rows is not None and sizes[1:] == [1] and "length" in source.name:
        # How long a sample is, for CTC: at least 1, and no label is longer than its steps.
        return np.full(sizes, 1 if "label" in source.name else 2, "int32")
    if source.rows is not None:
        low = 1 if source.padding is not None and source.rows > 1 else 0
        values = random.randint(low, max(source.rows, low + 1), sizes).astype("int32")
    elif scale == "unit":
        values = random.uniform(0, 1, sizes).astype("float32")
    elif scale == "bytes":
        values = random.randint(0, 256, sizes).astype("float32")
    else:
        values = (random.standard_normal(sizes) * FACTORS.get(scale, 1)).astype("float32")
    if source.padding is not None and len(sizes) > 1 and sizes[1] > 1:
        pad(values, source.padding)
    return values


def pad(values, padding):
    """Pad in turn: nothing, the end, the beginning, one step within."""
    steps = values.shape[1]
    for i in range(1, len(values)):
        cut = min(1 + i // 4, steps - 1)
        places = slice(0, 0), slice(steps - cut, None), slice(0, cut), slice(steps // 2, steps // 2 + 1)
        values[i, places[i % 4]] = padding


def given_inputs(network, path):
    try:
        with np.load(path) as arrays:
            wanted = ["in_%d" % i for i in range(len(network.sources))]
            missing = [key for key in wanted if key not in arrays.files]
            if missing:
                raise Refused("%s holds no %s; the model has %d inputs" % (path, missing[0], len(wanted)))
            inputs = [arrays[key] for key in wanted]
    except (OSError, IOError, ValueError, AttributeError, EOFError, KeyError) as error:
        raise Refused("%s is no .npz without pickles (%s)" % (path, one_line(error)))
    if len(set(len(value) if value.ndim else 0 for value in inputs) - set([0])) != 1:
        raise Refused("%s: its inputs have %s samples" % (path, ", ".join(str(value.shape[:1]) for value in inputs)))
    return inputs


class Run(object):
    """What the network answered to one batch. `blocks` is a list of (scale, number of samples)."""

    def __init__(self, network, blocks, inputs):
        self.blocks, self.inputs = blocks, inputs
        self.outputs = attempt(
            "the model does not take inputs of %s (try --size or --inputs)" % ", ".join(str(v.shape) for v in inputs),
            network.predict, inputs)
        try:
            self.layers, self.problem = network.layers(inputs), None
        except Exception as error:
            self.layers, self.problem = {}, "%s: %s" % (type(error).__name__, one_line(error))

    def finite(self):
        return all(np.isfinite(value).all() for value in self.outputs)

    def arrays(self):
        found = dict(("out_%d" % i, value) for i, value in enumerate(self.outputs))
        return dict(found, **self.layers)

    def size(self):
        """Bytes of what it gives."""
        return sum(value.nbytes for value in self.arrays().values())

    def dead(self):
        """Return {array: why} of what does not depend on the sample."""
        found = {}
        for key, value in self.arrays().items():
            if value.size and not value.any():
                found[key] = "all zero"
            elif value.ndim and len(value) == len(self.inputs[0]) > 1 and (value == value[:1]).all():
                found[key] = "the same for all samples"
        return found

    def decides(self):
        return any("out_%d" % i not in self.dead() for i in range(len(self.outputs)))


def joined(network, runs):
    """Return one run of all samples, or None where a sample's answer depends on the others beside it."""
    inputs = [np.concatenate(values) for values in zip(*(run.inputs for run in runs))]
    joint = Run(network, [block for run in runs for block in run.blocks], inputs)
    apart = [run.arrays() for run in runs]
    for key, value in joint.arrays().items():
        if any(key not in arrays for arrays in apart):
            return None
        start = 0
        for run, arrays in zip(runs, apart):
            part, start = value[start:start + len(run.inputs[0])], start + len(run.inputs[0])
            if part.shape != arrays[key].shape or not np.allclose(
                    part, arrays[key], rtol=1e-3, atol=1e-4 * float(np.abs(arrays[key]).max() if part.size else 0)):
                return None
    return joint


def run_scales(network, options):
    """Return (run, why it is this one, notes)."""
    if options.inputs:
        inputs = given_inputs(network, options.inputs)
        return Run(network, [("given", len(inputs[0]))], inputs), "given", []
    random, notes, runs, refused = np.random.RandomState(options.seed), [], [], None
    tokens = all(source.rows is not None for source in network.sources)
    for scale in (("tokens",) if tokens else SCALES + (LAST_RESORT,) + SMALL):
        if (scale == LAST_RESORT and any(run.decides() for run in runs)) or (scale in SMALL and runs):
            continue
        inputs = [draw(source, scale, options, random) for source in network.sources]
        try:
            run = Run(network, [(scale, len(inputs[0]))], inputs)
        except Refused as error:
            notes, refused = notes + ["at inputs of scale %s: %s: left out" % (scale, error)], error
            continue
        runs += [run] if run.finite() else []
        if run.finite() and run.decides() and run.size() > LARGE:
            return run, "large", ["its layers give %d MB: only inputs of scale %s are kept" % (run.size() >> 20, scale)]
        notes += [] if run.finite() else ["at inputs of scale %s an output is not finite: left out" % scale]
    if not runs and refused and options.samples == 1:
        options.samples = 2  # of one sample alone Keras' CTC loses the axis
        return run_scales(network, options)
    if not runs and refused:
        raise refused
    if not runs:
        raise Refused("at every scale of inputs the model answers with numbers that are not finite; give --inputs")
    if len(runs) == 1:
        return runs[0], "only", notes
    apart = all(source.shape[0] is None and not source.is_sparse for source in network.sources)
    joint = joined(network, runs) if apart else None
    if joint is not None:
        return joint, "all, in one batch", notes
    best = min(runs, key=lambda run: (not run.decides(), len(run.dead())))
    notes.append("samples of one batch may depend on each other: only inputs of scale %s are kept" % best.blocks[0][0])
    return best, "fewest dead layers", notes

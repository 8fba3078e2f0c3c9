"""What follows from a repository's files: interpreter, date, Keras, backend and ordering, each with its reasons.

A file that the model's Keras wrote is believed before the code, the code before what is stated, that before the date.
"""

import re
from collections.abc import Iterable, Mapping

from reprise_kit.apps.adopt import keras_names, keras_version
from reprise_kit.apps.adopt.checkpoints import Architecture, Checkpoint
from reprise_kit.apps.adopt.findings import Findings
from reprise_kit.compare import facts
from reprise_kit.compare.errors import InputError

# What only one Python has: names that a program uses, and modules that it imports.
ONLY_2 = {"xrange", "raw_input", "unicode", "iteritems", "itervalues", "has_key", "basestring", "unichr", "execfile"}
MODULES_2 = {
    "cPickle",
    "urllib2",
    "ConfigParser",
    "Queue",
    "StringIO",
    "cStringIO",
    "Tkinter",
    "HTMLParser",
    "urlparse",
}
MODULES_3 = {"urllib.request", "urllib.parse", "queue", "configparser", "tkinter", "asyncio", "pathlib", "http.server",
             "http.client", "typing", "html.parser"}  # fmt: skip
KERAS_2 = {"Conv1D", "Conv2D", "Conv3D", "MaxPool2D", "Conv2DTranspose", "epochs", "steps_per_epoch",
           "kernel_size", "data_format", "kernel_initializer"}  # fmt: skip
KERAS_1 = {"Convolution1D", "Convolution2D", "nb_epoch", "samples_per_epoch", "border_mode", "output_dim",
           "dim_ordering", "nb_filter", "subsample", "Merge", "merge"}  # fmt: skip
ONE_KERAS = "2020-06-17"  # from Keras 2.4 on it is TensorFlow's
TF_KERAS = "takes Keras from TensorFlow (tf.keras)"
NO_DAY = "9999"
ONLY_3_DAY = "2019-01-01"
# A script's first line, a command, an installer, a wheel: each names the Python, 2 or 3.
RUN_BY = (r"^#!.*python{0}|\bpython{0}\s+(\S+\.py|-m\s)|\bpip{0} install|(ana|mini)conda{0}"
          r"|-(py{0}|cp{0}\d)-\S*\.whl")  # fmt: skip
BACKEND = r"\"backend\"\s*:\s*\"(theano|tensorflow)\""
SAID = re.compile(r"python\s*(?:version\s*)?[=:]*\s*\(?(2\.7|3\.[4-7])", re.I)


def python(seen: Findings, day: str) -> tuple[str, list[str]]:
    """Return "2.7", "3.5" or "3.6", and why; day: of the environment, which decides where nothing else does."""
    if seen.only_2 and not seen.only_3:
        return "2.7", [f"{seen.only_2[0]} does not parse as Python 3"]
    votes = dict.fromkeys(("2.7", "3.5", "3.6"), 0)
    why = []
    for version, weight, line in _python_votes(seen):
        exact = version if version in votes else "3.6" if version > "3.5" else "3.5"
        votes[exact] += weight
        why.append(line)
    three = votes["3.5"] + votes["3.6"]
    if not three and not votes["2.7"] and day >= ONLY_3_DAY:
        return "3.6", [f"nothing tells Python 2 from 3: 3.6, since NumPy's releases left Python 2 on {ONLY_3_DAY}"]
    if not three and not votes["2.7"]:
        return "2.7", ["nothing tells Python 2 from 3: 2.7, as Keras' own tutorials of the time"]
    if votes["2.7"] and three:
        seen.disagreements.append("signs of both Python 2 and 3: " + "; ".join(why[:6]))
    if votes["2.7"] >= three:
        return "2.7", why
    return ("3.6" if votes["3.6"] > votes["3.5"] else "3.5"), why


def _python_votes(seen: Findings) -> Iterable[tuple[str, int, str]]:
    if seen.only_3:
        yield "3.5", 8, f"{seen.only_3[0]} does not parse as Python 2"
    files: list[Checkpoint | Architecture] = [*seen.checkpoints, *seen.architectures]
    for file in files:
        for version in sorted(file.pythons):
            yield version, 8, f"a Lambda in {file.path} was marshalled by Python {version}"
    for name in sorted(seen.words() & ONLY_2):
        yield "2.7", 3, f"the program uses {name}"
    for name in sorted(seen.imported() & MODULES_2):
        yield "2.7", 2, f"the program imports {name}"
    for name in sorted(seen.imported() & MODULES_3):
        yield "3.5", 3, f"the program imports {name}"
    for sign in sorted({sign for module in seen.modules.values() for sign in module.signs}):
        yield "3.5", 2, f"the program has {sign}, as Python 3 means it"
    for version in sorted({kernel[:3] for kernel in seen.kernels.values()}):  # one machine's, however many there are
        of = [path for path, kernel in seen.kernels.items() if kernel.startswith(version)]
        weight = 3 if any(path in seen.modules for path in of) else 2
        yield version, weight, f"{min(of)} has a kernel of Python {seen.kernels[min(of)]}"
    for version, path in _compiled(seen.paths).items():
        yield version, 3, f"{path} was compiled by Python {version}"
    for path, text in seen.texts.items():
        for version in sorted(set(SAID.findall(text)))[:1] if len(set(SAID.findall(text))) == 1 else ():
            yield version, 4, f"{path} says Python {version}"
        for name, version in (("2", "2.7"), ("3", "3.5")):
            if re.search(RUN_BY.format(name), text, re.M):
                yield version, 3, f"{path} runs Python {name}"


def _compiled(paths: Iterable[str]) -> dict[str, str]:
    """By Python, one file that it compiled: of Python 2 beside its source, else in a folder with its name."""
    found: dict[str, str] = {}
    for path in paths:
        named = re.search(r"\.cpython-(\d)(\d)\.pyc$", path)
        if path.endswith(".pyc"):
            found.setdefault(f"{named[1]}.{named[2]}" if named else "2.7", path)
    return found


def date(seen: Findings) -> tuple[str, str]:
    """Return the ISO day of the environment, and why; raises InputError where nothing tells."""
    if seen.asked_keras is None:
        return _shown_date(seen)
    try:
        day, why = _shown_date(seen)
    except InputError:
        day, why = "", ""
    if day >= (facts.keras_day(seen.asked_keras) or ""):
        return day, why
    return _last_day(seen.asked_keras), f"--keras {seen.asked_keras}, which was the newest Keras until then"


def _shown_date(seen: Findings) -> tuple[str, str]:
    # An architecture that records its Keras was written by it on its day, too.
    written = [*(c.path for c in seen.checkpoints), *(a.path for a in seen.architectures if a.version)]
    chosen = next((path for path in written if path in seen.days), None)
    if chosen:
        day = seen.days[chosen]
        newer = keras_2_day(seen, day) or _younger(seen, day)
        if newer and seen.head_day and seen.head_day > day:
            return seen.head_day, f"{newer}, so the day of the newest commit, not of {chosen} ({day})"
        return day, f"the commit that made {chosen} what it is"
    if absent := seen.absent():
        return seen.days[absent], f"the commit that made {absent} what it is, which this copy of the repository lacks"
    if coded := seen.coded():
        return seen.days[coded], f"the newest commit of {coded} (no checkpoint or model with its Keras is under git)"
    if seen.head_day:
        return seen.head_day, "the newest commit (no checkpoint or model with its Keras is under git)"
    for version, reason in keras_version.versions(seen, NO_DAY):
        if facts.keras_day(version):
            return _last_day(version), f"{reason}, which was the newest Keras until then"
    raise InputError("no git history and no Keras version tell the date of the environment; give a git directory, or "
                     "write the version into requirements.txt (Keras==1.1.0)")  # fmt: skip


def _last_day(version: str) -> str:
    """Return the day on which a released Keras was followed by the next."""
    first = facts.keras_day(version) or ""
    days = [day.isoformat() for _, day in facts.load().keras.releases]
    return min((day for day in days if day > first), default=first)


def keras_2_day(seen: Findings, day: str) -> str | None:
    """Say why the program is younger than a day: it is written for Keras 2, and the day is of Keras 1."""
    newer, older = sorted(seen.words() & KERAS_2), seen.words() & KERAS_1
    if wanted := seen.module_of_keras_2():
        newer, older = [wanted], set()
    if day < "2017-03-14" and newer and not older and not any(c.version for c in seen.checkpoints):
        seen.disagreements.append(
            f"the checkpoint is of {day}, before Keras 2, for which the program is written ({', '.join(newer[:3])})"
        )
        return f"the program is written for Keras 2 ({', '.join(newer[:3])})"
    return None


def _younger(seen: Findings, day: str) -> str | None:
    """Say why the program is younger than a day: it uses what only a later Keras has."""
    oldest = facts.load().keras.oldest
    better = keras_names.better(max(facts.keras_of(day) or oldest, oldest, key=facts.numbers), seen.names_of_keras())
    if better is None or (facts.keras_day(better[0]) or "") <= day or any(c.version for c in seen.checkpoints):
        return None
    why = f"the program uses {better[1]}, which no Keras had on {day}"
    seen.disagreements.append(f"the checkpoint is of {day}, but {why}")
    return why


def backend(seen: Findings, version: str) -> tuple[str, list[str]]:
    """Return "theano" or "tensorflow", and why."""
    votes: list[tuple[str, str]] = []
    if named := re.search(r"\bKERAS_BACKEND=(theano|tensorflow)\b", seen.entry):
        votes.append((named[1], f"the entry point sets the backend {named[1]}"))
    for checkpoint in seen.checkpoints:
        if checkpoint.backend in ("theano", "tensorflow"):
            votes.append((str(checkpoint.backend), f"{checkpoint.path} records the backend {checkpoint.backend}"))
        elif checkpoint.arrays and checkpoint.suffixed in (0, checkpoint.arrays) and not checkpoint.legacy:
            name = "tensorflow" if checkpoint.suffixed else "theano"
            ends = "ends" if checkpoint.suffixed else "does not end"
            votes.append((name, f"every weight name of {checkpoint.path} {ends} in ':0', as {name}'s"))
    votes += _backend_of_code(seen)
    newer = facts.numbers(version) >= facts.numbers(facts.load().keras.tensorflow_default)
    default = "tensorflow" if newer else "theano"
    if not votes:
        return default, [f"nothing tells: {default} is the default of Keras {version}"]
    if len({name for name, _ in votes}) > 1:
        seen.disagreements.append("backend: " + "; ".join(line for _, line in votes[:6]) + f": {votes[0][0]} is taken")
    return votes[0][0], [line for name, line in votes if name == votes[0][0]][:4]


def _backend_of_code(seen: Findings) -> Iterable[tuple[str, str]]:
    for path, text in seen.texts.items():
        said = set(re.findall(r"KERAS_BACKEND['\"\]\s]*=\s*['\"]?(theano|tensorflow)", text))
        said = said or set(re.findall(BACKEND, text) if "keras.json" in path else ())
        if len(said) == 1:  # a file that sets both, as one that tests with each, sets none
            yield min(said), f"{path} sets the backend {min(said)}"
    tops = {name.split(".")[0] for name in seen.imported()}
    for name in sorted(tops & {"theano", "tensorflow"}):
        yield name, f"the program imports {name}"
    stated = {row.name.lower().replace("-gpu", ""): row.file for row in seen.requirements if row.binding}
    for name in sorted(stated.keys() & {"theano", "tensorflow"}):
        if len(stated.keys() & {"theano", "tensorflow"}) == 1:
            yield name, f"{stated[name]} asks for {name}"


def _set(texts: Mapping[str, str]) -> tuple[str, list[str]] | None:
    """Return the ordering of images that a text sets, and where."""
    for path, text in texts.items():
        said = re.search(r"image_dim_ordering['\"(\s:]*(th|tf)\b", text)
        if said:
            return said[1], [f"{path} sets image_dim_ordering {said[1]}"]
    return None


def _shown(seen: Findings) -> tuple[str, list[str]] | None:
    """Return the ordering that the program's input shapes show, where they show one."""
    shapes = [shape for module in seen.modules.values() for shape in module.shapes if len(shape) >= 3]
    first = [shape for shape in shapes if shape[-3] in (1, 3) and shape[-1] not in (1, 3)]
    last = [shape for shape in shapes if shape[-1] in (1, 3) and shape[-3] not in (1, 3)]
    if bool(first) == bool(last):
        return None
    value, where = ("th", "first") if first else ("tf", "last")
    return value, [f"the program has an input shape {tuple((first or last)[0])}: channels {where}"]


def ordering(seen: Findings, version: str, name: str) -> tuple[str, list[str]]:
    """Return "th" or "tf", and why; `name` is the backend."""
    files: list[Checkpoint | Architecture] = [*seen.checkpoints, *seen.believed()]
    for path, found in [(file.path, file.orderings) for file in files]:
        if len(found) == 1:
            return min(found), [f"{path} records {min(found)}"]
    words = seen.words()
    for value in ("th", "tf"):
        other = "tf" if value == "th" else "th"
        if f"dim_ordering={value}" in words and f"dim_ordering={other}" not in words:
            return value, [f"the program gives dim_ordering={value}"]
    # What the program itself sets and is given in a file of settings; then its shapes, which prose may be older than.
    set_here = {path: text for path, text in seen.texts.items() if path in seen.modules or path.endswith("keras.json")}
    told = _set(set_here) or _shown(seen) or _set(seen.texts)
    if told:
        return told
    newer = facts.numbers(version) >= facts.numbers(facts.load().keras.tf_ordering_default)
    default = "tf" if newer else "th"
    return default, [f"nothing tells: {default} is the default of Keras {version} (this one on {name})"]


def _makes_with_keras(seen: Findings) -> bool:
    """Whether a program takes from Keras itself what makes a model, and not its callbacks alone."""
    makes = re.compile(r"keras\.(layers|models|engine|applications|Model|Sequential|Input)\b")
    return any(map(makes.match, seen.names_of_keras()))


def refused(seen: Findings, version: str, told: bool, day: str, entries: list[str], foreign: list[str]) -> list[str]:
    """Return why the repository is not gone on with, and what to give instead; [] where it is.

    told: whether more than the day tells the version.
    """
    reasons = []
    oldest = facts.load().keras.oldest
    if facts.numbers(version) < facts.numbers(oldest):
        reasons.append(f"Keras {version} of {day}: older than {oldest}, which no reader here reads; "
                       "give --commit of a later version")  # fmt: skip
    uses = {name.split(".")[0] for name in seen.imported() if not name.startswith("keras.src")}  # as Keras 3 has it
    inside = any(name.startswith(("tensorflow.keras", "tensorflow.python.keras")) for name in seen.imported())
    one = day >= ONE_KERAS and not told
    if entries and ("keras" not in uses or (inside and (one or not _makes_with_keras(seen)))):
        what = TF_KERAS if inside else f"imports no Keras (but {', '.join(foreign) or 'nothing'})"
        reasons.append(f"{entries[0]}: {what}; give --entry with a program that imports keras")
    if not (entries or seen.checkpoints or seen.makers):
        reasons.append("no entry point: nothing here is run by itself; give --entry 'python FILE.py ...'")
    return reasons

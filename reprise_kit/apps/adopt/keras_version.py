"""Which Keras a repository's program runs on, with the reasons.

A file that the model's Keras wrote is believed before the code, the code before what is stated, that before the date.
"""

from collections.abc import Collection, Iterable

from packaging.specifiers import SpecifierSet

from reprise_kit.apps.adopt import keras_names
from reprise_kit.apps.adopt.findings import Findings
from reprise_kit.compare import facts

LAST_BEFORE_1 = "0.3.3"


def _before_1(day: str) -> str:
    """Return the newest Keras before 1.0 of a day, of one before the oldest that is known that one."""
    oldest = facts.load().keras.oldest
    return min(max(facts.keras_of(day) or oldest, oldest, key=facts.numbers), LAST_BEFORE_1, key=facts.numbers)


def versions(seen: Findings, day: str) -> Iterable[tuple[str, str]]:
    """Yield Keras versions from the files on, with where each is written; day: what a form without a version is of."""
    for checkpoint in seen.checkpoints:
        if checkpoint.version:
            yield checkpoint.version, f"{checkpoint.path} records keras_version {checkpoint.version}"
    for architecture in seen.believed():
        if architecture.version:
            yield architecture.version, f"{architecture.path} records keras_version {architecture.version}"
    for architecture in seen.believed():
        if architecture.before_1:
            yield _before_1(day), f"{architecture.path} has the form of Keras before 1.0"
    if stated := seen.stated("keras"):
        spec, file = stated
        said = str(spec).removeprefix("==")
        version = _nearest([v for v in _known() if v in spec], day) or said
        is_day = version == facts.keras_of(day) and version != said  # a bound, which says no more than the day does
        if not is_day and not (seen.module_of_keras_2() and version.startswith(("0.", "1."))):
            yield version, f"{file} states Keras {said}" + (f": {version} is taken" if version != said else "")


def _known() -> list[str]:
    return [version for version, _ in facts.load().keras.releases]


def _nearest(versions: Collection[str], day: str) -> str | None:
    """Return the newest of some releases of Keras on a day, else the first after it; None of none."""
    days = {v: facts.keras_day(v) or "" for v in versions}
    there = [v for v in versions if days[v] <= day]
    return max(there, key=facts.numbers) if there else min(versions, key=facts.numbers, default=None)


def keras(seen: Findings, day: str) -> tuple[str | None, list[str]]:
    """Return the Keras version, None where only the date tells, and why; a file's version beats what is stated."""
    found = list(versions(seen, day))
    if seen.asked_keras is not None:
        seen.disagreements.extend(f"{reason}, but --keras {seen.asked_keras} is taken" for version, reason in found
                                  if version != seen.asked_keras)  # fmt: skip
        return seen.asked_keras, [f"--keras {seen.asked_keras}"]
    exact = [(version, reason) for version, reason in found if facts.keras_day(version) or _is_unread(version)]
    recorded = [row for row in exact if "records" in row[1]]
    if exact:
        version, reason = max(recorded or exact[:1], key=lambda row: facts.numbers(row[0]))
        others = sorted({v for v, _ in found} - {version})
        if others:
            said = "; ".join(r for v, r in found if v in others)
            seen.disagreements.append(f"{reason}, but {said}: {version} is taken")
    else:
        version, reason = facts.keras_of(day) or "", ""
    is_of_file = reason and " states " not in reason
    if not is_of_file and (coded := _of_names(seen, version)):
        if reason:
            seen.disagreements.append(f"{reason}, but {coded[1]}: {coded[0]} is taken")
        return coded[0], [coded[1]]
    if reason:
        return version, [reason]
    return None, [f"nothing states it: {version} was the newest on {day}", *(f"{r}, no release" for _, r in found)]


def _is_unread(version: str) -> bool:
    """Whether it is of before the oldest that is known here, and so is refused."""
    return facts.numbers(version) < facts.numbers(facts.load().keras.oldest)


def fitting(seen: Findings, day: str) -> tuple[str, list[str]] | None:
    """Return the Keras of a day that runs on the TensorFlow that is stated, and why; None where the newest does."""
    stated = seen.stated("tensorflow")
    newest = facts.keras_of(day)
    version = str(stated[0]).removeprefix("==").removesuffix(".*") if stated else ""  # a bound is no number
    if newest is None or stated is None or not version.replace(".", "").isdigit() or _runs_on(newest, version):
        return None
    found = _nearest([v for v in _known() if facts.numbers(v) < facts.numbers(newest) and _runs_on(v, version)], day)
    why = f"{stated[1]} states TensorFlow {version}, on which Keras {newest}, the newest of {day}, does not run"
    return (found, [why]) if found else None


def _runs_on(keras: str, tensorflow: str) -> bool:
    specs = [fit.spec for fit in facts.fits_of(keras) if fit.package == "tensorflow"]
    return all(SpecifierSet(spec).contains(tensorflow) for spec in specs)


def _of_names(seen: Findings, version: str) -> tuple[str, str] | None:
    """Return the release that has what the program uses of Keras, and why, where this one lacks some of it."""
    if (better := keras_names.better(version, seen.names_of_keras())) is None:
        return None
    return better[0], f"the program uses {better[1]}, which Keras {better[0]} has and {version} has not"

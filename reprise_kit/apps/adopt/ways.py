"""The ways to see a repository's model, in the order in which they are tried: its program first, its functions last."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from reprise_kit.apps.adopt import captured, run
from reprise_kit.apps.adopt.evidence import Evidence


@dataclass(frozen=True)
class Ways:
    """program: the chosen entry point, "" where there is none; found: what else there is; out: where a run writes."""

    program: run.Program
    found: Evidence
    out: Path
    say: Callable[[str], None]

    def first_that_shows_a_model(self) -> run.Ran:
        """Run the entry point; where it shows no model another, else open the files of weights in its Keras.

        Then what a program only built counts, one that trains too: with the file of weights that fits it, else with
        the weights that it began with. Last of all its functions that make a model are called by themselves, and the
        scripts that call them are run a statement at a time. Without an entry point that is all. Raises NothingSeen, of
        the first way, where none shows a model.
        """
        problems: dict[str, run.NothingSeen] = {}
        for way in self._all():
            try:
                ran = way()
                return replace(ran, notes=(*(f"first {line.removeprefix('run: ')}" for line in problems), *ran.notes))
            except run.NothingSeen as error:
                if str(error) not in problems:
                    self.say(str(error))
                problems[str(error)] = error
        raise next(iter(problems.values()))

    def _all(self) -> Iterator[Callable[[], run.Ran]]:
        program, found = self.program, self.found
        entries = [entry for entry in (program.entry, *found.alternatives) if entry]
        yield from (partial(self._run, replace(program, entry=entry)) for entry in entries)
        yield partial(self._open_files, program)
        built = replace(program, built=True, weights=tuple(found.checkpoints[: captured.MODELS]))
        yield from (partial(self._run, replace(built, entry=entry)) for entry in (*entries, *found.builders))
        yield partial(self._open_files, built)
        for paths in filter(None, (found.makers, found.callers)):
            yield partial(self._run, replace(built, entry=run.making(paths), display=False))

    def _run(self, program: run.Program) -> run.Ran:
        program = replace(program, routes=tuple(self.found.servers.get(program.entry, ())))
        how = "UNBOXED" if program.unboxed else "boxed"
        begins = "of a file that fits, else those that it begins with" if program.weights else "that it begins with"
        also = f"; what it builds counts, with the weights {begins}" if program.built else ""
        asked = "; its routes are asked by a stand-in for its client" if program.is_asked else ""
        self.say(f"run: {run.in_words(program.entry)} ({how}, at most {program.limits.seconds:g} s{also}{asked})")
        return run.run(program, self.out)

    def _open_files(self, program: run.Program) -> run.Ran:
        """Open the files of weights without the program; where only what is built counts, the architectures."""
        found = self.found
        if program.built:
            what, weights, architectures = "architectures", [], found.architectures[: captured.MODELS]
        else:
            what, weights, architectures = "files of weights", found.checkpoints[: captured.MODELS], found.architectures
        if not (weights or (program.built and architectures)):
            raise run.NothingSeen(f"run: there are no {what} in it either")
        self.say(f"run: its {what} are opened in its Keras, without its program")
        return run.run(replace(program, entry=run.opening(weights, architectures), display=False), self.out, "open.log")

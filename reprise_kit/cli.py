"""The command line: every sub-command by name; how a run begins, and how it ends whatever happens."""

import atexit
import io
import locale
import logging
import os
import signal
import sys
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, NoReturn

import click
import platformdirs

from reprise_kit.command_line import answering, comparing, learning, migrating, own
from reprise_kit.compare.errors import InputError, Terminated, UnforeseenError
from reprise_kit.compare.fetch import cache
from reprise_kit.compare.scratch import scratch
from reprise_kit.compare.shown import say
from reprise_kit.compare.walk import may_be_written

LONGEST = 1000  # characters of the line that a command ends with
LATER_SECONDS = 0.05


@contextmanager
def _read_no_more() -> Iterator[None]:
    """`reprise ... | head`: whoever reads has read enough; click's own code for it is 1, a difference."""
    try:
        yield
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.exit(128 + signal.SIGPIPE)


class Group(click.Group):
    """The commands."""

    def make_context(self, *arguments: Any, **options: Any) -> click.Context:
        """As click's own, which prints help in it."""
        with _read_no_more():
            return super().make_context(*arguments, **options)

    def invoke(self, ctx: click.Context) -> Any:
        """As click's own."""
        with _read_no_more():
            return super().invoke(ctx)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List every command with the whole first sentence of what it does; click would cut it to a line."""
        rows = [(name, command.get_short_help_str(limit=1000)) for name, command in sorted(self.commands.items())]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="reprise-kit", prog_name="reprise")
@click.pass_context
def cli(context: click.Context) -> None:
    """Run an old deep-learning system as it was, a modern port beside it, and prove that both agree."""
    if context.obj and context.invoked_subcommand != "doctor":  # which tells what the user's settings lead to
        _own_keras()
    _own_matplotlib()


COMMANDS = (
    (comparing.compare_command, comparing.trace, comparing.diff),
    (comparing.fetch, comparing.systems, comparing.record, comparing.doctor),
    (answering.predict, answering.status, answering.features, answering.serve),
    (migrating.inspect, migrating.migrate, migrating.adopt),
    (own.new_system, own.check_system),
    (learning.dataset, learning.train, learning.filters),
    (learning.training_parity, learning.evaluate, learning.playlist),
)
for _command in chain.from_iterable(COMMANDS):
    cli.add_command(_command)


@cli.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print what makes a shell complete this command's words.

    \b
    bash: reprise completion bash >> ~/.bashrc
    zsh:  reprise completion zsh >> ~/.zshrc
    fish: reprise completion fish > ~/.config/fish/completions/reprise.fish
    """
    from click.shell_completion import get_completion_class

    complete = get_completion_class(shell)
    assert complete is not None
    click.echo(complete(cli, {}, "reprise", "_REPRISE_COMPLETE").source())


def _own_keras() -> None:
    """Have Keras 3 run on TensorFlow with its own defaults: a user's settings are those of an old Keras as often.

    Its keras.json would decide what is written and computed (floatx, the order of an image's axes), or end the command.
    """
    for name in [name for name in os.environ if name.startswith("KERAS_")]:
        del os.environ[name]
    os.environ |= {"KERAS_BACKEND": "tensorflow", "KERAS_HOME": os.devnull}  # in which nothing is read or written


def _own_matplotlib() -> None:
    """Have matplotlib, which Keras imports, say nothing and choose no window, wherever its folders cannot be written.

    Those of a home that is read only would be in its warnings, and in a trace where its own temporary one, which is in
    this run's, has gone.
    """
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    os.environ["MPLBACKEND"] = "Agg"
    with suppress(InputError, RuntimeError):  # a user without a home
        named = os.environ.get("MPLCONFIGDIR")
        base = platformdirs.PlatformDirs("matplotlib")
        theirs = [Path(named)] if named else [base.user_config_path, base.user_cache_path]
        if all(map(may_be_written, theirs)):
            return
        if may_be_written(ours := cache() / "matplotlib"):
            os.environ["MPLCONFIGDIR"] = str(ours.absolute())
            return
    with suppress(FileNotFoundError):  # no folder for temporary files either
        os.environ["MPLCONFIGDIR"] = str(Path(tempfile.gettempdir()) / "matplotlib")


_told: list[BaseException] = []  # to end, by a signal


def _terminated(number: int, frame: Any) -> NoReturn:
    say("reprise: terminated", error=True)
    _told.append(Terminated(128 + number))
    raise _told[0]  # what is half-written is cleaned up on the way out


def _ended(why: Terminated, number: int, frame: Any) -> NoReturn:
    raise why


def _in_utf8() -> None:
    """Begin again in UTF-8 where the locale has another encoding: what is read and written must not depend on it."""
    if sys.flags.utf8_mode or locale.getencoding().lower() in ("utf-8", "utf8"):
        return
    os.environ["PYTHONUTF8"] = "1"
    os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])


def _interrupted(process: int, number: int, frame: Any) -> NoReturn:
    if os.getpid() != process:  # a child that is not yet the program that it will be
        os._exit(130)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # once: a second one would break into the cleaning up
    _told.append(KeyboardInterrupt())
    raise _told[0]


def _interrupt_later(process: int, found: "sys.UnraisableHookArgs") -> None:
    """Stop once more where Ctrl-C, or the word to end, came into code whose exceptions Python drops: a destructor's."""
    if isinstance(found.exc_value, Terminated):
        signal.signal(signal.SIGALRM, partial(_ended, found.exc_value))
    elif isinstance(found.exc_value, KeyboardInterrupt):
        signal.signal(signal.SIGALRM, partial(_interrupted, process))
    else:
        sys.__unraisablehook__(found)
        return
    signal.setitimer(signal.ITIMER_REAL, LATER_SECONDS)


def _leave(decided: list[int]) -> None:
    """End with the exit code that was decided, if any.

    Python's own end has none after an interrupt in code in a string, and where a library aborts.
    """
    if decided:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError, AttributeError):  # nobody reads it any more, or it was never open
                stream.flush()
        os._exit(decided[0])


def main(alone: bool = False) -> None:
    """Run the command line; bad input is one line and exit code 2, the unforeseen one and 70, Ctrl-C one and 130.

    alone: the process does nothing else, and ends before its libraries do: threads that one still had, abort it.
    """
    _in_utf8()
    decided: list[int] = []  # the exit code, once it is known
    atexit.register(_leave, decided)  # first, so that it comes after whatever else is done at the end
    signal.signal(signal.SIGINT, partial(_interrupted, os.getpid()))
    sys.unraisablehook = partial(_interrupt_later, os.getpid())
    try:
        with scratch():
            _main(alone)
    except (click.Abort, KeyboardInterrupt):
        say("reprise: stopped", error=True)
        decided.append(130)
        sys.exit(130)
    except SystemExit as ended:
        if alone and isinstance(ended.code, int):
            decided.append(ended.code)
        raise
    else:
        decided += [0] if alone else []
    finally:
        atexit.register(signal.signal, signal.SIGINT, signal.SIG_IGN)  # what is left is Python's own end


def _main(alone: bool) -> None:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow's start-up chatter would bury our one line
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # By lines: what a full disk does not take is told while there is a command to fail.
            stream.reconfigure(errors="backslashreplace", line_buffering=True)
    signal.signal(signal.SIGTERM, _terminated)
    try:
        cli.main(standalone_mode=False, prog_name="reprise", obj=alone)
    except UnforeseenError as error:
        _end(error, 70)
    except InputError as error:
        _end(error, 2)
    except OSError as error:  # a full disk, a folder that may not be written: nothing of ours is half-written
        _end(f"{error.strerror or error}: {error.filename or 'while writing'}", 2)
    except click.ClickException as error:
        with suppress(OSError):
            error.show()
        sys.exit(2)
    except Terminated:
        raise
    except SystemExit as ended:
        *_, (frame, line) = traceback.walk_tb(ended.__traceback__)
        if frame.f_globals["__name__"].split(".")[0] not in ("reprise_kit", "click"):  # its code is no code of ours
            _end(
                f"{frame.f_code.co_filename}, line {line}: ends the program ({ended.code}), where it must only return",
                2,
            )
        raise


def _end(reason: object, code: int) -> NoReturn:
    if _told:  # a library may put an exception of its own in its place (pybind11 does)
        raise _told[0]
    words = str(reason)  # a name in it may be a stranger's, and as long as that one likes
    words = words if len(words) <= LONGEST else f"{words[: LONGEST // 2]} ... {words[-LONGEST // 2 :]}"
    with suppress(OSError):  # nowhere to say it: the code still tells
        say(f"reprise: {words}", error=True)
    sys.exit(code)

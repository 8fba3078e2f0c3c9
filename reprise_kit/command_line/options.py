"""What the sub-commands share: their options, and how each of them ends."""

import errno
import math
import os
from collections.abc import Callable
from functools import partial, reduce
from pathlib import Path
from typing import Any

import click

from reprise_kit.compare.atomic import refuse_inputs, says_full
from reprise_kit.compare.errors import InputError
from reprise_kit.compare.faults import unforeseen

DEFAULT = "deepsound_crnn"  # as compare/registry.py has it, which is imported only where it is needed


class _Named(click.Path):
    """A path with a name: an empty one, of a shell's variable that is not set, would be the folder that one is in."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value == "":
            self.fail("it is empty; name a file or a folder (the one that you are in is '.')", param, ctx)
        return super().convert(value, param, ctx)


class Finite(click.FloatRange):
    """A number within bounds, which NaN and infinity are not."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the number that was typed; refuses what is none within the bounds."""
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{number} is no finite number.", param, ctx)
        return number


FILE = _Named(path_type=Path)

system_option = click.option("--system", default=DEFAULT, show_default=True, help="Which old system.")
weights_option = click.option(
    "--weights", type=FILE, help="Checkpoint; default: the authors' own where `fetch` brought it, else the kit's."
)
backend_option = click.option(
    "--source-backend",
    type=click.Choice(["theano", "tensorflow"]),
    help="Backend the checkpoint was saved under (default: the system's own): Theano stores its kernels flipped.",
)
decoder_option = click.option(
    "--decoder",
    type=click.Choice(["pyav", "ffmpeg"]),
    help="The port's decoder of sound (default: pyav, beside a live original that original's own ffmpeg).",
)
strict_option = click.option("--strict", is_flag=True, help="Refuse sound that is cut, odd or mislabelled.")
upstream_option = click.option("--upstream", type=FILE, help="Upstream's folder; default: what `fetch` brought.")


def one_side(function: Callable[..., None]) -> Callable[..., None]:
    """Give a command every option that says how a system is run."""
    options = (system_option, weights_option, backend_option, decoder_option, strict_option, upstream_option)
    return reduce(lambda made, option: option(made), reversed(options), function)


class Command(click.Command):
    """A sub-command whose --out is none of the files that it reads."""

    def invoke(self, ctx: click.Context) -> Any:
        """Refuse to write over what is read, then do the command's work; what nobody thought of is one line, too."""
        _refuse_empty(ctx)
        given = [value for name, value in ctx.params.items() if name != "out"]
        values = [value for one in given for value in (one if isinstance(one, tuple) else (one,))]
        read = [value for value in values if isinstance(value, Path)]
        if ctx.params.get("out") is not None:
            refuse_inputs(ctx.params["out"], read)
        try:
            return super().invoke(ctx)
        except (InputError, OSError, click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except KeyboardInterrupt:
            raise click.Abort from None
        except Exception as error:
            if says_full(error):  # TensorFlow's own kind of exception
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(ctx.params.get("out") or "")) from None
            raise unforeseen(error, " ".join([str(ctx.info_name), *map(str, read)])) from None


def _refuse_empty(ctx: click.Context) -> None:
    """Refuse an option or argument that is an empty text, as of a shell's variable that is not set."""
    for param in ctx.command.params:
        value = ctx.params.get(str(param.name))
        if "" in (value if isinstance(value, tuple) else (value,)):
            raise click.BadParameter("it is empty; leave it out, or give what it wants", ctx, param)


command = partial(click.command, cls=Command)

"""The command line: every sub-command in sight, every heavy import inside the one that needs it."""

import sys
from pathlib import Path

import click

from port.errors import InputError

BACKENDS = click.Choice(["theano", "tensorflow"])


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="reprise")
def cli() -> None:
    """Run an old deep-learning system as it was, a modern port beside it, and prove that both agree."""


def main() -> None:
    """Run the command line; bad input is one line on stderr and exit code 2."""
    try:
        cli.main(standalone_mode=False)
    except InputError as error:
        click.echo(f"reprise: {' '.join(str(error).split())}", err=True)
        sys.exit(2)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except click.Abort:
        click.echo("reprise: stopped", err=True)
        sys.exit(130)


if __name__ == "__main__":
    main()

"""The one error a person sees as a single line: what came, what is allowed, what to try."""


class InputError(Exception):
    """Bad input or a missing piece of the machine; the command line prints it on one line and exits with 2."""


class UnforeseenError(InputError):
    """What nobody thought of, in one line that says where its trace is; the command line exits with 70."""


class Terminated(SystemExit):
    """The process was told to end: no end of a module's own, which a system or a check is blamed for."""

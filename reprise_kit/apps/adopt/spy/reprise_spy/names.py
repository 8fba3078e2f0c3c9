"""Python's own names as they were at the start, for `from names import *`: the host may reassign builtins."""
import sys

if sys.version_info[0] == 2:
    import __builtin__ as _all  # never by `builtins`: the package `future` has a module of that name
else:
    import builtins as _all
for _name in dir(_all):
    if not _name.startswith("_"):
        globals()[_name] = getattr(_all, _name)

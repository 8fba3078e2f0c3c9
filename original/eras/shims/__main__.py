"""`python -m shims SCRIPT ARG...`: run SCRIPT as the main program under every shim."""

import os
import runpy
import sys

import shims

if len(sys.argv) < 2:
    sys.exit("usage: python -m shims SCRIPT ARG...")
del sys.argv[0]
sys.path[0] = os.path.dirname(os.path.abspath(sys.argv[0]))
shims.apply()
runpy.run_path(sys.argv[0], run_name="__main__")

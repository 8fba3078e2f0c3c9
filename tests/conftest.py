"""What every test relies on: TensorFlow is quiet, and an interrupt reaches the programs that a test starts."""

import os
import signal

pytest_plugins = ["tests.unboxed"]

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before anything imports it
os.environ["REPRISE_PATIENCE"] = "3600"  # a slow machine's lines would stand among those that tests count
# Where the tests themselves run in the background SIGINT is ignored, and every child would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

"""What every test relies on: TensorFlow is quiet, and an interrupt reaches the programs that a test starts."""

import os
import signal

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before anything imports it
# Where the tests themselves run in the background SIGINT is ignored, and every child would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

"""What every test relies on: TensorFlow is quiet, and an interrupt reaches the programs that a test starts."""

import os
import signal

import pytest

pytest_plugins = ["tests.unboxed"]

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before anything imports it
os.environ["REPRISE_PATIENCE"] = "3600"  # a slow machine's lines would stand among those that tests count
# Where the tests themselves run in the background SIGINT is ignored, and every child would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

TOGETHER = ("docker", "apps/adopt", "apps/demo")  # folders whose tests share an engine, an environment, a server


def pytest_collection_modifyitems(items):
    """With `-n 2` a file's tests stay in one process, and so do those of a folder that shares something slow."""
    for item in items:
        file = item.path.relative_to(item.config.rootpath / "tests").as_posix()
        group = next((folder for folder in TOGETHER if file.startswith(f"{folder}/")), file)
        item.add_marker(pytest.mark.xdist_group(group))
    items.sort(
        key=lambda item: not item.path.is_relative_to(item.config.rootpath / "tests" / "docker")
    )  # longest first

"""Skips that name what is missing, and that fail where the check is required.

`REPRISE_REQUIRE=python27,docker,...` lists what this machine must have: a skip for want of one of them fails.
"""

import os
from typing import NoReturn

import pytest


def required() -> set[str]:
    """What REPRISE_REQUIRE names."""
    return {name.strip() for name in os.environ.get("REPRISE_REQUIRE", "").split(",")}


def require(need: str, reason: str) -> NoReturn:
    """Skip the running test because `need` is missing, or fail it when REPRISE_REQUIRE names `need`."""
    if need in required():
        pytest.fail(f"REPRISE_REQUIRE names {need}, but: {reason}", pytrace=False)
    pytest.skip(f"{need}: {reason}")

"""The images are built once for all container tests; nothing of them runs on afterwards."""

import pytest

from reprise_kit.compare.container_engine import compose_command, engine_problem
from tests.docker import kit as kits
from tests.require import require


@pytest.fixture(scope="session")
def kit():
    problem = engine_problem()
    if problem is None and compose_command() is None:
        problem = "no compose: neither the plugin `docker compose` nor docker-compose"
    if problem:
        require("docker", problem)
    made = kits.make_kit()
    print(f"\nall images built in {made.build():.0f} s")
    yield made
    made.down()
    assert kits.docker("ps", "-aq", "--filter", f"label=com.docker.compose.project={kits.PROJECT}") == ""


@pytest.fixture(scope="session")
def demo(kit):
    """Both demos, up and healthy on loopback."""
    done = kit.compose("up", "-d", "original", "port")
    assert done.returncode == 0, done.stderr
    try:
        print(f"\nhealthy after {kits.wait_healthy('original', 'port'):.0f} s")
        yield kit
    finally:
        kit.down()

"""The same archive on a Ray cluster: rows equal the local engine's, and a lost node costs none."""

import importlib.util
import time
from dataclasses import dataclass

import pytest

from reprise_kit.apps.archive import ray_cluster
from reprise_kit.apps.archive.archive import Job
from tests.apps.archive.test_archive import make_folder, real_job, rows_of, run_stub, stub_folder
from tests.require import require

N_CLIPS = 64
NODE = {"num_cpus": 1, "object_store_memory": 100 << 20}


@pytest.fixture
def cluster():
    """Two nodes of one core each; the first also holds the driver."""
    if importlib.util.find_spec("ray") is None:
        require("ray", "Ray is not installed (pip install 'reprise-kit[ray]')")
    import ray
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={**NODE, "include_dashboard": False})
    made.second = made.add_node(**NODE)
    made.wait_for_nodes()
    ray.init(address=made.address, log_to_driver=False)
    yield made
    ray.shutdown()
    made.shutdown()


@dataclass(frozen=True)
class SlowJob(Job):
    """The real job, slowed down so that a node is lost while clips are waiting."""

    def open(self):
        answerer = super().open()
        return lambda tasks: time.sleep(0.5 * len(tasks)) or answerer(tasks)

    def identity(self):
        """It answers as the real one."""
        return Job(**vars(self)).identity()


def test_rows_equal_local_ones_with_a_node_killed_and_one_added_in_mid_run(tmp_path, cluster):
    import ray

    folder = make_folder(tmp_path / "clips", N_CLIPS)
    (folder / "text.mp3").write_text("not a song")
    engine, lost = ray_cluster.engine(None), []

    def changing_nodes(job, tasks, workers):
        for k, row in enumerate(engine(SlowJob(**vars(job)), tasks, workers)):
            if k == 0:
                assert len(alive()) == 2
                lost.append(time.monotonic())
                cluster.remove_node(cluster.second, allow_graceful=False)
            if k == N_CLIPS // 4:
                cluster.third = cluster.add_node(**NODE)
            yield row

    def alive():
        return [node for node in ray.nodes() if node["Alive"]]

    bad = run_stub(folder, tmp_path / "ray", engine=changing_nodes, job=real_job())
    assert time.monotonic() - lost[0] > 5, "nearly everything was done when the node was lost"
    assert len(alive()) == 2 and list(bad) == ["text.mp3"]
    run_stub(folder, tmp_path / "local", workers=1, job=real_job())
    assert len(rows_of(tmp_path / "ray")) == N_CLIPS + 1
    assert rows_of(tmp_path / "ray") == rows_of(tmp_path / "local")


def test_a_clip_that_ends_its_worker_is_named_on_a_cluster_too(tmp_path, cluster, monkeypatch):
    monkeypatch.setattr(ray_cluster, "LOSSES", 1)  # each begins a worker, which imports TensorFlow
    folder = stub_folder(tmp_path / "clips", ["a", "die", "c"])
    bad = run_stub(folder, tmp_path / "out", engine=ray_cluster.engine(None))
    assert list(bad) == ["001.wav"] and "worker that read it died" in bad["001.wav"]
    assert len(rows_of(tmp_path / "out")) == 3

"""The same archive on a Ray cluster: rows equal the local engine's, and a lost node costs none."""

import importlib.util
import time

import pyarrow.parquet as pq
import pytest

from reprise_kit.apps.archive import local, ray_cluster
from reprise_kit.apps.archive.archive import Archive, Job
from tests.apps.archive.test_archive import make_folder, real_job, rows_of
from tests.require import require

N_CLIPS = 64


@pytest.fixture
def cluster():
    """Two nodes of one core each; the first also holds the driver."""
    if importlib.util.find_spec("ray") is None:
        require("ray", "Ray is not installed (pip install 'reprise-kit[ray]')")
    import ray
    from ray.cluster_utils import Cluster

    node = {"num_cpus": 1, "object_store_memory": 100 << 20}
    made = Cluster(initialize_head=True, head_node_args={**node, "include_dashboard": False})
    made.second = made.add_node(**node)
    made.wait_for_nodes()
    ray.init(address=made.address, log_to_driver=False)
    yield made
    ray.shutdown()
    made.shutdown()


def test_rows_equal_local_ones_with_a_node_killed_in_mid_run(tmp_path, cluster):
    import ray

    folder = make_folder(tmp_path / "clips", N_CLIPS)
    (folder / "text.mp3").write_text("not a song")
    files = sorted(path for path in folder.rglob("*.*"))
    engine, kept, lost = ray_cluster.engine(None), [], []

    class SlowJob(Job):
        """The real job, slowed down so that the node is lost while clips are waiting."""

        def open(self):
            answerer = super().open()
            return lambda tasks: time.sleep(0.5 * len(tasks)) or answerer(tasks)

    def losing_a_node(job, tasks, workers):
        for row in engine(SlowJob(**vars(job)), tasks, workers):
            kept.append(row)
            if len(kept) == 1:
                assert len([n for n in ray.nodes() if n["Alive"]]) == 2
                lost.append(time.monotonic())
                cluster.remove_node(cluster.second, allow_graceful=False)
            yield row

    out, by_local = tmp_path / "ray.parquet", tmp_path / "local.parquet"
    unreadable = Archive(folder, out, real_job()).run(files, losing_a_node, 2, lambda n: None)
    assert time.monotonic() - lost[0] > 5, "nearly everything was done when the node was lost"
    assert len([n for n in ray.nodes() if n["Alive"]]) == 1
    assert list(unreadable) == ["text.mp3"]
    Archive(folder, by_local, real_job()).run(files, local.answer, 1, lambda n: None)
    assert len(rows_of(out)) == N_CLIPS + 1
    assert pq.read_table(out).equals(pq.read_table(by_local))

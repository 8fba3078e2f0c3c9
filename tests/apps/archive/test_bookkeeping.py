"""An archive's run over thousands of files that cost nothing: what it holds, and what it writes."""

from reprise_kit.apps.archive import archive
from reprise_kit.apps.archive.archive import Job
from reprise_kit.apps.archive.dataset import TABLES, Dataset
from reprise_kit.apps.archive.status import Status
from reprise_kit.apps.archive.stores import FolderStore
from tests.bench import scale


def test_a_stretch_of_copies_is_written_as_it_goes(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "PART_ROWS", 50)
    held, n = [], 1000
    job = Job("stub", __file__, "theano", {}, ("a",) * scale.LABELS)
    dataset = Dataset(FolderStore(tmp_path), job.identity())
    run = archive.Archive(scale.source(n, copies=n // 2), dataset, Status(dataset.store, "", None, lambda n: None))

    def ahead(job, tasks, workers):
        waiting = []
        for task in tasks:
            held.append(len(run._files))
            waiting.append(task)
            if len(waiting) > 7:
                yield from scale.engine(job, [waiting.pop(0)], 1)
        held.append(len(run._files))
        yield from scale.engine(job, waiting, 1)

    run.run(job, ahead, 1)
    assert max(held) <= 2 * 50
    clips, files = ([row["sha256"] for part in dataset.parts(table) for row in part.to_pylist()] for table in TABLES)
    assert len(set(clips)) == len(clips) == n // 2 and len(files) == n and set(files) == set(clips)

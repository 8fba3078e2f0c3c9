"""What worker processes of any pool do alike."""

import multiprocessing
import os
import threading

DIED = "the worker that read it died: the decoder crashed, or memory ran out"  # a clip's fault, in words


def end_with_parent() -> None:
    """Watch from a thread, and end this worker when its parent ends: one that was killed cannot tell its workers."""
    threading.Thread(target=_wait_and_end, daemon=True).start()


def _wait_and_end() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)

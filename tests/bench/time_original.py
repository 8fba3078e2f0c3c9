# ruff: noqa
"""Python 2.7: the untouched upstream answers clips named on standard input; each answer: CPU and wall seconds."""

from __future__ import print_function

import json
import os
import resource
import sys
import time

upstream, weights, backend, shims_folder = sys.argv[1:]
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
sys.path.insert(0, upstream)
if backend == "tensorflow":
    sys.path.insert(0, shims_folder)
    import shims

    shims.apply()
import genre_recognizer


def cpu():
    """Seconds of this process and of the decoders it started."""
    return sum(
        r.ru_utime + r.ru_stime for r in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


recognizer = genre_recognizer.GenreRecognizer(os.path.join(upstream, "models", "model.yaml"), weights)
print(json.dumps({"ready": True}), file=answers)
answers.flush()
for line in iter(sys.stdin.readline, ""):
    began = cpu(), time.time()
    recognizer.recognize(line.strip())
    print(json.dumps([cpu() - began[0], time.time() - began[1]]), file=answers)
    answers.flush()

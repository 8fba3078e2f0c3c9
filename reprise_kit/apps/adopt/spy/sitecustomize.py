"""A spy on an old Keras: on PYTHONPATH it keeps the models that a program builds, and what they are given and answer.

Python 2.7 to 3.7, Keras 0.3 to 2.3, Theano and TensorFlow; needs nothing that Keras does not. It never raises into
its host, spends less time than the host itself, and writes every file under another name first.

Where REPRISE_SPY_BUILT is set, what was only built is kept too, at the program's end, while it waits, or after
REPRISE_SPY_SECONDS, with the weights of the first file of REPRISE_SPY_WEIGHTS (paths as in PATH) that fits it.
Where REPRISE_SPY_RECORDER is set, the folder of the recorder, what a second process might not build again is recorded
at the program's end, or before it is ended: on drawn inputs, and on what it was taught on.
Where REPRISE_SPY_DRAWN is set, what the program is given is no input of its own.
REPRISE_SPY_OUT, a folder, receives one folder PID-K-S for each state S of the weights of model K:
    architecture.json   as the *code* built it; weights.h5 of that moment, by Keras's own save_weights
    call_J.npz          in_0, ... and, where the model was asked for an answer, out_0, ...
    stand_in.npz, own.npz  what the recorder wrote of it, where it was at it
    about.json          versions, image ordering, what was called, whose input it was, own layers by module
notes.txt               what was seen and could not be kept, a line each
enough                  is there once REPRISE_SPY_PREDICTIONS calls were kept
"""
import atexit
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


def hand_on():
    """Run the sitecustomize that would have been imported without this one."""
    kept, module = list(sys.path), sys.modules.pop("sitecustomize", None)
    Finder.module = module  # Python 2 empties a module that nobody holds
    try:
        sys.path[:] = [place for place in sys.path if os.path.abspath(place or ".") != HERE]
        __import__("sitecustomize")
    except ImportError:
        pass
    finally:
        sys.path[:] = kept
        sys.modules.setdefault("sitecustomize", module)


if os.environ.get("REPRISE_SPY_OUT"):
    from reprise_spy.ending import ended, keep_built
    from reprise_spy.keyboard import sit_down
    from reprise_spy.state import state
    from reprise_spy.watching import Finder

    state()
    atexit.register(ended)
    if os.environ.get("REPRISE_SPY_BUILT"):
        keep_built()
    sys.meta_path.insert(0, Finder())
    sit_down()
    hand_on()

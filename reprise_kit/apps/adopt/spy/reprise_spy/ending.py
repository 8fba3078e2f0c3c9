"""What is kept at the program's end, or once there is no waiting for that."""
import os
import signal
import sys
import threading
import time

from reprise_spy.keeping import dump, is_damaged, is_empty, text_file, variables_of
from reprise_spy.names import *  # noqa: F403
from reprise_spy.state import OUT, enter, guarded, leave, note, state
from reprise_spy.within import is_wanted, record_within

ENOUGH = int(os.environ.get("REPRISE_SPY_PREDICTIONS", "16"))
LAST_CALL = signal.SIGURG  # to the program's main thread, which alone may ask its models; ends nothing where unknown
BUSY, IDLE = 0.05, 8  # of a core: less is waiting; seconds of it after which what was built is kept
LATE = float(os.environ.get("REPRISE_SPY_SECONDS", "inf"))  # since the start
NOT_SEEN = "the program built it and was not seen to load these weights, which fit it in number and shapes"


def ended():
    """The program has ended. Only then is a model asked what that did not: its states and its chance are its own."""
    if os.environ.get("REPRISE_SPY_BUILT"):
        built()
    record_last()


def record_last():
    enter()
    try:
        return record_within()
    finally:
        leave()


def count():
    """One call more was kept. With enough of them the program is ended, and has no end of its own."""
    state().calls += 1
    if state().calls % ENOUGH == 0:  # not at each call from then on: the program goes on as fast as before
        record_last()
        show_enough()


def show_enough():
    text_file(os.path.join(OUT, "enough"), "")


def ended_early(number, frame):
    """Its time is nearly over: what it never asked is asked where it stands, and it goes no further than this."""
    with state().lock:
        if not state().busy:  # in the middle of keeping something: the next second is as good
            ask_and_end()


@guarded
def ask_and_end():
    if record_last():
        show_enough()


def keep_built():
    """From now on keep what was only built while the program waits for somebody, or once most of its time is over.

    A server does not end by itself, and what is ended at its limit has no end of its own.
    """
    if signal.getsignal(LAST_CALL) == signal.SIG_DFL:
        signal.signal(LAST_CALL, ended_early)
        signal.siginterrupt(LAST_CALL, False)  # what waits for a file goes on waiting

    def watch_over():
        before, still = worked(), 0
        while True:
            time.sleep(1)
            try:
                now = worked()
                still = still + 1 if now - before < BUSY else 0
                before = now
                late = time.time() - state().began > LATE
                if still == IDLE or late:  # each second then: models come later, too
                    built()
                if late and any(map(is_wanted, list(state().models))):
                    call_last()
            except:  # noqa: E722  Python 2 has emptied this module: the program ends
                return

    thread = threading.Thread(target=watch_over)
    thread.daemon = True
    thread.start()


def call_last():
    if signal.getsignal(LAST_CALL) is ended_early:
        os.kill(os.getpid(), LAST_CALL)


def worked():
    """Seconds of a core that this process has had, and its children that have ended."""
    return sum(os.times()[:4])


def built():
    """The program ends: what it built and never asked or gave weights is kept as it is, or with weights that fit it."""
    for seen in list(state().models):
        keep_as_built(seen)


@guarded
def keep_as_built(seen):
    if seen.known is None and not is_empty(seen.model) and not is_damaged(seen):
        path = fitting(seen.model)
        dump(seen, "load_weights %s" % path if path else seen.event or "built", [NOT_SEEN] if path else [])


def fitting(model):
    """Load the first of the files of weights whose arrays are those of the model, in number and shapes; its path."""
    backend, variables = sys.modules["keras"].backend, variables_of(model)
    before = [backend.get_value(variable) for variable in variables]
    for path in filter(None, os.environ.get("REPRISE_SPY_WEIGHTS", "").split(os.pathsep) if before else ()):
        enter()
        try:
            model.load_weights(path)
            # Theano's variables take arrays of any shape.
            if [backend.get_value(variable).shape for variable in variables] == [value.shape for value in before]:
                return path
            raise ValueError("its arrays have other shapes")
        except Exception as error:
            note("%s does not fit what the program built: %s" % (path, error))
            backend.batch_set_value(list(zip(variables, before)))
        finally:
            leave()
    return None

"""How much this process has kept, its notes, and the guard around whatever the spy does."""
import functools
import os
import sys
import threading
import time

from reprise_spy.names import *  # noqa: F403

OUT = os.environ.get("REPRISE_SPY_OUT", "")
SHARE = 0.4  # of the time since the start that may be spent here


class State(object):
    """What this process has kept; a forked child begins its own."""

    def __init__(self):
        self.pid, self.lock, self.local = os.getpid(), threading.RLock(), threading.local()
        self.began, self.spent, self.models, self.notes = time.time(), 0.0, [], set()
        self.calls = self.kept = self.busy = 0
        self.drawn = bool(os.environ.get("REPRISE_SPY_DRAWN"))  # whether the host was given data that is not its own


_state = [None]


def state():
    before = _state[0]
    if before is None or before.pid != os.getpid():
        _state[0] = State()
        _state[0].drawn |= before is not None and before.drawn
    return _state[0]


class Seen(object):
    """A model: its number, the number and the weights' hash of its state, that one's folder and how many calls it has.

    heard: whether it was asked something that was kept, whatever the budget. is_only_made: whether it was seen to be
    made, and nothing since. has_answered: whether an answer of this state was kept. event: what was called when it was
    kept last. is_recorded: whether the recorder wrote something of it, tries: how often it was asked to.
    """

    is_only_made = has_answered = is_recorded = False
    event, tries = "", 0

    def __init__(self, model, number):
        self.heard, self.model, self.number, self.index, self.calls = False, model, number, -1, 0
        self.known = self.folder = None


def note(text):
    try:
        if text not in state().notes:
            state().notes.add(text)
            with open(os.path.join(OUT, "notes.txt"), "a") as stream:
                stream.write(text.replace("\n", " ")[:400] + "\n")
    except Exception:
        pass


def note_problem(where):
    """Say what just went wrong and on which line; without `traceback`, which reads files in ways the host may break."""
    try:
        kind, error, place = sys.exc_info()
        while place.tb_next:
            place = place.tb_next
        note("%s: %s: %s (%s:%d)" % (where, kind.__name__, error, place.tb_frame.f_code.co_filename, place.tb_lineno))
    except Exception:
        pass


def guarded(function):
    """Whatever goes wrong in here is noted and never reaches the host; neither does time that the host has not."""
    @functools.wraps(function)
    def call(*arguments):
        began = time.time()
        try:
            with state().lock:
                state().busy += 1
                try:
                    return function(*arguments)
                finally:
                    state().busy -= 1
        except Exception:
            note_problem(function.__name__)
        finally:
            state().spent += time.time() - began
        return None
    return call


def within_budget():
    """The first recording is always made; others while the host has had more time than the spy."""
    now = state()
    return now.kept == 0 or now.spent < SHARE * (time.time() - now.began)


def enter():
    local = state().local
    local.depth = getattr(local, "depth", 0) + 1
    return local.depth == 1


def leave():
    state().local.depth = max(0, getattr(state().local, "depth", 1) - 1)

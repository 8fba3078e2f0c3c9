"""Structure-aware fuzzing of every reader: the syntax is kept; values, types, names, links and repetitions change.

    python -m tests.fuzz FOLDER [--inputs 300000] [--seed 1] [--reader NAME ...]

One input is its reader's name, the seed and a number: the same each time, on every machine. Each is read in a process
with limits and watched (`watch.py`), first without the box, which is quick; what does not end as it should is read
once more as the kit itself reads it, box and all, and judged by that. FOLDER keeps what was done, so that a stopped
run goes on, and the files of what was found, which go into `kept/` when it is mended.
"""

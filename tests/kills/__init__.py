"""Commands stopped at random moments: nothing is lost, nothing comes twice, no file or process is left.

    python -m tests.kills FOLDER [--kills 200] [--interrupts 50] [--seed 1] [--command NAME ...]

A command is begun, stopped by SIGKILL (of itself alone) or SIGINT (of its whole group, as a terminal sends it), looked
at, and begun again in the same place, where it is stopped once more or comes to its end; its answer is then held to
that of a run that nobody disturbed. FOLDER keeps what was done, so that a stopped run goes on. Each command has its
share of the stops; several may be stopped at once in one FOLDER, by runs of other --command.
"""

"""Random legacy-Keras graphs, built in the real old Keras, migrated, compared and, where that fails, shrunk.

A graph's way: draw (a spec, plain JSON) -> old_keras (network, record: files and real outputs) -> migrating (the
written file's predictions beside them) -> report (table, coverage); shrink makes a failure small.
"""

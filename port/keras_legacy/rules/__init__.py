"""One rule for each old class, in a file for each kind of layer, and the graph that joins them.

A new class takes: a function with `@rule("Name")` (`context.py`) in the file of its kind; a new file's name in the
imports of `build.py`; what its arrays are, in `tree.py`; what becomes of a mask, in `masks.py`; its config's keys, in
`config_keys.txt` (made by `tests/port/keras_legacy/family/config_keys.py` from Keras 1 itself) or in
`dialects/keras2_classes.py`; and models of it from the old Keras, in `tests/port/keras_legacy/family`. A layer that
Keras never had, a fork's, is none of these: whoever migrates gives it with `--replace NAME=module:thing`.
"""

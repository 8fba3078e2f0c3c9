"""Keras-1 files in, plain Keras 3 models out."""

"""The DeepSound genre-recognition CRNN of 2016."""

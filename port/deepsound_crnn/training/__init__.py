"""The training side of the CRNN: a corpus to a data set to weights."""

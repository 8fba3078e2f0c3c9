"""Choi's compact music tagger of 2017, whose mel spectrogram is inside the network."""

"""Choi's convolutional-recurrent music tagger of 2016."""

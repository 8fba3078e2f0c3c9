"""Choi's convolutional music tagger of 2016."""

"""Gwardys & Grzywczak 2014: a network that learnt pictures hears spectrograms, and one SVM each. A paper alone."""

"""Choi's features for transfer learning: 160 values of a clip, and a support vector machine on them."""

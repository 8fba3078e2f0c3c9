"""The dialects of Keras before 3: each turns its own files' words into those of Keras 1, which the rules build.

A file of Keras 0.3 or of Keras 2 says what Keras 1 said under other names: `units` is `output_dim`, `kernel` is
`W`. `translated` gives an architecture and weights in Keras 1's words, and `Dialect` the few facts that no word of
Keras 1 holds (how kernels lie in the file, who flips them, which layers are masked how).
"""

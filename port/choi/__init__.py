"""What the systems of Keunwoo Choi's have in common: tags, front end at 12 kHz, convolution blocks, data path."""

import sys

import numpy as np
from network import LENGTH, get_model


def one_hot(text, letters):
    x = np.zeros((1, LENGTH, len(letters)))
    for i, letter in enumerate(text[-LENGTH:]):
        x[0, i, letters.index(letter)] = 1
    return x


if __name__ == '__main__':
    letters = open('alphabet.txt').read().strip('\n')
    model = get_model(len(letters))
    model.load_weights('names.h5')
    text = sys.argv[1].lower()
    for _ in xrange(4):
        text += letters[model.predict(one_hot(text, letters), verbose=0)[0].argmax()]
    print text

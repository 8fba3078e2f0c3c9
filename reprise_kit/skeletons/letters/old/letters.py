# -*- coding: utf-8 -*-
"""The old program: tells the language of a text by its letters. Stands for the original that you want to keep.

    python letters.py WEIGHTS.json          # learns from TEXTS and writes the checkpoint
"""
import io
import json
import math
import sys

LETTERS = u'abcdefghijklmnopqrstuvwxyz'
LANGUAGES = ('english', 'german')
SURE = 100.0  # letters' worth of evidence
TEXTS = {
    'english': u'''It was late when the travellers came down from the hills, and the lamps of the town were already lit.
They asked for a room, for bread and cheese, and for somebody who could tell them which way the road went on.''',
    'german': u'''Es war schon dunkel, als die Wanderer von den Bergen kamen, und im Dorf brannten bereits die Lichter.
Sie fragten nach einem Zimmer, nach Brot und Wein und nach jemandem, der den weiteren Weg beschreiben konnte.''',
}


def count(text):
    return [[line.lower().count(letter) for letter in LETTERS] for line in text.splitlines()]


def share(counts):
    totals = [sum(column) for column in zip(*counts)]
    everything = sum(totals)
    return [float(n) / everything for n in totals]


def score(shares, weights):
    return [SURE * sum(p * w for p, w in zip(shares, weights[language])) for language in LANGUAGES]


def softmax(scores):
    powers = [math.exp(s - max(scores)) for s in scores]
    return [p / sum(powers) for p in powers]


def recognise(path, weights):
    with io.open(path, encoding='utf-8') as handle:
        text = handle.read()
    return softmax(score(share(count(text)), weights))


def train():
    learned = {}
    for language in LANGUAGES:
        totals = [sum(column) + 1.0 for column in zip(*count(TEXTS[language]))]
        learned[language] = [math.log(n / sum(totals)) for n in totals]
    return learned


if __name__ == '__main__':
    with open(sys.argv[1], 'w') as handle:
        json.dump(train(), handle, indent=1, sort_keys=True)

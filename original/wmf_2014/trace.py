# -*- coding: utf-8 -*-
"""Traces the untouched weighted matrix factorisation in Python 2.7: plays in, factors after every half-iteration out.

The given "weights" are settings (settings.json), for upstream has no model file: `wmf.factorize` is called with them,
and its inner function, an argument of it, is stood in for. Upstream forms neither scores nor the objective: both are
written out here as the paper defines them, dense, in double precision.
"""
import json
import os
import sys

import numpy as np
import scipy.sparse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, 'eras'))
import adapter  # noqa: E402


def read(path):
    """The counts, users by songs, ids in order of appearance."""
    users, songs, rows, columns, counts = {}, {}, [], [], []
    with open(path) as handle:
        for line in handle:
            user, song, count = line.rstrip('\r\n').split('\t')
            rows.append(users.setdefault(user, len(users)))
            columns.append(songs.setdefault(song, len(songs)))
            counts.append(float(count))
    return scipy.sparse.csr_matrix((counts, (rows, columns)), (len(users), len(songs)))


def entries(matrix):
    """Row, column and value of every stored entry, (n, 3), by rows and then columns."""
    matrix.sort_indices()
    found = matrix.tocoo()
    return np.stack([found.row, found.col, found.data], 1).astype('float64')


class Original(object):
    """Upstream's module with its settings."""

    def __init__(self, upstream, weights, backend):
        import wmf
        self.upstream = wmf
        with open(weights) as handle:
            self.settings = json.load(handle)

    def surplus(self, counts):
        given = self.settings
        if given['confidence'] == 'linear':
            return self.upstream.linear_surplus_confidence_matrix(counts, given['alpha'])
        return self.upstream.log_surplus_confidence_matrix(counts, given['alpha'], given['epsilon'])

    def trace(self, path):
        counts, given = read(path), self.settings
        surplus, halves = self.surplus(counts), []
        inner = self.upstream.recompute_factors_bias if given['bias'] else self.upstream.recompute_factors

        def tapped(entering, *arguments):
            halves.append((np.array(entering), inner(entering, *arguments)))
            return halves[-1][1]

        np.random.seed(given['seed'])
        users, items = self.upstream.factorize(
            surplus, given['factors'] + given['bias'], given['lambda'], given['iterations'], given['init_std'],
            dtype=str(given['dtype']), recompute_factors=tapped)
        arrays = {'plays': entries(counts), 'confidence': entries(surplus), 'start': halves[0][0]}
        for k, (_, left) in enumerate(halves):
            arrays['%s_%02d' % (('users', 'items')[k % 2], k // 2 + 1)] = left
        arrays['scores'], arrays['objective'] = self.judged(surplus, users.astype('float64'), items.astype('float64'))
        return arrays, {}

    def judged(self, surplus, users, items):
        """Scores, (n_users, n_songs), and the objective with its first term, the weighted squared error."""
        f = self.settings['factors']
        scores = np.dot(users[:, :f], items[:, :f].T)
        if self.settings['bias']:
            scores += users[:, f:] + items[:, f:].T
        dense = surplus.toarray()
        error = np.sum((1 + dense) * ((dense > 0) - scores) ** 2)
        penalty = self.settings['lambda'] * (np.sum(users[:, :f] ** 2) + np.sum(items[:, :f] ** 2))
        return scores, np.array([error + penalty, error])


if __name__ == '__main__':
    sys.exit(adapter.main('wmf_2014', Original))

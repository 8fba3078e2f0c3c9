"""The networks as published, metrics against counting, baselines, neighbours."""

import numpy as np
import pytest

from reprise_kit.compare.errors import InputError
from reprise_kit.port.dieleman_spotify_2014 import baselines, data, filters, front_end, metrics, network, settings
from reprise_kit.port.dieleman_spotify_2014.recommender import nearest
from reprise_kit.port.dieleman_spotify_2014.songs import Songs
from reprise_kit.port.wmf_2014.plays import Plays


def test_the_blogs_lengths_and_parameters() -> None:
    model = network.build("blog")
    assert model.input.shape == (None, 599, 128)
    lengths = [model.get_layer(name).output.shape[1] for name in ("pool_1", "pool_2", "pool_3", "conv_4")]
    assert lengths == [149, 73, 35, 32]
    assert model.get_layer("pooled").output.shape == (None, 1536)
    assert model.get_layer("factors").output.shape == (None, 40)
    assert model.count_params() == 9_393_704


def test_thirty_seconds_are_599_frames_and_two() -> None:
    frames = front_end.log_mel(np.zeros(44100, np.float32), "blog")
    assert frames.shape == (601, 128)
    assert front_end.windows(frames, "blog").shape == (1, 599, 128)
    paper = front_end.windows(front_end.log_mel(np.zeros(44100, np.float32), "nips"), "nips")
    assert paper.shape == (9, 129, 128) and network.build("nips").input.shape == (None, 129, 128)


def test_the_middle_is_heard() -> None:
    samples = np.zeros(16000 * 60, np.float32)
    samples[16000 * 29 : 16000 * 31] = 0.5 * np.sin(np.arange(32000))
    frames = front_end.log_mel(samples, "blog")
    assert frames[290:310].mean() > 10 * frames[:200].mean()


def test_global_pooling() -> None:
    x = np.random.default_rng(0).normal(size=(2, 5, 3)).astype(np.float32)
    found = np.asarray(network.GlobalPooling()(x))
    expected = np.concatenate([x.mean(axis=1), x.max(axis=1), np.sqrt((x**2).mean(axis=1))], axis=1)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_every_setting_says_whose_it_is() -> None:
    for mode, table in settings.TABLES.items():
        assert {row.tag for row in table} == {"published", "ours"} and len({row.name for row in table}) == len(table)
        assert settings.of(mode)["bands"] == 128 and len(settings.saved(mode)) == len(table)


def test_weighted_prediction_error_is_the_sum_over_users() -> None:
    """Against sum c (p - x.y)^2 written out, less the constant sum c p^2."""
    random = np.random.default_rng(1)
    users, said = random.normal(size=(6, 4)), random.normal(size=(3, 4)).astype(np.float32)
    entries = np.array([[0, 0, 2.0], [3, 0, 1.0], [2, 1, 5.0], [5, 2, 0.5], [1, 2, 3.0]])
    surplus = np.zeros((6, 3))
    surplus[entries[:, 0].astype(int), entries[:, 1].astype(int)] = entries[:, 2]
    played = surplus > 0
    whole = np.sum((1 + surplus) * (played - users @ said.T) ** 2 - (1 + surplus) * played, axis=0) / 6
    found = np.asarray(network.weighted_prediction_error(network.pack(users, entries, 3), said))
    np.testing.assert_allclose(found, whole, rtol=1e-5)


def test_auc_and_precision_by_counting() -> None:
    scores = np.array([[3.0, 2.0, 1.0, 0.0], [0.0, 0.0, 1.0, 2.0], [1.0, 1.0, 1.0, 1.0], [9.0, 9.0, 9.0, 9.0]])
    played = np.array([[1, 0, 1, 0], [1, 0, 0, 0], [1, 1, 0, 0], [0, 0, 0, 0]], bool)  # the last played none
    pairs = [
        (s[p][:, None] > s[~p]) + 0.5 * (s[p][:, None] == s[~p]) for s, p in zip(scores[:3], played[:3], strict=True)
    ]
    assert metrics.auc(scores, played) == pytest.approx(np.mean([pair.mean() for pair in pairs]))
    assert metrics.mean_average_precision(scores[:1], played[:1]) == pytest.approx((1 + 2 / 3) / 2)
    assert metrics.mean_average_precision(scores[:1], played[:1], cut=1) == 1.0
    perfect = played.astype(float)
    assert metrics.auc(perfect, played) == 1 and metrics.auc(-perfect, played) == 0
    assert metrics.mean_average_precision(perfect, played) == 1


def test_neighbours_by_cosine() -> None:
    others = np.array([[0.0, 9.0], [1.0, 0.1], [5.0, 0.0], [-1.0, 0.0]])
    assert nearest(np.array([2.0, 0.0]), others, 3).tolist() == [2, 1, 0]


def test_words_of_sounds_tell_them_apart() -> None:
    random = np.random.default_rng(2)
    kinds = np.arange(20) % 2
    songs = [random.normal(size=(60, 128)) + 3 * np.cos(np.arange(128) * (0.1 if kind else 0.4)) for kind in kinds]
    learned, held = np.arange(12), np.arange(12, 16)
    counted = baselines.words(songs, learned, seed=0)
    said = baselines.linear(counted, np.eye(2)[kinds], learned, held)
    assert (said[16:].argmax(axis=1) == kinds[16:]).all()


def test_the_penalty_is_chosen_by_the_songs_held() -> None:
    """Of what says nothing, little is said (2 with the least penalty); what says all is believed."""
    random = np.random.default_rng(6)
    learned, held = np.arange(30), np.arange(30, 60)
    noise, y = random.normal(size=(60, 40)), random.normal(size=(60, 2))
    assert np.abs(baselines.linear(noise, y, learned, held) - y[learned].mean(axis=0)).max() < 0.3
    found = baselines.linear(np.column_stack([noise[:, :3], 5 * y]), y, learned, held)
    assert np.abs(found - y).max() < 0.3


def test_no_group_is_on_two_sides_of_the_split() -> None:
    groups = np.repeat(np.arange(20), 3)
    given = Songs(Plays((), tuple(map(str, groups)), np.zeros((0, 3))), (), groups)
    parts = data.split(given, seed=5)
    sides = [set(groups[rows]) for rows in (parts.train, parts.val, parts.test)]
    assert not (sides[0] & sides[1] or sides[0] & sides[2] or sides[1] & sides[2])
    assert sum(map(len, (parts.train, parts.val, parts.test))) == 60
    with pytest.raises(InputError, match="too few"):
        data.split(Songs(given.plays, (), np.zeros(60, int)), seed=5)


def test_all_filters_in_one_picture() -> None:
    kernel = np.zeros((4, 128, 256), np.float32)
    kernel[1, 0, 65] = 2.0  # the lowest band, in the second row and column
    found = filters.picture(kernel)
    assert found.shape == (4 * 130, 64 * 6) and np.argwhere(found).tolist() == [[130 + 127, 6 + 1]]

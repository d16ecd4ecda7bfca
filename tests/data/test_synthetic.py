"""Synthetic sets against their definitions."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import make_circles

from wellposed.data.synthetic import (
    EDGE_WAVES,
    OUTSIDE_WAVES,
    WAVE_TIMES,
    blobs,
    circles,
    gaussian_quantiles,
    rings,
    sinewaves,
    wave_frame,
)
from wellposed.errors import DataError


def test_circles_are_those_of_scikit_learn() -> None:
    points, labels = make_circles(450, noise=0.12, random_state=3)
    frame = circles(seed=3)
    np.testing.assert_array_equal(frame[["x1", "x2"]], points)
    np.testing.assert_array_equal(frame["class"], labels)


def test_gaussian_quantiles_are_cut_at_the_median_radius() -> None:
    frame = gaussian_quantiles(200)
    radius = np.hypot(frame["x1"], frame["x2"])
    assert radius[frame["class"] == 0].max() < radius[frame["class"] == 1].min()
    assert frame["class"].mean() == 0.5


def test_blobs_lie_where_they_should_and_are_sorted() -> None:
    frame = blobs(2000)
    assert frame["class"].is_monotonic_increasing
    means = frame.groupby("class")[["x1", "x2"]].mean().to_numpy()
    np.testing.assert_allclose(means, [[-2, -2], [2, 2]], atol=0.15)
    np.testing.assert_allclose(frame.groupby("class")[["x1", "x2"]].std().to_numpy(), 1.0, atol=0.1)


def test_rings_surround_a_cluster_with_evenly_spaced_angles() -> None:
    frame = rings(600)
    assert frame["class"].tolist() == [0] * 300 + [1] * 300
    ring = rings(600, noise=0.0)[300:]
    np.testing.assert_allclose(np.hypot(ring["x1"], ring["x2"]), 5.0)
    angles = np.unwrap(np.arctan2(ring["x2"], ring["x1"]))
    np.testing.assert_allclose(np.diff(angles), 2 * np.pi / 300)


def test_sinewaves_follow_their_formula() -> None:
    frame = sinewaves(5, seed=2)
    assert frame.shape == (5, 1004)
    a, b, c, d = frame.loc[3, ["a", "b", "c", "d"]].to_numpy()
    expected = a * np.sin(b * WAVE_TIMES) + c * np.cos(d * WAVE_TIMES)
    np.testing.assert_allclose(frame.iloc[3, :1000].to_numpy(dtype=float), expected)
    assert WAVE_TIMES[0] == 0.0
    assert WAVE_TIMES[-1] == pytest.approx(10 * np.pi)
    assert ((frame[["a", "b", "c", "d"]] >= 0) & (frame[["a", "b", "c", "d"]] <= 1)).all(axis=None)


def test_the_nine_further_waves() -> None:
    frame = wave_frame(np.concatenate([EDGE_WAVES, OUTSIDE_WAVES]))
    assert frame.shape == (9, 1004)
    assert (frame.iloc[0, :1000] == 0).all()


def test_too_few_rows_are_refused() -> None:
    with pytest.raises(DataError, match=r"^a synthetic data set needs at least 2 rows, got 1\. Ask for more\.$"):
        circles(1)

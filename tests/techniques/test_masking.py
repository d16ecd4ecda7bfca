"""Feature masking: which cells change, together with which, and where their new values come from."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from wellposed.network.randomness import Rng, study_key
from wellposed.techniques.base import Batch, Context, Own
from wellposed.techniques.masking import FeatureMasking

ROWS, REAL, GROUPS = 40, 33, ((0,), (1, 3), (2,))


@pytest.fixture
def table() -> Batch:
    """Every cell has a value of its own, which tells row and column; padding isn't at the end."""
    x = np.arange(ROWS * 4, dtype=np.float32).reshape(ROWS, 4)
    mask = np.ones(ROWS, np.float32)
    mask[[3, 10, 20, 21, 30, 35, 39]] = 0.0
    ones = np.ones((ROWS, 1), np.float32)
    return jax.tree.map(jnp.asarray, Batch(x, ones, ones[:, 0], mask, {}))  # type: ignore[arg-type]


@pytest.fixture
def grouped(context: Context) -> Context:
    return dataclasses.replace(context, features=4, feature_groups=GROUPS)


def masked(item: FeatureMasking, context: Context, table: Batch, rng: Rng) -> np.ndarray:
    prepared = item.prepare(context, {"x": np.asarray(table.x), "y": np.asarray(table.y)})
    after = item.augment(table, Own(prepared=jax.tree.map(jnp.asarray, prepared)), rng)
    assert after.y is table.y
    return np.asarray(after.x)


@pytest.mark.parametrize("by", ["row", "mean"])
def test_columns_of_one_source_are_replaced_together(by: str, grouped: Context, table: Batch, rng: Rng):
    before, after = np.asarray(table.x), masked(FeatureMasking(0.5, by), grouped, table, rng)
    changed = after != before
    assert (changed[:, 1] == changed[:, 3]).all()
    assert (changed[:, 0] != changed[:, 1]).any()
    assert (changed[:, 0] != changed[:, 2]).any()
    if by == "mean":
        assert (after[changed] == np.broadcast_to(before.mean(0), before.shape)[changed]).all()
        return
    rows, columns = (after // 4).astype(int), (after % 4).astype(int)
    assert (columns == np.arange(4)).all()
    assert (rows[:, 1] == rows[:, 3]).all()
    assert (np.asarray(table.mask)[rows[changed]] == 1.0).all()
    assert len(set(rows[changed[:, 0], 0])) > 5  # a row of its own for every cell


def test_share_and_common_draws(grouped: Context, table: Batch):
    """The share fits a binomial; what a low rate hides, a higher one hides too, behind the same value."""
    low, high = FeatureMasking(0.1), FeatureMasking(0.4)
    counts, before = 0, np.asarray(table.x)
    for number in range(20):
        rng = Rng(jax.random.fold_in(study_key(0), number))
        few, many = masked(low, grouped, table, rng), masked(high, grouped, table, rng)
        assert (few[few != before] == many[few != before]).all()
        counts += (many != before)[:, 0].sum()
    cells = 20 * ROWS
    assert counts / cells == pytest.approx(0.4, abs=4 * np.sqrt(0.4 * 0.6 / cells))


def test_another_row_is_any_other_row(grouped: Context, table: Batch):
    """A single real row replaces itself; of two, each gets the other's values."""
    for real in (1, 2):
        mask = jnp.zeros(ROWS).at[jnp.asarray([5, 9][:real])].set(1.0)
        rows = masked(FeatureMasking(1.0), grouped, table._replace(mask=mask), Rng(study_key(1)))[:, 0] // 4
        assert [int(rows[5]), int(rows[9])][:real] == ([5] if real == 1 else [9, 5])


def test_without_groups_columns_stand_alone(context: Context, batch: Batch, rng: Rng):
    prepared: Any = FeatureMasking().prepare(context, {"x": np.asarray(batch.x), "y": np.asarray(batch.y)})
    assert prepared["source"].tolist() == [0, 1, 2]
    np.testing.assert_allclose(prepared["mean"], np.asarray(batch.x).mean(0), rtol=1e-6)

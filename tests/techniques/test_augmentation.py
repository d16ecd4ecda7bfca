"""Mixup: shares against SciPy's Beta, partners against the rules for padded rows, mixing against NumPy."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from wellposed.network.randomness import Rng
from wellposed.techniques.augmentation import Mixup, partner_rows, partner_share, share_table
from wellposed.techniques.base import Batch, Context, Own

TABLE = jnp.asarray(share_table())
SHARE = jax.jit(partner_share)


@pytest.mark.parametrize(
    ("alpha", "worst", "mean"),
    [
        (1e-3, 0.5, 3e-3),
        (0.03, 4e-3, 1e-3),
        (0.2, 4e-3, 1e-3),
        (1.0, 2e-4, 2e-4),
        (3.3, 2e-4, 2e-4),
        (32.0, 2e-4, 1e-4),
    ],
)
def test_shares_are_quantiles_of_beta(alpha: float, worst: float, mean: float):
    """The share is min(b, 1 − b): its quantile u is Beta's u / 2."""
    uniform = np.random.default_rng(0).random(4000).astype(np.float32)
    shares = np.asarray(SHARE(TABLE, alpha, jnp.asarray(uniform)))
    error = np.abs(shares - stats.beta(alpha, alpha).ppf(uniform / 2.0))
    assert error.max() <= worst
    assert error.mean() <= mean


def test_shares_grow_with_alpha_from_exactly_zero():
    uniform = jnp.linspace(0.0, 1.0, 101)
    alphas = jnp.asarray([0.0, 0.01, 0.1, 0.5, 1.0, 5.0, 32.0])
    shares = np.asarray(jax.vmap(SHARE, (None, 0, None))(TABLE, alphas, uniform))
    assert (shares[0] == 0.0).all()
    assert (np.diff(shares, axis=0) >= -1e-6).all()
    assert shares.min() >= 0.0
    assert shares.max() <= 0.5


def test_padding_is_never_a_partner():
    mask = jnp.asarray([1, 0, 1, 1, 0, 1, 1], jnp.float32)
    seen = set()
    draws = jax.random.uniform(jax.random.key(0), (30, 7), jnp.float32)
    for partners in np.asarray(jax.jit(jax.vmap(partner_rows, (None, 0)))(mask, draws)):
        assert sorted(partners) == list(range(7))
        assert partners[[1, 4]].tolist() == [1, 4]
        seen.add(tuple(partners))
    assert len(seen) > 20


def test_mixes_rows_targets_and_weights_alike(batch: Batch, context: Context, rng: Rng):
    item = Mixup(1.0)
    own = Own(prepared=TABLE)
    assert (item.prepare(context, {}) == TABLE).all()
    batch = batch._replace(extra={"teacher": 2.0 * batch.y})
    mixed = jax.jit(lambda batch: item.augment(batch, own, rng))(batch)
    share = np.asarray(SHARE(TABLE, 1.0, jax.random.uniform(rng.key("share"), (6,), jnp.float32)))[:, None]
    partner = jax.jit(partner_rows)(batch.mask, jax.random.uniform(rng.key("partner"), (6,), jnp.float32))
    assert (np.asarray(partner)[:4] != np.arange(4)).any()
    for before, after in ((batch.x, mixed.x), (batch.y, mixed.y), (batch.weight[:, None], mixed.weight[:, None])):
        np.testing.assert_allclose(after, (1.0 - share) * before + share * before[partner], atol=1e-6)
    np.testing.assert_allclose(mixed.extra["teacher"], 2.0 * mixed.y, atol=1e-6)
    assert (mixed.x[4:] == batch.x[4:]).all()
    assert (mixed.mask == batch.mask).all()

"""Mixing and erasing: every changed row is traced back to the rows it was made of, and shares are counted again."""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from wellposed.errors import TechniqueError
from wellposed.network.mlp import MLP
from wellposed.network.randomness import Rng, study_key
from wellposed.techniques.base import Batch, Context, Own, Technique
from wellposed.techniques.mixing import CMixup, CutMix, Cutout, ManifoldMixup, region, regions

ROWS = 64
GROUPS = ((0, 1), (2,), (3, 4, 5), (6,))
COLUMNS = np.array([0, 0, 1, 2, 2, 2, 3])
TABLE = Context(7, 1, "regression", ("input", "hidden1", "output"), (7, 4, 1), ROWS, feature_groups=GROUPS)
IMAGE = dataclasses.replace(TABLE, features=48, feature_groups=(), image_shape=(6, 8))


def batch_of(context: Context, real: int = ROWS) -> Batch:
    """Rows of which every value tells its row: row + column / 1000."""
    x = np.arange(ROWS)[:, None] + np.arange(context.features) / 1000
    y = np.random.default_rng(0).normal(size=(ROWS, 1))
    mask = np.arange(ROWS) < real
    return Batch(*(jnp.asarray(a, jnp.float32) for a in (x, y, 1.0 + np.arange(ROWS), mask)), {})


def augmented(item: Technique, context: Context, batch: Batch) -> Batch:
    prepared = jax.tree.map(jnp.asarray, item.prepare(context, {"x": np.asarray(batch.x), "y": np.asarray(batch.y)}))
    return jax.jit(lambda batch: item.augment(batch, Own(prepared=prepared), Rng(study_key(3), "technique")))(batch)


@pytest.mark.parametrize("context", [TABLE, IMAGE], ids=["table", "image"])
def test_cutmix_mixes_targets_by_the_columns_it_took(context: Context):
    batch = batch_of(context, real=50)
    after = augmented(CutMix(0.7), context, batch)
    origin = np.floor(np.asarray(after.x)).astype(int)
    partners = set()
    for row in range(ROWS):
        others = set(origin[row]) - {row}
        assert len(others) <= 1
        share = np.mean(origin[row] != row)
        other = others.pop() if others else row
        expected = (1 - share) * batch.y[row] + share * batch.y[other]
        np.testing.assert_allclose(after.y[row], expected, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(after.weight[row], (1 - share) * (1 + row) + share * (1 + other), rtol=1e-5)
        if other != row:
            partners.add(other)
            assert row < 50
            assert other < 50
    assert len(partners) > 15
    np.testing.assert_allclose(np.asarray(after.x) % 1, np.asarray(batch.x) % 1, atol=1e-5)  # columns stay in place


def test_columns_of_one_source_go_together():
    where = jax.tree.map(jnp.asarray, regions(TABLE))
    part = np.asarray(region(where, jnp.full(4000, 0.3), Rng(study_key(0)), 4000))
    for columns in GROUPS:
        assert (part[:, columns[0]][:, None] == part[:, list(columns)]).all()
    shares = part[:, [group[0] for group in GROUPS]].mean(0)
    np.testing.assert_allclose(shares, 0.3, atol=0.03)
    assert abs(np.corrcoef(part[:, 0], part[:, 2])[0, 1]) < 0.06


def test_images_lose_rectangles():
    """Of the image's proportions: 3 × 4 pixels for a quarter of 6 × 8, unless they hang over the edge."""
    where = jax.tree.map(jnp.asarray, regions(IMAGE))
    part = np.asarray(region(where, jnp.full(500, 0.25), Rng(study_key(0)), 500)).reshape(-1, 6, 8)
    for picture in part:
        rows, columns = np.flatnonzero(picture.any(1)), np.flatnonzero(picture.any(0))
        if len(rows):
            assert picture[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].all()
        assert picture.sum() <= 12
    assert (part.sum((1, 2)) == 12).mean() > 0.2


def test_colour_channels_go_together():
    where = regions(dataclasses.replace(IMAGE, features=6 * 8 * 3, image_shape=(6, 8, 3)))
    assert (where["row"].reshape(6, 8, 3) == where["row"].reshape(6, 8, 3)[..., :1]).all()
    np.testing.assert_allclose(where["column"].reshape(6, 8, 3)[0, :, 0], (np.arange(8) + 0.5) / 8)


def test_cutout_blanks_to_the_mean_of_training_rows():
    batch = batch_of(TABLE)
    after = augmented(Cutout(1.0, 0.4), TABLE, batch)
    changed = np.asarray(after.x != batch.x)
    mean = np.broadcast_to(np.asarray(batch.x).mean(0), changed.shape)
    np.testing.assert_allclose(np.asarray(after.x)[changed], mean[changed], rtol=1e-6)
    assert 0.25 < changed[:, [0, 2, 3, 6]].mean() < 0.55
    assert (after.y == batch.y).all()


@pytest.mark.parametrize(
    "item", [CutMix(0.0), Cutout(0.0, 0.5), CMixup(0.0), ManifoldMixup(0.0)], ids=lambda item: item.name
)
def test_nothing_changes_at_strength_zero(item: Technique):
    batch = batch_of(TABLE)
    after = augmented(item, TABLE, batch)
    for before, now in zip(batch[:4], after[:4], strict=True):
        np.testing.assert_array_equal(before, now)


def test_c_mixup_draws_partners_by_the_normal_kernel():
    """Partners of one row over many keys, against the probabilities of the equation."""
    batch, item = batch_of(TABLE, real=8), CMixup(1.0, 0.7)
    table = jnp.asarray(item.prepare(TABLE, {}))

    def partner_of(key: jax.Array) -> jax.Array:
        after = item.augment(batch, Own(prepared=table), Rng(key, "technique"))
        uniform = jax.random.uniform(Rng(key, "technique").key("share"), (ROWS,), jnp.float32)
        from wellposed.techniques.augmentation import partner_share

        share = partner_share(table, 1.0, uniform)
        return jnp.round((after.x[2, 0] - batch.x[2, 0]) / share[2] + 2)

    found = np.asarray(jax.jit(jax.vmap(partner_of))(jax.random.split(study_key(0), 4000)))
    y = np.asarray(batch.y)[:8, 0]
    expected = np.exp(-((y - y[2]) ** 2) / (2 * 0.7**2))
    expected[2] = 0.0
    counted = np.bincount(found.astype(int), minlength=8) / len(found)
    np.testing.assert_allclose(counted, expected / expected.sum(), atol=0.025)


def test_c_mixup_leaves_padding_and_single_rows_alone():
    for real in (1, 5):
        batch = batch_of(TABLE, real=real)
        after = augmented(CMixup(1.0), TABLE, batch)
        changed = np.flatnonzero(np.asarray(after.x != batch.x).any(1))
        assert set(changed) <= (set(range(real)) if real > 1 else set())
        assert np.isfinite(after.x).all()


def test_c_mixup_refuses_classes(context: Context):
    with pytest.raises(TechniqueError) as error:
        CMixup().check(context)
    assert str(error.value) == "CMixup: the task must be regression, got classification. For classes use Mixup."


def test_manifold_mixup_mixes_values_and_targets_alike():
    """On a linear network mixing at any depth is mixing predictions: those of mixed values fit the mixed targets."""
    network = MLP((4,), activation="linear").build(features=7, outputs=1, output_activation="linear")
    params, state = network.init(study_key(1))
    batch, item = batch_of(TABLE, real=40), ManifoldMixup(1.0)
    own = item.init(TABLE, params, study_key(0))._replace(prepared=jnp.asarray(item.prepare(TABLE, {})))
    depths = set()
    for number in range(8):
        rng = Rng(study_key(number), "ManifoldMixup")

        def logits(hook: bool, rng: Rng = rng) -> np.ndarray:
            def hidden(h: jax.Array, layer: str) -> jax.Array:
                after = item.hidden(h, layer, own, mask=batch.mask, rng=rng, train=hook)
                if hook and bool((after != h).any()):
                    depths.add(layer)
                return after

            applied = network.apply(params, state, batch.x, mask=batch.mask, rng=rng, train=hook, hidden_hook=hidden)
            return np.asarray(applied[0].logits[0])

        before = batch._replace(y=jnp.asarray(logits(False)))
        np.testing.assert_allclose(logits(True), item.augment(before, own, rng).y, rtol=1e-4, atol=1e-4)
    assert depths == {"input", "hidden1"}

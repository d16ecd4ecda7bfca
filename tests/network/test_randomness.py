"""Random keys: the numbers of `jax.random`, and nothing but (seed, owner, draw, layer) in them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from wellposed.network.randomness import Rng, stable_hash, study_key
from wellposed.network.threefry import IMPLEMENTATION


def both(seed):
    return jax.random.key(seed, impl="threefry2x32"), jax.random.key(seed, impl=IMPLEMENTATION)


@pytest.mark.parametrize("seed", [0, 1, 2**31 - 1])
def test_unrolled_threefry_gives_the_bits_of_jax_random(seed):
    with jax.threefry_partitionable(True):
        theirs, ours = both(seed)
        for data in (0, 7, 2**31 - 1):
            a, b = jax.random.fold_in(theirs, data), jax.random.fold_in(ours, data)
            np.testing.assert_array_equal(jax.random.key_data(a), jax.random.key_data(b))
            np.testing.assert_array_equal(jax.random.bits(a, (5, 3)), jax.random.bits(b, (5, 3)))
            np.testing.assert_array_equal(jax.random.uniform(a, (7,)), jax.random.uniform(b, (7,)))
            np.testing.assert_array_equal(jax.random.normal(a, (4,)), jax.random.normal(b, (4,)))
            split = [jax.random.key_data(jax.random.split(key, 3)) for key in (a, b)]
            np.testing.assert_array_equal(*split)


def test_draws_of_a_prefix_do_not_depend_on_the_length():
    key = study_key(3)
    np.testing.assert_array_equal(jax.random.bits(key, (10,))[:4], jax.random.bits(key, (4,)))


def test_keys_depend_on_owner_draw_name_and_layer():
    rng = Rng(study_key(0), "Dropout")
    keys = [
        rng.key("mask", "hidden1"), rng.key("mask", "hidden2"), rng.key("noise", "hidden1"),
        rng.of("GaussianNoise").key("mask", "hidden1"), rng.again(1).key("mask", "hidden1"),
    ]  # fmt: skip
    data = {tuple(np.asarray(jax.random.key_data(key)).tolist()) for key in keys}
    assert len(data) == len(keys)
    again = Rng(study_key(0), "Dropout").key("mask", "hidden1")
    np.testing.assert_array_equal(jax.random.key_data(keys[0]), jax.random.key_data(again))


def test_stable_hash_is_the_same_in_every_process():
    assert stable_hash("Dropout/mask/hidden1/0") == 652194750


def test_vmap_over_keys_equals_a_loop():
    keys = jax.random.split(study_key(1), 3)
    mapped = jax.vmap(lambda key: jax.random.uniform(jax.random.fold_in(key, 5), (4,)))(keys)
    looped = jnp.stack([jax.random.uniform(jax.random.fold_in(key, 5), (4,)) for key in keys])
    np.testing.assert_array_equal(mapped, looped)

"""Shortcuts, random depth, shaken branches and heads, computed again in NumPy from the network's own weights."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from wellposed.errors import TechniqueError
from wellposed.network.mlp import MLP, Network
from wellposed.network.randomness import Rng, study_key
from wellposed.recipe import Recipe
from wellposed.techniques.base import Context, Technique
from wellposed.techniques.structure import KHeads, ShakeDrop, ShakeShake, SkipConnections, StochasticDepth

X = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
MASK = jnp.ones(5)


def context_of(*widths: int) -> Context:
    hidden = tuple(f"hidden{number}" for number in range(1, len(widths) + 1))
    return Context(3, 2, "classification", ("input", *hidden, "output"), (3, *widths, 2), 5)


def built(*widths: int) -> Network:
    return MLP(widths, activation="tanh").build(features=3, outputs=2, output_activation="softmax")


def logits(
    network: Network, params: Any, item: Technique | None = None, *, seed: int = 0, train: bool = True
) -> jax.Array:
    rng = Rng(study_key(seed))
    own = None if item is None else item.init(context_of(*network.widths[:-1]), params, study_key(0))

    def hidden(h: jax.Array, layer: str) -> jax.Array:
        if item is None or own is None:
            return h
        return item.hidden(h, layer, own, mask=MASK, rng=rng.of(type(item).__name__), train=train)

    state = network.init(study_key(0))[1]
    return network.apply(params, state, jnp.asarray(X), mask=MASK, rng=rng, train=train, hidden_hook=hidden)[0].logits


def dense(params: Any, block: str, h: np.ndarray, copy: int | None = None) -> np.ndarray:
    kernel, bias = (np.asarray(params[block]["dense"][name]) for name in ("kernel", "bias"))
    return h @ kernel + bias if copy is None else h @ kernel[copy] + bias[copy]


@pytest.mark.parametrize(
    ("widths", "ends"), [((4, 4), ["hidden2"]), ((3, 4, 4), ["hidden3"]), ((4, 3, 4, 4), ["hidden2", "hidden4"])]
)
def test_skip_connections_add_what_went_before(widths: tuple[int, ...], ends: list[str]):
    network = SkipConnections().network(built(*widths))
    params, _ = network.init(study_key(1))
    h, before = X, {}
    for number in range(1, len(widths) + 1):
        name = f"hidden{number}"
        source, before[name] = h, h
        h = np.tanh(dense(params, name, source))
        if name in ends:
            past = before[f"hidden{number - 1}"]
            kernel = params[name].get("shortcut", {}).get("kernel")
            assert (kernel is None) == (past.shape == h.shape)
            h = h + (past if kernel is None else past @ np.asarray(kernel))
    np.testing.assert_allclose(logits(network, params)[0], dense(params, "output", h), rtol=1e-5, atol=1e-6)


def test_recipes_with_shortcuts_start_from_the_baselines_weights():
    plain, _ = built(4, 4).init(study_key(1))
    for item in (SkipConnections(), StochasticDepth(), ShakeDrop()):
        params, _ = item.network(built(4, 4)).init(study_key(1))
        params["hidden2"].pop("shortcut")
        jax.tree.map(np.testing.assert_array_equal, params, plain)
    for item in (ShakeShake(), KHeads(3)):
        params, _ = item.network(built(4, 4)).init(study_key(1))
        kernel = params["hidden2"]["dense"]["kernel"]
        np.testing.assert_array_equal(kernel[0] if kernel.ndim == 3 else kernel, plain["hidden2"]["dense"]["kernel"])


@pytest.mark.parametrize("item", [StochasticDepth(0.4), ShakeDrop(0.6)], ids=lambda item: item.name)
def test_random_depth_is_right_on_average(item: Technique):
    """The output layer is linear: the mean over draws of its logits is what inference gives."""
    network = item.network(built(3, 4, 4))
    params, _ = network.init(study_key(1))
    draws = jax.jit(jax.vmap(lambda key: logits_of(network, params, item, key)))(jax.random.split(study_key(2), 4000))
    np.testing.assert_allclose(jnp.mean(draws, 0), logits(network, params, item, train=False), atol=0.06)
    assert float(jnp.std(draws)) > 0.05


def logits_of(network: Network, params: Any, item: Technique, key: jax.Array) -> jax.Array:
    own, rng = item.init(context_of(*network.widths[:-1]), params, study_key(0)), Rng(key)

    def hidden(h: jax.Array, layer: str) -> jax.Array:
        return item.hidden(h, layer, own, mask=MASK, rng=rng.of(type(item).__name__), train=True)

    state = network.init(study_key(0))[1]
    return network.apply(params, state, jnp.asarray(X), mask=MASK, rng=rng, train=True, hidden_hook=hidden)[0].logits


def test_depth_is_dropped_linearly():
    """Of two pairs the first is left out half as often as the second: rates 0.3 and 0.6."""
    item, context = StochasticDepth(0.6), context_of(4, 4, 4, 4)
    own = item.init(context, {}, study_key(0))

    def dropped(key: jax.Array, layer: str) -> jax.Array:
        return item.hidden(jnp.ones((2, 4)), layer, own, mask=MASK, rng=Rng(key), train=True)[0, 0]

    keys = jax.random.split(study_key(3), 4000)
    for layer, rate in (("hidden2", 0.3), ("hidden4", 0.6)):
        values = np.asarray(jax.vmap(lambda key, layer=layer: dropped(key, layer))(keys))
        assert abs((values == 0).mean() - rate) < 0.03
        np.testing.assert_allclose(np.unique(values), [0.0, 1 / (1 - rate)], rtol=1e-5)
    assert float(dropped(keys[0], "hidden1")) == 1.0


def test_shake_drop_forward_and_backward_differ():
    """Where the pair is shaken, the output is h α / (1 − p) but its slope is β / (1 − p)."""
    item, own = ShakeDrop(0.9), ShakeDrop().init(context_of(4, 4), {}, study_key(0))
    h = jnp.full((3, 2), 2.0)

    def shaken(h: jax.Array, key: jax.Array) -> jax.Array:
        return item.hidden(h, "hidden2", own, mask=MASK, rng=Rng(key), train=True)

    for key in jax.random.split(study_key(0), 20):
        out, slope = shaken(h, key), jax.grad(lambda h, key=key: jnp.sum(shaken(h, key)))(h)
        forward, backward = np.asarray(out / h) * 0.1, np.asarray(slope) * 0.1
        if not np.allclose(forward, 1.0, atol=1e-5):
            assert (np.abs(forward) <= 1).all()
            assert ((backward >= 0) & (backward <= 1)).all()
            assert len(np.unique(forward)) == 3  # by row
            assert not np.allclose(forward, backward, atol=1e-3)
            return
    raise AssertionError("no draw shook the pair")


def test_shake_shake_joins_two_branches():
    network = ShakeShake().network(built(4, 4))
    params, _ = network.init(study_key(1))
    branches = [np.tanh(dense(params, "hidden2", np.tanh(dense(params, "hidden1", X, k)), k)) for k in (0, 1)]
    shortcut = X @ np.asarray(params["hidden2"]["shortcut"]["kernel"])
    ends = [dense(params, "output", branch + shortcut) for branch in branches]
    mean = logits(network, params, train=False)[0]
    np.testing.assert_allclose(mean, (ends[0] + ends[1]) / 2, rtol=1e-5, atol=1e-6)
    trained = np.asarray(logits(network, params, train=True)[0])
    share = (trained - ends[1]) / (ends[0] - ends[1])
    np.testing.assert_allclose(share[:, 0], share[:, 1], atol=1e-3)  # one draw a row
    assert ((share > 0) & (share < 1)).all()
    assert np.ptp(share[:, 0]) > 0.1


def test_k_heads_are_k_networks_that_share_kernels():
    network = KHeads(3).network(built(4, 4))
    params, _ = network.init(study_key(1))
    params = jax.tree.map(
        lambda leaf: leaf + 0.1 * jnp.sin(jnp.arange(leaf.size, dtype=jnp.float32)).reshape(leaf.shape), params
    )
    found = np.asarray(logits(network, params))
    assert found.shape == (3, 5, 2)
    for k in range(3):
        h = X
        for block in ("hidden1", "hidden2"):
            layer = {name: np.asarray(leaf) for name, leaf in params[block]["dense"].items()}
            h = (h * layer["input_scale"][k]) @ layer["kernel"] * layer["output_scale"][k] + layer["bias"][k]
            h = np.tanh(h)
        np.testing.assert_allclose(found[k], dense(params, "output", h, k), rtol=1e-5, atol=1e-6)


def test_heads_differ_from_the_start():
    params, _ = KHeads(4).network(built(4, 4)).init(study_key(0))
    signs = np.asarray(params["hidden1"]["dense"]["input_scale"])
    assert set(np.unique(signs)) == {-1.0, 1.0}
    assert (np.asarray(params["hidden2"]["dense"]["input_scale"]) == 1).all()
    kernels = np.asarray(params["output"]["dense"]["kernel"])
    assert not np.allclose(kernels[0], kernels[1])


def test_a_summary_shows_shortcuts():
    text = SkipConnections().network(built(4, 4)).summary()
    assert "hidden2 + input" in text
    assert text.splitlines()[-1].split() == ["total", "58"]  # 16 + 20 + 12 + 10


def test_refusals():
    with pytest.raises(TechniqueError) as error:
        Recipe((SkipConnections(),)).check(context_of(4))
    assert str(error.value) == (
        "SkipConnections: there is no pair of hidden layers, got 1. "
        "Give the network two hidden layers or more, or leave the technique out."
    )
    with pytest.raises(TechniqueError) as error:
        KHeads(2).network(ShakeShake().network(built(4, 4)))
    assert str(error.value) == (
        "recipe: the network's layers have copies already, got CopiedDense. "
        "Keep one of the techniques that double layers or give them heads."
    )
    with pytest.raises(TechniqueError) as error:
        KHeads(1)
    assert str(error.value) == "KHeads: heads must be a whole number from 2 to 64, got 1. Usual are 8 to 32."

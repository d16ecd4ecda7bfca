"""Averages of weights: EMA against Keras's optimizer, snapshots against their cycles."""

from __future__ import annotations

import itertools
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

from wellposed.errors import TechniqueError
from wellposed.network.randomness import study_key
from wellposed.techniques.averaging import EMA, SWA, Lookahead, Snapshots
from wellposed.techniques.base import Context, Own, Technique
from wellposed.training.spec import Training


def trained(item: Technique, context: Context, path: list[Any]) -> list[Own]:
    """What it owns after each update of a path of weights."""
    own, owns = item.init(context, path[0], study_key(0)), []
    for step, (old, new) in enumerate(itertools.pairwise(path), start=1):
        after, state = item.update(
            new, old, own, lr=jnp.float32(0.1), preconditioner=new, step=jnp.int32(step), total=jnp.int32(len(path) - 1)
        )
        assert after is new
        own = own._replace(state=state)
        owns.append(own)
    return owns


def test_ema_equals_keras(context: Context):
    """Three SGD steps of rate 1 with gradients 1, 2, 3, then the averages in place of the weights."""
    variable = keras.Variable(jnp.asarray([5.0, -5.0]))
    optimizer = keras.optimizers.SGD(1.0, use_ema=True, ema_momentum=0.8)
    path = [{"w": jnp.asarray([5.0, -5.0])}]
    for gradient in (1.0, 2.0, 3.0):
        optimizer.apply([jnp.full(2, gradient)], [variable])
        path.append({"w": jnp.asarray(variable.value)})
    optimizer.finalize_variable_values([variable])
    own = trained(EMA(0.8), context, path)[-1]
    (average,) = EMA(0.8).inference(path[-1], own)
    np.testing.assert_allclose(average["w"], variable, rtol=1e-6)
    assert not np.allclose(average["w"], path[-1]["w"])


def test_ema_predicts_with_the_weights_before_any_update(context: Context):
    params = {"w": jnp.asarray([1.0, 2.0])}
    (average,) = EMA().inference(params, EMA().init(context, params, study_key(0)))
    assert (average["w"] == params["w"]).all()


@pytest.mark.parametrize(("share", "averaged"), [(0.0, 1), (0.25, 3), (0.5, 6), (1.0, 12)])
def test_swa_is_the_mean_of_the_last_iterates(share: float, averaged: int, context: Context):
    numbers = np.random.default_rng(0)
    path = [{"w": jnp.asarray(numbers.normal(size=3), jnp.float32)} for _ in range(13)]
    own = trained(SWA(share), context, path)[-1]
    (average,) = SWA(share).inference(path[-1], own)
    expected = np.mean([point["w"] for point in path[-averaged:]], 0)
    np.testing.assert_allclose(average["w"], expected, rtol=1e-5)


def test_lookahead_equals_its_loop():
    """Slow weights follow every third update; between them the fast weights run free."""
    item, numbers = Lookahead(0.6, every=3), np.random.default_rng(0)
    fast = slow = numbers.normal(size=4).astype(np.float32)
    params, own = {"w": jnp.asarray(fast)}, Own(state={"w": jnp.asarray(fast)})
    for step in range(1, 8):
        change = numbers.normal(size=4).astype(np.float32)
        fast = fast + change
        if step % 3 == 0:
            slow = slow + np.float32(0.6) * (fast - slow)
            fast = slow
        new = jax.tree.map(lambda w, change=change: w + change, params)
        params, state = item.update(
            new, params, own, lr=jnp.float32(0.1), preconditioner=new, step=jnp.int32(step), total=jnp.int32(9)
        )
        own = own._replace(state=state)
        np.testing.assert_allclose(params["w"], fast, rtol=1e-5)
        np.testing.assert_allclose(own.state["w"], slow, rtol=1e-5)


def test_lookahead_refuses_half_an_update():
    with pytest.raises(TechniqueError) as error:
        Lookahead(every=0)
    assert str(error.value) == "Lookahead: every must be a whole number of at least 1, got 0. Usual are 5 to 10."


@pytest.mark.parametrize(("cycles", "total"), [(3, 9), (3, 10), (4, 7), (5, 5)])
def test_snapshots_are_taken_where_the_schedule_restarts(cycles: int, total: int, context: Context):
    item = Snapshots(cycles)
    spec = item.training(Training())
    factors = np.array([float(spec.schedule.factor(step, total)) for step in range(total)])  # type: ignore[union-attr]
    starts = np.flatnonzero(factors > 0.999) + 1  # numbers of the updates that begin a cycle
    assert starts[0] == 1
    path = [{"w": jnp.full(2, float(step))} for step in range(total + 1)]
    owns = trained(item, context, path)
    sets = item.inference(path[-1], owns[-1])
    ends = [int(np.ceil(total * k / cycles)) for k in range(1, cycles + 1)]
    assert [float(params["w"][0]) for params in sets] == ends
    if total % cycles == 0:
        assert ends == [*(starts[1:] - 1), total]
    before = item.inference(path[1], owns[0])  # slots not taken yet follow the current weights
    assert [float(params["w"][0]) for params in before] == [1.0] * cycles


def test_snapshots_ask_for_fresh_statistics(context: Context):
    assert Snapshots().requires() == EMA().requires() >= {"statistics"}
    assert Snapshots().training(Training(epochs=7)).epochs == 7
    assert [leaf.shape for leaf in jax.tree.leaves(Snapshots(4).init(context, {"w": jnp.ones(2)}, study_key(0)))] == [
        (4, 2)
    ]

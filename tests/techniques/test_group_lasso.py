"""The group lasso against its optimality conditions: of one proximal step, and of the objective at the end."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from wellposed.network.randomness import study_key
from wellposed.techniques.base import Context
from wellposed.techniques.group_lasso import GroupLasso

LR = 0.1


def stepped(item: GroupLasso, context: Context, params: Any, scale: Any) -> Any:
    own = item.init(context, params, study_key(0))
    step = jnp.int32(1)
    return item.update(params, params, own, lr=jnp.float32(LR), preconditioner=scale, step=step, total=step)[0]


def scales(params: Any, spread: float) -> Any:
    numbers = np.random.default_rng(4)
    return jax.tree.map(lambda leaf: jnp.asarray(numbers.uniform(1.0, 1.0 + spread, leaf.shape), jnp.float32), params)


@pytest.mark.parametrize("on", ["inputs", "units"])
@pytest.mark.parametrize("spread", [0.0, 30.0], ids=["sgd", "adaptive"])
@pytest.mark.parametrize("weight", [0.02, 0.3, 1.5])
def test_a_step_is_the_proximal_operator(weight: float, spread: float, on: str, context: Context, params: Any):
    """w ≠ 0: (w − v) / t + w / ‖w‖ = 0; w = 0: ‖v / t‖ ≤ 1; t = η D λ √|g|. For SGD also the closed form."""
    context = dataclasses.replace(context, feature_groups=((0,), (1, 2)))
    scale = scales(params, spread)
    after = stepped(GroupLasso(weight, on), context, params, scale)
    zeros = 0
    for block in ("hidden1", "hidden2", *(["output"] if on == "inputs" else [])):
        v, w, d = (np.asarray(tree[block]["dense"]["kernel"], float) for tree in (params, after, scale))
        if on == "units":
            v, w, d = v.T, w.T, d.T
        for rows in ([0], [1, 2]) if on == "inputs" and block == "hidden1" else ([0], [1], [2]):
            old, new = v[rows].ravel(), w[rows].ravel()
            threshold = LR * weight * d[rows].ravel() * np.sqrt(old.size)
            if (new == 0.0).all():
                zeros += 1
                assert np.linalg.norm(old / threshold) <= 1.0
            else:
                exact = 2e-4 / weight if spread == 0.0 else 3e-3  # two Newton steps are taken
                np.testing.assert_allclose((old - new) / threshold, new / np.linalg.norm(new), atol=exact)
            if spread == 0.0:
                closed = old * max(0.0, 1.0 - threshold[0] / np.linalg.norm(old))
                np.testing.assert_allclose(new, closed, atol=1e-6)
        assert (after[block]["dense"]["bias"] == params[block]["dense"]["bias"]).all()
    if weight * spread > 10.0:
        assert zeros > 0
    if on == "units":
        assert (after["output"]["dense"]["kernel"] == params["output"]["dense"]["kernel"]).all()


def test_steps_end_at_the_minimum_with_whole_groups_at_zero(context: Context):
    """‖y − XW‖² / 2n + λ Σ √|g| ‖W_g‖: where W_g = 0 the gradient is at most λ√|g| long, elsewhere it balances."""
    numbers = np.random.default_rng(0)
    x = numbers.normal(size=(60, 6))
    truth = np.zeros((6, 3))
    truth[:2] = numbers.normal(size=(2, 3))
    y = x @ truth + 0.1 * numbers.normal(size=(60, 3))
    groups = ((0, 1), (2, 3), (4,), (5,))
    linear = dataclasses.replace(context, features=6, layers=("input", "output"), widths=(6, 3), feature_groups=groups)
    item, weight = GroupLasso(0.1), 0.1
    start = {"output": {"dense": {"kernel": jnp.zeros((6, 3))}}}
    own = item.init(linear, start, study_key(0))
    rows, targets = jnp.asarray(x, jnp.float32), jnp.asarray(y, jnp.float32)
    d = jnp.asarray(numbers.uniform(0.3, 2.0, (6, 3)), jnp.float32)  # a diagonal preconditioner: the same end

    def step(index: Any, w: Any) -> Any:
        new = w - 0.1 * d * (rows.T @ (rows @ w - targets) / 60.0)
        new, old, scale = ({"output": {"dense": {"kernel": leaf}}} for leaf in (new, w, d))
        after, _ = item.update(new, old, own, lr=jnp.float32(0.1), preconditioner=scale, step=index, total=index)
        return after["output"]["dense"]["kernel"]

    # the minimum itself, to rounding: what two Newton steps leave over vanishes as the steps do
    w = np.asarray(jax.jit(lambda: jax.lax.fori_loop(0, 2000, step, jnp.zeros((6, 3))))(), float)
    gradient = x.T @ (x @ w - y) / 60.0
    for group in map(list, groups):
        size = w[group].size
        if (w[group] == 0.0).all():
            assert np.linalg.norm(gradient[group]) <= weight * np.sqrt(size) * (1 + 1e-4)
        else:
            balance = gradient[group] + weight * np.sqrt(size) * w[group] / np.linalg.norm(w[group])
            np.testing.assert_allclose(balance, 0.0, atol=1e-4)
    assert [(w[list(group)] == 0.0).all() for group in groups] == [False, True, True, True]
    assert [(w[list(group)] == 0.0).any() for group in groups] == [False, True, True, True]

"""Width, depth and initial scale by what they build; pruning by what it leaves."""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from wellposed.errors import TechniqueError
from wellposed.network.mlp import MLP, Network
from wellposed.network.randomness import Rng, study_key
from wellposed.techniques.base import Context, Own, Static, Technique
from wellposed.techniques.capacity import Depth, InitialScale, MagnitudePruning, Width
from wellposed.techniques.structure import ShakeShake, SkipConnections


def built(*widths: int) -> Network:
    return MLP(widths).build(features=3, outputs=2, output_activation="softmax")


@pytest.mark.parametrize(("factor", "widths"), [(0.5, (4, 2, 2)), (2, (16, 6, 2)), (0.02, (1, 1, 2))])
def test_width_counts_units(factor: float, widths: tuple[int, ...]):
    assert Width(factor).network(built(8, 3)).widths == widths


@pytest.mark.parametrize(("layers", "widths"), [(1, (8, 2)), (2, (8, 3, 2)), (4, (8, 3, 3, 3, 2))])
def test_depth_counts_layers(layers: int, widths: tuple[int, ...]):
    network = Depth(layers).network(built(8, 3))
    assert network.widths == widths
    assert network.hidden_names == tuple(f"hidden{number}" for number in range(1, layers + 1))
    plain, deep = built(8, 3).init(study_key(0))[0], network.init(study_key(0))[0]
    np.testing.assert_array_equal(plain["hidden1"]["dense"]["kernel"], deep["hidden1"]["dense"]["kernel"])


@pytest.mark.parametrize("other", [Width(2.0), Depth(3), Depth(4)])
@pytest.mark.parametrize("around", [SkipConnections(), ShakeShake()])
def test_shortcuts_are_laid_around_the_layers_that_are_left(other: Technique, around: Technique):
    network = built(5, 4)
    for item in around + other:
        network = item.network(network)
    params, state = network.init(study_key(0))
    rows = {"mask": jnp.ones(6), "rng": Rng(study_key(1), "network"), "train": True}
    outputs, _ = network.apply(params, state, jnp.ones((6, 3)), **rows)
    assert outputs.logits.shape == (1, 6, 2)
    ends = [shortcut.target for shortcut in network.shortcuts]
    assert ends == (["hidden2", "hidden4"] if other == Depth(4) else [network.hidden_names[-1]])


def test_initial_scale_multiplies_kernels():
    plain, _ = built(8, 3).init(study_key(0))
    scaled, _ = InitialScale(0.25).network(built(8, 3)).init(study_key(0))
    for block in plain:
        np.testing.assert_allclose(scaled[block]["dense"]["kernel"], 0.25 * plain[block]["dense"]["kernel"])


def test_pruning_removes_the_smallest_for_good():
    """Against a sort: after each update the share of the equation is gone, and what is gone never comes back."""
    item, numbers = MagnitudePruning(0.6), np.random.default_rng(0)
    kernel = numbers.normal(size=(20, 10)).astype(np.float32)
    own = Own(state=Static(("hidden1",)))
    params = {"hidden1": {"dense": {"kernel": jnp.asarray(kernel), "bias": jnp.zeros(10)}}}
    params["output"] = {"dense": {"kernel": jnp.asarray(kernel)}}
    update = jax.jit(
        lambda new, old, step: item.update(
            new, old, own, lr=jnp.float32(0), preconditioner=old, step=step, total=jnp.int32(20)
        )[0]
    )
    gone = np.zeros(kernel.shape, bool)
    for step in range(1, 21):
        change = 0.05 * numbers.normal(size=kernel.shape).astype(np.float32)
        moved = jax.tree.map(lambda leaf, change=change: leaf + change if leaf.ndim == 2 else leaf, params)
        after = update(moved, params, jnp.int32(step))
        t = np.clip((step / 20 - 0.1) / 0.65, 0, 1)
        wanted = int(np.floor(np.float32(0.6 * (1 - (1 - t) ** 3)) * kernel.size))
        found = np.asarray(after["hidden1"]["dense"]["kernel"])
        assert (found[gone] == 0).all()
        assert abs((found == 0).sum() - wanted) <= 1
        before = np.where(gone, 0, np.asarray(moved["hidden1"]["dense"]["kernel"]))
        if wanted:
            smallest = np.sort(np.abs(before).ravel())[wanted - 1]
            assert (np.abs(found[found != 0]) >= smallest - 1e-6).all()
        np.testing.assert_array_equal(found[found != 0], before[found != 0])
        np.testing.assert_array_equal(after["output"]["dense"]["kernel"], moved["output"]["dense"]["kernel"])
        gone, params = found == 0, after
    assert gone.mean() == pytest.approx(0.6)


def test_refusals(context: Context):
    none = dataclasses.replace(context, layers=("input", "output"), widths=(3, 3))
    with pytest.raises(TechniqueError) as error:
        Width().check(none)
    assert str(error.value) == "Width: the network has no hidden layer, got 0. Leave it out."
    with pytest.raises(TechniqueError) as error:
        SkipConnections().network(Depth(1).network(built(3, 3)))
    assert str(error.value) == (
        "SkipConnections: there is no pair of hidden layers, got 1. "
        "Give the network two hidden layers or more, or leave the technique out."
    )
    for item, message in (
        (lambda: Width(0), "Width: factor must be a number in [1/64, 64], got 0. 0.5 halves every hidden layer."),
        (lambda: Depth(0), "Depth: layers must be a whole number from 1 to 64, got 0"),
        (lambda: InitialScale(0), "InitialScale: scale must be a number in [0.01, 100], got 0. 1 changes nothing."),
    ):
        with pytest.raises(TechniqueError) as error:
            item()
        assert str(error.value) == message

"""One member, one step: the loss with every hook, its gradient, the update. No population axis appears here.

The engine calls each hook in one place, in the order of the recipe, and skips what a technique doesn't override.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from wellposed.network.mlp import Network, Outputs
from wellposed.network.randomness import Rng
from wellposed.network.statistics import estimating, has_statistics
from wellposed.techniques.base import Batch, Context, Evaluation, Own, Technique, overrides
from wellposed.training.losses import Loss
from wellposed.training.metrics import Metric
from wellposed.training.optimizers import Optimizer
from wellposed.training.schedules import Schedule

__all__ = [
    "Algorithm",
    "Hyper",
    "Member",
    "augment",
    "estimate",
    "estimates",
    "forward",
    "initial_network",
    "initialize",
    "owners",
    "predicting",
    "train_step",
    "weights_of",
]


@dataclasses.dataclass(frozen=True)
class Algorithm:
    """All that is static in training one member, except its techniques' classes and options.

    Attributes:
        network: blocks, after every technique's rewriting.
        loss, metrics: what is minimized, what is reported; the first metric is the main one.
        optimizer, schedule: of the learning rate.
        context: what techniques may know.
        shuffle: draw a new order of rows every epoch.
    """

    network: Network
    loss: Loss
    metrics: tuple[Metric, ...]
    optimizer: Optimizer
    schedule: Schedule
    context: Context
    shuffle: bool = True


class Hyper(NamedTuple):
    """Traced settings of a member.

    Attributes:
        learning_rate: before the schedule.
        horizon: epochs that the schedule is laid out for.
        stop: epochs that are trained, at most the horizon.
    """

    learning_rate: Float[Array, ""]
    horizon: Array
    stop: Array


class Member(NamedTuple):
    """One network in training.

    Attributes:
        params, state: the network's weights and running statistics.
        own_params, own_state: each technique's.
        optimizer: its moments.
        estimated: the statistics of each parameter set that predicts, where they are estimated anew after every epoch.
    """

    params: Any
    state: Any
    own_params: tuple[Any, ...]
    own_state: tuple[Any, ...]
    optimizer: Any
    estimated: tuple[Any, ...] = ()

    def states(self, sets: int) -> tuple[Any, ...]:
        """The network's state for each of the parameter sets that predict."""
        return self.estimated or (self.state,) * sets

    def own(self, prepared: Sequence[Any], own_params: Sequence[Any] | None = None) -> tuple[Own, ...]:
        """What belongs to each technique; ``own_params`` in place of the member's, where a gradient is taken."""
        params = self.own_params if own_params is None else own_params
        return tuple(Own(*parts) for parts in zip(params, self.own_state, prepared, strict=True))


Techniques = tuple[Technique, ...]


def initial_network(network: Network, key: PRNGKeyArray) -> tuple[Any, Any]:
    """Parameters and state at the start; ``key`` is the stream's, so that all recipes start from the same weights."""
    return network.init(Rng(key, "network").key("init"))


def initialize(
    algorithm: Algorithm, techniques: Techniques, key: PRNGKeyArray, network: tuple[Any, Any] | None = None
) -> Member:
    """The member at the start, from its stream's key; ``network``: `initial_network`, if it was drawn already."""
    rng = Rng(key)
    params, state = initial_network(algorithm.network, key) if network is None else network
    own = [item.init(algorithm.context, params, rng.of(type(item).__name__).key("init")) for item in techniques]
    own_params = tuple(item.params for item in own)
    optimizer = algorithm.optimizer.init((params, own_params))
    member = Member(params, state, own_params, tuple(item.state for item in own), optimizer)
    if not estimates(algorithm, techniques):
        return member
    sets = predicting(techniques, params, own)
    return member._replace(estimated=tuple(state for _ in sets))


def estimates(algorithm: Algorithm, techniques: Techniques) -> bool:
    """Whether weights predict that the network's running statistics weren't gathered with."""
    return has_statistics(algorithm.network) and any("statistics" in item.requires() for item in techniques)


def estimate(
    algorithm: Algorithm,
    techniques: Techniques,
    member: Member,
    x: Float[Array, "rows features"],
    mask: Float[Array, " rows"],
    prepared: Sequence[Any],
) -> Member:
    """The member with the exact statistics of all rows of mask 1, for each parameter set that predicts."""
    own, passing = member.own(prepared), dataclasses.replace(algorithm, network=estimating(algorithm.network))
    rng = Rng(jax.random.key(0))
    sets = predicting(techniques, member.params, own)
    states = [forward(passing, techniques, member.state, params, own, x, rng, mask)[1] for params in sets]
    return member._replace(estimated=tuple(states))


def augment(techniques: Techniques, batch: Batch, prepared: Sequence[Any], key: PRNGKeyArray) -> Batch:
    """The minibatch after all augmentations; runs once a stream."""
    for item, leaves in zip(techniques, prepared, strict=True):
        if overrides(item, "augment"):
            batch = item.augment(batch, Own(prepared=leaves), Rng(key, type(item).__name__))
    return batch


def train_step(
    algorithm: Algorithm,
    techniques: Techniques,
    hyper: Hyper,
    member: Member,
    batch: Batch,
    prepared: Sequence[Any],
    key: PRNGKeyArray,
    *,
    step: Array,
    total: Array,
) -> Member:
    """The member after one minibatch.

    Args:
        batch: already augmented.
        key: the step's key, the same for all members of the stream.
        step: number of this update, from 1.
        total: number of updates in the member's whole training (the schedule's horizon).
    """
    rng = Rng(key)

    def evaluate(params: Any, batch: Batch, *, draw: int = 0) -> Evaluation:
        return _evaluate(algorithm, techniques, member, params, batch, prepared, rng.again(draw))

    for item, index in owners(techniques, "objective"):
        evaluate = _wrapped_objective(item, index, member, prepared, evaluate, rng)

    def differentiate(params: Any) -> tuple[Any, Evaluation]:
        def total_loss(params: Any) -> tuple[Array, Evaluation]:
            evaluation = evaluate(params, batch, draw=0)
            return evaluation.loss, evaluation

        return jax.grad(total_loss, has_aux=True)(params)

    for item, index in owners(techniques, "differentiate"):
        differentiate = _wrapped_gradient(item, member.own(prepared)[index], differentiate)

    old = (member.params, member.own_params)
    grads, evaluation = differentiate(old)
    own = member.own(prepared)
    for item, index in owners(techniques, "gradients"):
        grads = item.gradients(grads, own[index], rng.of(type(item).__name__), step=step)
    lr = hyper.learning_rate * algorithm.schedule.factor(step - 1, total)
    flat = _flat if algorithm.optimizer.entrywise else _as_it_is
    flat_grads, flat_old, flat_state = jax.tree.map(flat, (grads, old, member.optimizer))
    updates, scaling, optimizer = algorithm.optimizer.step(
        flat_grads, flat_state, flat_old, learning_rate=lr, count=step
    )
    params, own_params = jax.tree.map(lambda whole, update: whole + update.reshape(whole.shape), old, updates)
    preconditioner = jax.tree.map(lambda whole, part: part.reshape(whole.shape), old, scaling)
    optimizer = jax.tree.map(lambda whole, part: part.reshape(whole.shape), member.optimizer, optimizer)
    own_state = list(member.own_state)
    for item, index in owners(techniques, "update"):
        params, own_state[index] = item.update(
            params, member.params, own[index], lr=lr, preconditioner=preconditioner[0], step=step, total=total
        )
    return Member(params, evaluation.state, own_params, tuple(own_state), optimizer, member.estimated)


def _flat(leaf: Array) -> Array:
    """Small arrays as one row: the optimizer's loops are then long enough to use whole vector registers.

    On W1 that saves a fifth of a step; large arrays have long rows already, and turning them costs W4 as much.
    """
    return leaf.ravel() if leaf.size <= 4096 else leaf


def _as_it_is(leaf: Array) -> Array:
    return leaf


def owners(techniques: Techniques, hook: str) -> list[tuple[Technique, int]]:
    return [(item, index) for index, item in enumerate(techniques) if overrides(item, hook)]


def weights_of(techniques: Techniques, params: Any, own: Sequence[Own], rng: Rng, *, train: bool) -> Any:
    """The weights that the network computes with."""
    for item, index in owners(techniques, "weights"):
        params = item.weights(params, own[index], rng.of(type(item).__name__), train=train)
    return params


def predicting(techniques: Techniques, params: Any, own: Sequence[Own]) -> list[Any]:
    """The parameter sets that predict."""
    sets = [params]
    for item, index in owners(techniques, "inference"):
        sets = list(item.inference(params, own[index]))
    return sets


def forward(
    algorithm: Algorithm,
    techniques: Techniques,
    state: Any,
    params: Any,
    own: Sequence[Own],
    x: Array,
    rng: Rng,
    mask: Array | None = None,
) -> tuple[Outputs, Any]:
    """A pass in inference mode, and the state after it."""
    mask = jnp.ones(x.shape[0], jnp.float32) if mask is None else mask

    def hidden(h: Array, layer: str) -> Array:
        for item, index in owners(techniques, "hidden"):
            h = item.hidden(h, layer, own[index], mask=mask, rng=rng.of(type(item).__name__), train=False)
        return h

    weights = weights_of(techniques, params, own, rng, train=False)
    return algorithm.network.apply(weights, state, x, mask=mask, rng=rng, train=False, hidden_hook=hidden)


def _evaluate(
    algorithm: Algorithm,
    techniques: Techniques,
    member: Member,
    trained: Any,
    batch: Batch,
    prepared: Sequence[Any],
    rng: Rng,
) -> Evaluation:
    """One pass in training mode: data loss through hooks 2 to 5, plus penalties (6)."""
    params, own_params = trained
    own = member.own(prepared, own_params)

    def hidden(h: Array, layer: str) -> Array:
        for item, index in owners(techniques, "hidden"):
            h = item.hidden(h, layer, own[index], mask=batch.mask, rng=rng.of(type(item).__name__), train=True)
        return h

    weights = weights_of(techniques, params, own, rng, train=True)
    outputs, state = algorithm.network.apply(
        weights, member.state, batch.x, mask=batch.mask, rng=rng, train=True, hidden_hook=hidden
    )
    activation = algorithm.network.output_activation
    losses = jnp.stack([algorithm.loss.rows(logits, batch.y, activation) for logits in outputs.logits])
    for item, index in owners(techniques, "row_loss"):
        losses = item.row_loss(losses, outputs, batch, own[index])
    loss = jnp.sum(jnp.mean(losses, 0) * batch.weight * batch.mask) / jnp.sum(batch.mask)
    for item, _ in owners(techniques, "batch_loss"):
        loss = item.batch_loss(loss)
    for item, index in owners(techniques, "penalty"):
        loss = loss + item.penalty(params, own[index], outputs.hidden, batch.mask)
    return Evaluation(loss, outputs, state)


def _wrapped_objective(
    item: Technique, index: int, member: Member, prepared: Sequence[Any], evaluate: Any, rng: Rng
) -> Any:
    def wrapped(params: Any, batch: Batch, *, draw: int = 0) -> Evaluation:
        own = member.own(prepared, params[1])[index]
        return item.objective(evaluate, params, batch, own, rng.of(type(item).__name__).again(draw), draw=draw)

    return wrapped


def _wrapped_gradient(item: Technique, own: Own, grad: Any) -> Any:
    def wrapped(params: Any) -> tuple[Any, Evaluation]:
        return item.differentiate(grad, params, own)

    return wrapped

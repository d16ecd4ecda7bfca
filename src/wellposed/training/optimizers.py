"""Optimizers as pure functions, in Keras's form: the same updates as Keras, to rounding.

An optimizer is a frozen dataclass of static settings; the learning rate is an argument of every step, so that members
with different (and scheduled) rates share one compiled program. ``step`` also returns the preconditioner, which
proximal steps scale their thresholds by.

Longer than most files: nine short classes that are read beside each other.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PyTree

from wellposed.errors import StudyError, option
from wellposed.textform import Named, build, parse, registry

Params = PyTree[Float[Array, "..."]]
State = dict[str, Any]
Scalar = Float[Array, ""] | float
Count = Int[Array, ""] | int
Leaf = Float[Array, "..."]
Slots = dict[str, Leaf]


@dataclass(frozen=True)
class Optimizer(Named):
    """Turns gradients into updates.

    A subclass names its ``slots`` (one array a parameter each, and the value it starts from) and writes ``leaf``, the
    equation for one parameter array.
    """

    learning_rate: ClassVar[float] = 0.001

    def slots(self) -> dict[str, float]:
        """Names of the arrays kept for every parameter, and their initial values."""
        return {}

    @abstractmethod
    def leaf(
        self, gradient: Leaf, parameter: Leaf, slots: Slots, lr: Leaf, shared: Mapping[str, Leaf]
    ) -> tuple[Leaf, Leaf, Slots]:
        """(update, preconditioner, new slots) of one parameter array; ``shared`` comes from ``corrections``."""

    def corrections(self, count: Leaf, state: State) -> dict[str, Leaf]:
        """Scalars that all parameters share in this step, e.g. bias corrections."""
        return {}

    def init(self, params: Params) -> State:
        """The state before the first step: for each slot a pytree like ``params``."""
        return {
            slot: jax.tree.map(lambda leaf, start=start: jnp.full_like(leaf, start), params)
            for slot, start in self.slots().items()
        }

    def step(
        self, grads: Params, state: State, params: Params, *, learning_rate: Scalar, count: Count
    ) -> tuple[Params, Params, State]:
        """One update.

        Args:
            grads: gradients, a pytree like ``params``.
            state: from ``init`` or the step before.
            params: parameters before the update.
            learning_rate: of this update, with the schedule's factor in it; may be traced.
            count: number of this update, counted from 1; may be traced.

        Returns:
            ``updates`` to be added to the parameters; the ``preconditioner``, the positive diagonal D for which an
            update without momentum is −learning_rate·D·gradient; the new state.
        """
        lr = jnp.asarray(learning_rate, jnp.float32)
        shared = self.corrections(jnp.asarray(count).astype(jnp.float32), state)
        gradients, tree = jax.tree.flatten(grads)
        parameters = tree.flatten_up_to(params)
        columns = {slot: tree.flatten_up_to(state[slot]) for slot in self.slots()}
        updates, preconditioner, kept = [], [], {slot: [] for slot in columns}
        for i, (gradient, parameter) in enumerate(zip(gradients, parameters, strict=True)):
            old = {slot: leaves[i] for slot, leaves in columns.items()}
            update, scaling, new = self.leaf(gradient, parameter, old, lr, shared)
            updates.append(update)
            preconditioner.append(scaling)
            for slot in kept:
                kept[slot].append(new[slot])
        after: State = {slot: tree.unflatten(leaves) for slot, leaves in kept.items()}
        return tree.unflatten(updates), tree.unflatten(preconditioner), after


@dataclass(frozen=True)
class SGD(Optimizer):
    """m ← μm − lr·g; w ← w + m (Nesterov: w + μm − lr·g). D = 1. Sutskever et al. 2013.

    Args:
        momentum: μ in [0, 1], default 0. As in Keras the buffer holds lr·g: a schedule acts on new gradients only.
        nesterov: look ahead along the momentum, default false.
    """

    momentum: float = 0.0
    nesterov: bool = False
    name: ClassVar[str] = "sgd"
    learning_rate: ClassVar[float] = 0.01

    def __post_init__(self) -> None:
        if not 0 <= self.momentum <= 1:
            raise StudyError("SGD: momentum must be in [0, 1]", self.momentum)

    def slots(self) -> dict[str, float]:
        return {"momentum": 0.0} if self.momentum else {}

    def leaf(
        self, gradient: Leaf, parameter: Leaf, slots: Slots, lr: Leaf, shared: Mapping[str, Leaf]
    ) -> tuple[Leaf, Leaf, Slots]:
        one = jnp.ones_like(gradient)
        if not self.momentum:
            return -(gradient * lr), one, {}
        m = slots["momentum"] * self.momentum - gradient * lr
        return (m * self.momentum - gradient * lr if self.nesterov else m), one, {"momentum": m}


@dataclass(frozen=True)
class Adam(Optimizer):
    """m ← m + (1 − β₁)(g − m); v ← v + (1 − β₂)(g² − v); w ← w − lr·√(1 − β₂ᵗ)/(1 − β₁ᵗ)·m/(√v + ε). Kingma & Ba 2015.

    ε sits where Keras puts it, outside the bias correction of v; optax and PyTorch correct v first, which differs for
    gradients near ε. D = √(1 − β₂ᵗ)/(√v + ε); it is large (up to 1/ε) where a gradient has always been zero.

    Args:
        beta_1: decay of the mean of gradients, in [0, 1), default 0.9.
        beta_2: decay of the mean of squares, in [0, 1), default 0.999.
        epsilon: ε > 0, default 1e-7.
    """

    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-7
    name: ClassVar[str] = "adam"

    def __post_init__(self) -> None:
        _require_decay(self, "beta_1", "beta_2")
        _require_positive(self, "epsilon")

    def slots(self) -> dict[str, float]:
        return {"momentum": 0.0, "velocity": 0.0}

    def corrections(self, count: Leaf, state: State) -> dict[str, Leaf]:
        return {
            "momentum": 1.0 - jnp.power(jnp.float32(self.beta_1), count),
            "velocity": jnp.sqrt(1.0 - jnp.power(jnp.float32(self.beta_2), count)),
        }

    def leaf(
        self, gradient: Leaf, parameter: Leaf, slots: Slots, lr: Leaf, shared: Mapping[str, Leaf]
    ) -> tuple[Leaf, Leaf, Slots]:
        m = slots["momentum"] + (gradient - slots["momentum"]) * (1 - self.beta_1)
        v = slots["velocity"] + (jnp.square(gradient) - slots["velocity"]) * (1 - self.beta_2)
        alpha = lr * shared["velocity"] / shared["momentum"]
        root = jnp.sqrt(v) + self.epsilon
        return -(m * alpha / root), shared["velocity"] / root, {"momentum": m, "velocity": v}


@dataclass(frozen=True)
class AdamW(Adam):
    """Adam with decoupled decay: w ← w − lr·weight_decay·w beside Adam's update. Loshchilov & Hutter 2019.

    As in Keras, every parameter decays, biases too. The decay is part of ``step``'s updates; together with the
    technique ``WeightDecay`` parameters would decay twice.

    Args:
        beta_1, beta_2, epsilon: as in Adam.
        weight_decay: λ ≥ 0, default 0.004.
    """

    weight_decay: float = 0.004
    name: ClassVar[str] = "adamw"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.weight_decay >= 0:
            raise StudyError("AdamW: weight_decay must not be negative", self.weight_decay)

    def leaf(
        self, gradient: Leaf, parameter: Leaf, slots: Slots, lr: Leaf, shared: Mapping[str, Leaf]
    ) -> tuple[Leaf, Leaf, Slots]:
        update, scaling, new = super().leaf(gradient, parameter, slots, lr, shared)
        return update - parameter * self.weight_decay * lr, scaling, new


@dataclass(frozen=True)
class RMSprop(Optimizer):
    """v ← ρv + (1 − ρ)g²; w ← w − lr·g/√(v + ε), with momentum b ← μb + lr·g/√(v + ε), w ← w − b. Hinton 2012.

    D = 1/√(v + ε).

    Args:
        rho: ρ in [0, 1), default 0.9.
        momentum: μ in [0, 1], default 0.
        epsilon: ε > 0, default 1e-7.
        centered: subtract the squared mean of gradients from v, default false.
    """

    rho: float = 0.9
    momentum: float = 0.0
    epsilon: float = 1e-7
    centered: bool = False
    name: ClassVar[str] = "rmsprop"

    def __post_init__(self) -> None:
        _require_decay(self, "rho")
        _require_positive(self, "epsilon")
        if not 0 <= self.momentum <= 1:
            raise StudyError("RMSprop: momentum must be in [0, 1]", self.momentum)

    def slots(self) -> dict[str, float]:
        used = {"velocity": True, "momentum": self.momentum > 0, "average": self.centered}
        return {slot: 0.0 for slot, wanted in used.items() if wanted}

    def leaf(
        self, gradient: Leaf, parameter: Leaf, slots: Slots, lr: Leaf, shared: Mapping[str, Leaf]
    ) -> tuple[Leaf, Leaf, Slots]:
        new = {"velocity": self.rho * slots["velocity"] + (1 - self.rho) * jnp.square(gradient)}
        variance = new["velocity"]
        if self.centered:
            new["average"] = self.rho * slots["average"] + (1 - self.rho) * gradient
            variance = variance - jnp.square(new["average"])
        root = jnp.sqrt(variance + self.epsilon)
        increment = lr * gradient / root
        if self.momentum > 0:
            new["momentum"] = increment = self.momentum * slots["momentum"] + increment
        return -increment, 1.0 / root, new


@dataclass(frozen=True)
class Adagrad(Optimizer):
    """a ← a + g²; w ← w − lr·g/√(a + ε). D = 1/√(a + ε). Duchi et al. 2011.

    Args:
        initial_accumulator_value: a before the first step, ≥ 0, default 0.1.
        epsilon: ε > 0, default 1e-7.
    """

    initial_accumulator_value: float = 0.1
    epsilon: float = 1e-7
    name: ClassVar[str] = "adagrad"

    def __post_init__(self) -> None:
        _require_positive(self, "epsilon")
        if not self.initial_accumulator_value >= 0:
            what = "Adagrad: initial_accumulator_value must not be negative"
            raise StudyError(what, self.initial_accumulator_value)

    def slots(self) -> dict[str, float]:
        return {"accumulator": self.initial_accumulator_value}

    def leaf(
        self, gradient: Leaf, parameter: Leaf, slots: Slots, lr: Leaf, shared: Mapping[str, Leaf]
    ) -> tuple[Leaf, Leaf, Slots]:
        accumulator = slots["accumulator"] + jnp.square(gradient)
        root = jnp.sqrt(accumulator + self.epsilon)
        return -(lr * gradient / root), 1.0 / root, {"accumulator": accumulator}


@dataclass(frozen=True)
class Adadelta(Optimizer):
    """a ← ρa + (1 − ρ)g²; Δ = −g·√(d + ε)/√(a + ε); d ← ρd + (1 − ρ)Δ²; w ← w + lr·Δ. Zeiler 2012.

    D = √(d + ε)/√(a + ε). The paper's learning rate is 1; the default here is Keras's 0.001.

    Args:
        rho: ρ in [0, 1), default 0.95.
        epsilon: ε > 0, default 1e-7.
    """

    rho: float = 0.95
    epsilon: float = 1e-7
    name: ClassVar[str] = "adadelta"

    def __post_init__(self) -> None:
        _require_decay(self, "rho")
        _require_positive(self, "epsilon")

    def slots(self) -> dict[str, float]:
        return {"gradient": 0.0, "delta": 0.0}

    def leaf(
        self, gradient: Leaf, parameter: Leaf, slots: Slots, lr: Leaf, shared: Mapping[str, Leaf]
    ) -> tuple[Leaf, Leaf, Slots]:
        accumulated = self.rho * slots["gradient"] + (1 - self.rho) * jnp.square(gradient)
        above, below = jnp.sqrt(slots["delta"] + self.epsilon), jnp.sqrt(accumulated + self.epsilon)
        delta = -(above * gradient / below)
        kept = self.rho * slots["delta"] + (1 - self.rho) * jnp.square(delta)
        return lr * delta, above / below, {"gradient": accumulated, "delta": kept}


@dataclass(frozen=True)
class Adamax(Optimizer):
    """m ← m + (1 − β₁)(g − m); u ← max(β₂u, |g|); w ← w − lr·m/((1 − β₁ᵗ)(u + ε)). D = 1/(u + ε). Kingma & Ba 2015.

    Args:
        beta_1: in [0, 1), default 0.9.
        beta_2: in [0, 1), default 0.999.
        epsilon: ε > 0, default 1e-7.
    """

    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-7
    name: ClassVar[str] = "adamax"

    def __post_init__(self) -> None:
        _require_decay(self, "beta_1", "beta_2")
        _require_positive(self, "epsilon")

    def slots(self) -> dict[str, float]:
        return {"momentum": 0.0, "norm": 0.0}

    def corrections(self, count: Leaf, state: State) -> dict[str, Leaf]:
        return {"momentum": 1.0 - jnp.power(jnp.float32(self.beta_1), count)}

    def leaf(
        self, gradient: Leaf, parameter: Leaf, slots: Slots, lr: Leaf, shared: Mapping[str, Leaf]
    ) -> tuple[Leaf, Leaf, Slots]:
        m = slots["momentum"] + (gradient - slots["momentum"]) * (1 - self.beta_1)
        u = jnp.maximum(self.beta_2 * slots["norm"], jnp.abs(gradient))
        below = u + self.epsilon
        return -(lr * m / (shared["momentum"] * below)), 1.0 / below, {"momentum": m, "norm": u}


@dataclass(frozen=True)
class Nadam(Optimizer):
    """Adam with Nesterov momentum, μₜ = β₁(1 − ½·0.96ᵗ) warming up to β₁. Dozat 2015.

    m̂ = μₜ₊₁·m/(1 − Πμ up to t + 1) + (1 − μₜ)·g/(1 − Πμ up to t); v̂ = v/(1 − β₂ᵗ); w ← w − lr·m̂/(√v̂ + ε).
    D = 1/(√v̂ + ε).

    Args:
        beta_1: in [0, 1), default 0.9.
        beta_2: in [0, 1), default 0.999.
        epsilon: ε > 0, default 1e-7.
    """

    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-7
    name: ClassVar[str] = "nadam"

    def __post_init__(self) -> None:
        _require_decay(self, "beta_1", "beta_2")
        _require_positive(self, "epsilon")

    def slots(self) -> dict[str, float]:
        return {"momentum": 0.0, "velocity": 0.0}

    def init(self, params: Params) -> State:
        return super().init(params) | {"product": jnp.ones((), jnp.float32)}

    def corrections(self, count: Leaf, state: State) -> dict[str, Leaf]:
        now, following = self._momentum(count), self._momentum(count + 1.0)
        return {
            "now": now,
            "next": following,
            "product": state["product"] * now,
            "velocity": 1.0 - jnp.power(jnp.float32(self.beta_2), count),
        }

    def step(
        self, grads: Params, state: State, params: Params, *, learning_rate: Scalar, count: Count
    ) -> tuple[Params, Params, State]:
        updates, scaling, after = super().step(grads, state, params, learning_rate=learning_rate, count=count)
        product = state["product"] * self._momentum(jnp.asarray(count).astype(jnp.float32))
        return updates, scaling, after | {"product": product}

    def leaf(
        self, gradient: Leaf, parameter: Leaf, slots: Slots, lr: Leaf, shared: Mapping[str, Leaf]
    ) -> tuple[Leaf, Leaf, Slots]:
        # 1 − β in float32, as Keras computes it here (and only here): 1 − 0.999 differs by 5e-5 in double.
        rate_1, rate_2 = 1.0 - jnp.float32(self.beta_1), 1.0 - jnp.float32(self.beta_2)
        m = slots["momentum"] + (gradient - slots["momentum"]) * rate_1
        v = slots["velocity"] + (jnp.square(gradient) - slots["velocity"]) * rate_2
        ahead = shared["next"] * m / (1.0 - shared["product"] * shared["next"])
        m_hat = ahead + (1.0 - shared["now"]) * gradient / (1.0 - shared["product"])
        root = jnp.sqrt(v / shared["velocity"]) + self.epsilon
        return -(m_hat * lr / root), 1.0 / root, {"momentum": m, "velocity": v}

    def _momentum(self, count: Leaf) -> Leaf:
        return jnp.float32(self.beta_1) * (1.0 - 0.5 * jnp.power(jnp.float32(0.96), count))


@dataclass(frozen=True)
class Lion(Optimizer):
    """w ← w − lr·sign(β₁m + (1 − β₁)g), then m ← β₂m + (1 − β₂)g. D = 1. Chen et al. 2023.

    Args:
        beta_1: in (0, 1], default 0.9.
        beta_2: in [0, 1), default 0.99.
    """

    beta_1: float = 0.9
    beta_2: float = 0.99
    name: ClassVar[str] = "lion"

    def __post_init__(self) -> None:
        if not 0 < self.beta_1 <= 1:
            raise StudyError("Lion: beta_1 must be in (0, 1]", self.beta_1)
        _require_decay(self, "beta_2")

    def slots(self) -> dict[str, float]:
        return {"momentum": 0.0}

    def leaf(
        self, gradient: Leaf, parameter: Leaf, slots: Slots, lr: Leaf, shared: Mapping[str, Leaf]
    ) -> tuple[Leaf, Leaf, Slots]:
        beta_1, beta_2 = jnp.float32(self.beta_1), jnp.float32(self.beta_2)
        update = -(lr * jnp.sign(slots["momentum"] * beta_1 + gradient * (1.0 - beta_1)))
        kept = slots["momentum"] * beta_2 + gradient * (1.0 - beta_2)
        return update, jnp.ones_like(gradient), {"momentum": kept}


OPTIMIZERS: Mapping[str, type[Optimizer]] = registry(
    (SGD, Adam, AdamW, RMSprop, Adagrad, Adadelta, Adamax, Nadam, Lion)
)
"""Every optimizer by name."""


def optimizer(spec: str | Optimizer) -> Optimizer:
    """The optimizer that a text describes, e.g. ``"sgd(momentum=0.9, nesterov=true)"``; ``to_text()`` is the way back.

    Raises:
        StudyError: unknown name or argument, a learning rate, or a value without a meaning.
    """
    named = parse("optimizer", spec)[2] if isinstance(spec, str) else {}
    for rate in ("learning_rate", "lr"):
        if rate in named:
            remedy = f"Give {option('learning_rate', named[rate])} beside the optimizer."
            raise StudyError("optimizer: the learning rate is a setting of its own", spec, remedy)
    return build("optimizer", spec, OPTIMIZERS)


def _require_decay(owner: Optimizer, *arguments: str) -> None:
    for argument in arguments:
        if not 0 <= getattr(owner, argument) < 1:
            raise StudyError(f"{type(owner).__name__}: {argument} must be in [0, 1)", getattr(owner, argument))


def _require_positive(owner: Optimizer, argument: str) -> None:
    if not getattr(owner, argument) > 0:
        raise StudyError(f"{type(owner).__name__}: {argument} must be positive", getattr(owner, argument))

"""Every optimizer by name, with the updates of Keras's, to rounding; here those without Adam's two averages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import jax.numpy as jnp

from wellposed.errors import StudyError, option
from wellposed.textform import build, parse, registry
from wellposed.training.adam import Adam, Adamax, AdamW, Nadam
from wellposed.training.muon import Muon
from wellposed.training.optimizer import Leaf, Optimizer, Slots, require_decay, require_positive

__all__ = [
    "OPTIMIZERS", "SGD", "Adadelta", "Adagrad", "Adam", "AdamW", "Adamax", "Lion", "Muon", "Nadam", "Optimizer",
    "RMSprop", "optimizer",
]  # fmt: skip


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
        require_decay(self, "rho")
        require_positive(self, "epsilon")
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
        require_positive(self, "epsilon")
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
        require_decay(self, "rho")
        require_positive(self, "epsilon")

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
        require_decay(self, "beta_2")

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
    (SGD, Adam, AdamW, RMSprop, Adagrad, Adadelta, Adamax, Nadam, Lion, Muon)
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

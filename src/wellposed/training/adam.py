"""Adam and its relatives, with the updates of Keras's optimizers, to rounding."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import jax.numpy as jnp

from wellposed.errors import StudyError
from wellposed.training.optimizer import (
    Count,
    Leaf,
    Optimizer,
    Params,
    Scalar,
    Slots,
    State,
    require_decay,
    require_positive,
)

__all__ = ["Adam", "AdamW", "Adamax", "Nadam"]


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
        require_decay(self, "beta_1", "beta_2")
        require_positive(self, "epsilon")

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
        require_decay(self, "beta_1", "beta_2")
        require_positive(self, "epsilon")

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
        require_decay(self, "beta_1", "beta_2")
        require_positive(self, "epsilon")

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

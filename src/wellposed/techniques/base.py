"""What a technique is: one small class with hooks, each of them the identity unless it is overridden.

The engine calls every hook in one place and knows no technique by name. A technique is written for one network and
one minibatch; populations, folds and seeds are mapped over it. Strengths are traced: a hook must not ask ``if`` of one.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar, dataclass_transform

import jax
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from wellposed.errors import TechniqueError
from wellposed.network.mlp import Network, Outputs
from wellposed.network.randomness import Rng
from wellposed.techniques.declaration import HOOKS, check_declaration, check_fields, guard_hooks, is_hashable
from wellposed.techniques.fields import check_strength, option, strength
from wellposed.techniques.parameters import Params, kernels, map_kernels
from wellposed.techniques.values import Batch, Context, Evaluation, Monitor, Own, Static
from wellposed.training.spec import Training

if TYPE_CHECKING:
    from wellposed.recipe import Recipe

__all__ = [
    "HOOKS", "Batch", "Context", "Evaluation", "Monitor", "Own", "Static", "Technique", "kernels", "map_kernels",
    "option", "overrides", "strength", "technique",
]  # fmt: skip

Evaluate = Callable[..., Evaluation]


_T = TypeVar("_T", bound="type[Technique]")


@dataclass_transform(frozen_default=True, field_specifiers=(strength, option))
def technique(cls: _T) -> _T:
    """Makes a technique of a class: a frozen dataclass, and a pytree whose leaves are its strengths.

    Raises:
        TechniqueError: a misspelt hook or one with other parameters, a missing name, family or reference, a field that
            is neither strength nor option.
    """
    check_declaration(cls, Technique)
    cls = dataclasses.dataclass(frozen=True)(cls)  # type: ignore[assignment]
    check_fields(cls)
    guard_hooks(cls)
    traced = tuple(field.name for field in dataclasses.fields(cls) if field.metadata["strength"])  # type: ignore[arg-type]
    static = tuple(field.name for field in dataclasses.fields(cls) if not field.metadata["strength"])  # type: ignore[arg-type]

    def flatten(self: Any) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        return tuple(getattr(self, name) for name in traced), tuple(getattr(self, name) for name in static)

    def unflatten(options: tuple[Any, ...], leaves: Sequence[Any]) -> Any:
        self = object.__new__(cls)  # no validation: leaves may be tracers
        for name, value in (*zip(traced, leaves, strict=True), *zip(static, options, strict=True)):
            object.__setattr__(self, name, value)
        return self

    jax.tree_util.register_pytree_node(cls, flatten, unflatten)
    return cls


class Technique:
    """One regularization method with its strengths.

    Subclasses are decorated with `technique`, declare their fields with `strength` and `option`, state the equation
    and the source in the docstring, and override the hooks that they need.

    Class attributes:
        name: the word for it in text (``l2``).
        family: the family in the catalogue.
        reference: the paper.
        cheap: may stand at its neutral strength in other recipes' programs (a step costs ≤ 1.15 × with it).
        order: place among the ``update`` hooks (decay 0, proximal 10, constraint 20, lookahead 30, averaging 40).
        decides: what only one technique can decide where it acts, in words ("how long a unit's weights are"). Two
            that share a word are refused in one place; so are two with the hooks ``inference`` or ``epoch_end``, and
            two that rewrite the same setting in ``training``.
        takes: what means nothing where it acts, in words ("lengths of the trained weights"). A technique that
            says in `requires` that it needs one of them is refused there.
    """

    name: ClassVar[str]
    family: ClassVar[str]
    reference: ClassVar[str]
    cheap: ClassVar[bool] = False
    order: ClassVar[int] = 0
    decides: ClassVar[tuple[str, ...]] = ()
    takes: ClassVar[tuple[str, ...]] = ()

    # -- what a technique says of itself -----------------------------------------------------------------------

    def __init__(self, *_: Any, **__: Any) -> None:
        self.__post_init__()  # only a class without the decorator comes here: a dataclass has its own

    def __post_init__(self) -> None:
        if "__dataclass_fields__" not in vars(type(self)):
            raise TechniqueError(
                f"{type(self).__name__}: is no technique yet", None, "Write @technique above the class."
            )
        for field in dataclasses.fields(self):  # type: ignore[arg-type]
            value = getattr(self, field.name)
            if field.metadata["strength"]:
                check_strength(type(self), field, value)
            elif not is_hashable(value):
                raise TechniqueError(f"{type(self).__name__}: {field.name} can't be changeable", value, "Give a tuple.")
            elif field.metadata["choices"] is not None and value not in field.metadata["choices"]:
                listed = ", ".join(field.metadata["choices"])
                raise TechniqueError(f"{type(self).__name__}: {field.name} must be one of {listed}", value)

    def __add__(self, other: Technique | Recipe) -> Recipe:
        """The recipe of both; the order doesn't matter."""
        from wellposed.recipe import (
            Recipe,
        )  # the one import against the grain: `L2(1e-3) + Dropout(0.2)` makes a Recipe

        return Recipe((self,)) + other

    @classmethod
    def example(cls) -> Self:
        """An instance at reference strengths."""
        return cls()

    def signature(self) -> tuple[Any, ...]:
        """What can't be traced: class and options. Techniques with equal signatures share a program."""
        fields = [field for field in dataclasses.fields(self) if not field.metadata["strength"]]  # type: ignore[arg-type]
        options = tuple((field.name, getattr(self, field.name)) for field in fields)
        return (type(self).__module__, type(self).__qualname__, options)

    def place(self) -> tuple[Any, ...]:
        """Sorts techniques into the order in which recipes and programs keep them."""
        return (self.order, self.name, repr(self.signature()))

    @classmethod
    def panel(cls) -> tuple[Technique, ...]:
        """What stands for it in the default panel: itself at reference strength, with a partner if it needs one.

        Raises:
            TechniqueError: it doesn't belong there, and why: the study lists it among those left out.
        """
        return (cls.example(),)

    @classmethod
    def strengths(cls) -> tuple[str, ...]:
        """Names of the traced fields; the first is the one that a bare number in text sets."""
        return tuple(field.name for field in dataclasses.fields(cls) if field.metadata["strength"])  # type: ignore[arg-type]

    @classmethod
    def search_space(cls) -> dict[str, tuple[float, float, bool]]:
        """By strength: lowest and highest value worth trying, and whether the scale is logarithmic."""
        fields = dataclasses.fields(cls)  # type: ignore[arg-type]
        return {f.name: (*f.metadata["search"], f.metadata["log"]) for f in fields if f.metadata["strength"]}

    def neutral(self) -> Self | None:
        """The same technique at the strengths at which it does nothing (None: there are none)."""
        fields = [field for field in dataclasses.fields(self) if field.metadata["strength"]]  # type: ignore[arg-type]
        values = {field.name: field.metadata["neutral"] for field in fields}
        if not values or any(value is None for value in values.values()):
            return None
        return dataclasses.replace(self, **values)  # type: ignore[type-var]

    def config(self) -> dict[str, Any]:
        """Name, strengths and options, ready for JSON."""
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}  # type: ignore[arg-type]
        return {"name": self.name, **values}

    def places(self, context: Context) -> frozenset[str]:
        """Where it acts; two of one class in a recipe must act in different places.

        Raises:
            TechniqueError: the option ``layers`` names a layer that the network doesn't have.
        """
        layers = getattr(self, "layers", None)
        if layers is None:
            return frozenset({""})
        on = getattr(self, "on", "")
        return frozenset(f"{on}:{layer}" for layer in self.chosen(context.layers, layers))

    def chosen(self, names: Sequence[str], layers: str) -> tuple[str, ...]:
        """The layers that ``layers`` chooses: ``all``, ``hidden``, ``last`` or names of layers joined by ``/``."""
        hidden = tuple(name for name in names if name.startswith("hidden"))
        groups = {"all": tuple(names), "hidden": hidden, "last": hidden[-1:], "": ()}
        if layers in groups:
            return groups[layers]
        chosen = tuple(layers.split("/"))
        for name in chosen:
            if name not in names:
                known = ", ".join(("all", "hidden", "last", *names))
                raise TechniqueError(f"{type(self).__name__}: no layer of that name", name, f"Choose from {known}.")
        return chosen

    def check(self, context: Context) -> None:
        """Refuses a network or task that it has no meaning for, with a remedy.

        Raises:
            TechniqueError: it doesn't apply.
        """

    # -- static hooks --------------------------------------------------------------------------------------------

    def requires(self) -> frozenset[str]:
        """What it needs beyond training rows: ``monitor`` rows, a ``teacher``, re-estimated ``statistics``.

        Or, in words, what another technique may take away (the class attribute ``takes``): "the length of the trained
        weights", "averages of the weights".

        When: a study is planned.
        Example: ``return frozenset({"monitor"})``
        """
        return frozenset()

    def training(self, spec: Training) -> Training:
        """Rewrites the training settings (optimizer, schedule); the loss stays.

        When: a study is planned, in the order of the recipe.
        Example: ``return dataclasses.replace(spec, schedule="cosine")``
        """
        return spec

    def network(self, spec: Network) -> Network:
        """Rewrites the network's blocks (normalization, residual blocks, heads).

        When: a study is planned, in the order of the recipe.
        Example: ``return dataclasses.replace(spec, blocks=tuple(spec.blocks))``
        """
        return spec

    # -- host and once -------------------------------------------------------------------------------------------

    def prepare(self, context: Context, rows: Mapping[str, Any]) -> Any:
        """Leaves made on the host, from training rows: ``x`` [rows, features] and ``y`` [rows, outputs], NumPy.

        Strengths aren't known here (a program holds many): ``self`` has the reference strengths, those of `example`,
        whatever the recipe says; options are the recipe's. Hooks find the leaves in ``own.prepared``.

        When: before training, once a split.
        Example: ``return {"mean": rows["x"].mean(0)}``
        """
        return ()

    def init(self, context: Context, params: Params, key: PRNGKeyArray) -> Own:
        """Its own parameters, trained by the optimizer with the network's, and its own state.

        When: once a member, with the initial weights.
        Example: ``return Own(params={"scale": jnp.float32(1.0)}, state=jnp.int32(0))``
        """
        return Own()

    # -- every step ----------------------------------------------------------------------------------------------

    def augment(self, batch: Batch, own: Own, rng: Rng) -> Batch:
        """1. Changes the minibatch before the network sees it.

        Members with equal strengths share the changed rows; ``own`` has ``prepared`` alone.

        When: every step, once for all members that see the same rows.
        Example: ``return batch._replace(x=batch.x + self.size * jax.random.normal(rng.key("noise"), batch.x.shape))``
        """
        return batch

    def weights(self, params: Params, own: Own, rng: Rng, *, train: bool) -> Params:
        """2. The weights that the network computes with; ``train=False``: those that are saved and exported.

        When: in every pass, before the network.
        Example: ``return jax.tree.map(lambda w: w * (1.0 - self.size), params)``
        """
        return params

    def hidden(
        self,
        h: Float[Array, "*heads rows units"],
        layer: str,
        own: Own,
        *,
        mask: Float[Array, " rows"],
        rng: Rng,
        train: bool,
    ) -> Float[Array, "*heads rows units"]:
        """3. Changes the values that enter (``input``) or leave (``hidden1``, …) a layer.

        With ``train=False`` it must give ``h`` back: a saved model is network and weights alone, and predicts without
        techniques. What should act there too belongs into `weights` or `network`.

        When: in every pass, once a layer; ``train=False`` in scores and predictions.
        Example: ``return h + self.size * jax.random.normal(rng.key("noise", layer), h.shape) if train else h``
        """
        return h

    def row_loss(
        self, losses: Float[Array, "heads rows"], outputs: Outputs, batch: Batch, own: Own
    ) -> Float[Array, "heads rows"]:
        """4. Changes the loss of each row; ``outputs.logits`` are [heads, rows, outputs].

        When: in every training pass, before weights and mask are applied.
        Example: ``return losses + self.size * jnp.sum(jnp.square(outputs.logits), -1)``
        """
        return losses

    def batch_loss(self, loss: Float[Array, ""]) -> Float[Array, ""]:
        """5. Changes the minibatch's mean loss, before penalties.

        When: in every training pass.
        Example: ``return jnp.maximum(loss, self.size)``
        """
        return loss

    def penalty(
        self, params: Params, own: Own, hidden: Mapping[str, Array], mask: Float[Array, " rows"]
    ) -> Float[Array, ""] | float:
        """6. A term added to the loss; of the raw trained parameters or of hidden values ([…, rows, units] by layer).

        When: in every training pass; also recorded once an epoch.
        Example: ``return self.size * sum(jnp.sum(jnp.abs(w)) for w in kernels(params, ("hidden1", "output")))``
        """
        return 0.0

    def objective(
        self, evaluate: Evaluate, params: Params, batch: Batch, own: Own, rng: Rng, *, draw: int
    ) -> Evaluation:
        """7. Around the loss: ``evaluate(params, batch, draw=n)`` is a pass; another ``n`` draws other masks.

        ``params`` is the pair (the network's, all techniques' own): hand it on as it is.

        When: every step, around hooks 2 to 6.
        Example: ``return evaluate(params, batch._replace(x=batch.x * (1.0 + self.size)), draw=draw)``
        """
        return evaluate(params, batch, draw=draw)

    def differentiate(
        self, grad: Callable[[Params], tuple[Params, Evaluation]], params: Params, own: Own
    ) -> tuple[Params, Evaluation]:
        """8. Around the gradient: ``grad(params)`` gives gradients and the evaluation behind them.

        ``params`` is the pair (the network's, all techniques' own); gradients have the same structure.

        When: every step, around hook 7.
        Example: ``return grad(jax.tree.map(lambda w: w * (1.0 + self.size), params))``
        """
        return grad(params)

    def gradients(self, grads: Params, own: Own, rng: Rng, *, step: Int[Array, ""]) -> Params:
        """9. Changes the gradients before the optimizer sees them: a pair, as in `differentiate`.

        When: every step; ``step`` counts updates from 1.
        Example: ``return jax.tree.map(lambda g: jnp.clip(g, -1.0, 1.0), grads)``
        """
        return grads

    def update(
        self,
        new: Params,
        old: Params,
        own: Own,
        *,
        lr: Float[Array, ""],
        preconditioner: Params,
        step: Int[Array, ""],
        total: Int[Array, ""],
    ) -> tuple[Params, Any]:
        """10. Changes the network's parameters after the optimizer's update; gives them and its own state.

        ``preconditioner`` is like the parameters: the optimizer's scale of each (1 for SGD). ``lr`` is this step's
        learning rate, schedule included; ``total`` the number of all updates.

        When: every step, in the techniques' `order`.
        Example: ``return jax.tree.map(lambda w, before: w - lr * self.size * before, new, old), own.state``
        """
        return new, own.state

    def inference(self, params: Params, own: Own) -> Sequence[Params]:
        """11. The parameter sets that predict; several are averaged over their predictions.

        When: in scores, predictions and saved models, before hook 2.
        Example: ``return (params,)``
        """
        return (params,)

    # -- every epoch ---------------------------------------------------------------------------------------------

    def epoch_end(
        self, own: Own, monitor: Monitor, *, epoch: Int[Array, ""]
    ) -> tuple[Any, Bool[Array, ""] | bool, Bool[Array, ""] | bool]:
        """12. State, whether to stop, and whether to keep the present weights as the member's result.

        When: after every epoch, if there are monitor rows (see `requires`); ``epoch`` counts from 0.
        Example: ``return own.state, monitor.scores["loss"] < self.size, True``
        """
        return own.state, False, True


def overrides(instance: Technique, hook: str) -> bool:
    """Whether the technique has a hook of its own there; what it doesn't override costs nothing."""
    return getattr(type(instance), hook) is not getattr(Technique, hook)

"""What a technique is: one small class with hooks, each of them the identity unless it is overridden.

The engine calls every hook in one place and knows no technique by name. A technique is written for one network and
one minibatch; populations, folds and seeds are mapped over it. Strengths are traced: a hook must not ask ``if`` of one.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self, TypeVar, dataclass_transform

import jax
from jaxtyping import Array, Float, PRNGKeyArray

from wellposed.errors import TechniqueError
from wellposed.network.mlp import Network, Outputs
from wellposed.network.randomness import Rng
from wellposed.techniques.declaration import HOOKS, check_declaration, check_fields, guard_hooks, is_hashable
from wellposed.techniques.fields import check_strength, option, strength
from wellposed.training.spec import Training

if TYPE_CHECKING:
    from wellposed.recipe import Recipe

__all__ = [
    "HOOKS", "Batch", "Context", "Evaluation", "Monitor", "Own", "Static", "Technique", "kernels", "map_kernels",
    "option", "overrides", "strength", "technique",
]  # fmt: skip

Params = Any
Evaluate = Callable[..., "Evaluation"]


@dataclasses.dataclass(frozen=True)
class Context:
    """What a technique may know of the study while programs are made; all of it is static.

    Attributes:
        features, outputs: columns of the encoded features and targets.
        task: ``classification`` or ``regression``.
        layers: names of the places: ``input``, ``hidden1``, …, ``output``.
        widths: columns at each of ``layers``.
        batch_size: rows of a minibatch.
        feature_groups: encoded column numbers by source column.
        image_shape: (height, width[, channels]) if rows are images.
        metric: name of the main metric.
        output_activation: turns logits into predictions; empty: as the task says (sigmoid, softmax or linear).
    """

    features: int
    outputs: int
    task: str
    layers: tuple[str, ...]
    widths: tuple[int, ...]
    batch_size: int
    feature_groups: tuple[tuple[int, ...], ...] = ()
    image_shape: tuple[int, ...] | None = None
    metric: str = "accuracy"
    output_activation: str = ""


class Batch(NamedTuple):
    """A minibatch. ``mask`` is 0 on rows that only fill up the last one; ``extra`` carries e.g. teacher outputs."""

    x: Float[Array, "rows features"]
    y: Float[Array, "rows outputs"]
    weight: Float[Array, " rows"]
    mask: Float[Array, " rows"]
    extra: dict[str, Array]


class Evaluation(NamedTuple):
    """The loss of one pass (penalties included), the pass's outputs and the network's state after it."""

    loss: Float[Array, ""]
    outputs: Outputs
    state: Any


class Monitor(NamedTuple):
    """Penalty-free scores on the monitor rows after an epoch, each turned so that lower is better.

    Attributes:
        scores: ``loss`` and the metrics by name; `Context.metric` names the main one.
    """

    scores: dict[str, Float[Array, ""]]


@jax.tree_util.register_static
@dataclasses.dataclass(frozen=True)
class Static:
    """Something static that ``init`` learned from the context and a hook needs: it stands in `Own` but holds no arrays.

    Args:
        value: hashable; part of the program's structure.
    """

    value: Any


class Own(NamedTuple):
    """What belongs to one technique: parameters (trained by the optimizer), state, and what ``prepare`` made."""

    params: Any = ()
    state: Any = ()
    prepared: Any = ()


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
    """

    name: ClassVar[str]
    family: ClassVar[str]
    reference: ClassVar[str]
    cheap: ClassVar[bool] = False
    order: ClassVar[int] = 0

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
        """What stands for it in the default panel: itself at reference strength, with a partner if it needs one."""
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
        """What it needs beyond training rows: ``monitor`` rows, a ``teacher``, re-estimated ``statistics``."""
        return frozenset()

    def training(self, spec: Training) -> Training:
        """Rewrites the training settings (optimizer, schedule)."""
        return spec

    def network(self, spec: Network) -> Network:
        """Rewrites the network's blocks (normalization, residual blocks, heads)."""
        return spec

    # -- host and once -------------------------------------------------------------------------------------------

    def prepare(self, context: Context, rows: Mapping[str, Any]) -> Any:
        """Leaves made on the host before training, from a stream's training rows (``x``, ``y``); e.g. a Beta table."""
        return ()

    def init(self, context: Context, params: Params, key: PRNGKeyArray) -> Own:
        """Its own parameters and state at the start."""
        return Own()

    # -- every step ----------------------------------------------------------------------------------------------

    def augment(self, batch: Batch, own: Own, rng: Rng) -> Batch:
        """1. Changes the minibatch before the network sees it. Runs once a stream: members share the changed rows."""
        return batch

    def weights(self, params: Params, own: Own, rng: Rng, *, train: bool) -> Params:
        """2. The weights that the network computes with; ``train=False``: those that are saved and exported."""
        return params

    def hidden(self, h: Array, layer: str, own: Own, *, mask: Array, rng: Rng, train: bool) -> Array:
        """3. Changes the values that enter (``input``) or leave (``hidden1``, …) a layer."""
        return h

    def row_loss(self, losses: Float[Array, "heads rows"], outputs: Outputs, batch: Batch, own: Own) -> Array:
        """4. Changes the loss of each row."""
        return losses

    def batch_loss(self, loss: Float[Array, ""]) -> Float[Array, ""]:
        """5. Changes the minibatch's mean loss, before penalties."""
        return loss

    def penalty(self, params: Params, own: Own, hidden: Mapping[str, Array], mask: Array) -> Float[Array, ""] | float:
        """6. A term added to the loss; acts on the raw trained parameters and on hidden values."""
        return 0.0

    def objective(
        self, evaluate: Evaluate, params: Params, batch: Batch, own: Own, rng: Rng, *, draw: int
    ) -> Evaluation:
        """7. Around the loss: ``evaluate(params, batch, draw=n)`` is a pass; another ``n`` draws other masks."""
        return evaluate(params, batch, draw=draw)

    def differentiate(
        self, grad: Callable[[Params], tuple[Params, Evaluation]], params: Params, own: Own
    ) -> tuple[Params, Evaluation]:
        """8. Around the gradient: ``grad(params)`` gives gradients and the evaluation behind them."""
        return grad(params)

    def gradients(self, grads: Params, own: Own, rng: Rng, *, step: Array) -> Params:
        """9. Changes the gradients before the optimizer sees them."""
        return grads

    def update(
        self, new: Params, old: Params, own: Own, *, lr: Array, preconditioner: Params, step: Array, total: Array
    ) -> tuple[Params, Any]:
        """10. Changes the network's parameters after the optimizer's update; gives them and its own state.

        Args:
            new, old: parameters after and before the update.
            lr: the learning rate of this step, schedule included.
            preconditioner: like the parameters: the optimizer's scale of each (1 for SGD).
            step: number of this update, from 1; total: number of all.
        """
        return new, own.state

    def inference(self, params: Params, own: Own) -> Sequence[Params]:
        """11. The parameter sets that predict; several are averaged over their predictions."""
        return (params,)

    # -- every epoch ---------------------------------------------------------------------------------------------

    def epoch_end(self, own: Own, monitor: Monitor, *, epoch: Array) -> tuple[Any, Array | bool, Array | bool]:
        """12. State, whether to stop, and whether to keep the present weights as the member's result."""
        return own.state, False, True


def overrides(instance: Technique, hook: str) -> bool:
    """Whether the technique has a hook of its own there; what it doesn't override costs nothing."""
    return getattr(type(instance), hook) is not getattr(Technique, hook)


def kernels(params: Params, layers: Sequence[str], leaf: str = "kernel") -> Iterator[Array]:
    """The kernels (or another ``leaf``, such as ``bias``) of the blocks named in ``layers``."""
    for block in layers:
        for layer in params.get(block, {}).values():
            if leaf in layer:
                yield layer[leaf]


def map_kernels(
    function: Callable[..., Array], layers: Sequence[str], params: Params, *others: Params, leaf: str = "kernel"
) -> Params:
    """``params`` with ``function`` applied to the kernels of the blocks in ``layers`` (``others``' beside them)."""

    def changed(block: str, layer: str) -> Any:
        leaves = params[block][layer]
        if block not in layers or leaf not in leaves:
            return leaves
        return {**leaves, leaf: function(leaves[leaf], *(other[block][layer][leaf] for other in others))}

    return {block: {layer: changed(block, layer) for layer in inner} for block, inner in params.items()}

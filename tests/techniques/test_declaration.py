"""A technique that is declared wrongly is refused when its class is made; one that fails in training is named."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from population.small import Shape, candidate, train
from wellposed.errors import TechniqueError
from wellposed.recipe import Recipe
from wellposed.techniques.base import HOOKS, Technique, option, strength, technique
from wellposed.techniques.catalog import CATALOG


def made(**members: Any) -> type[Technique]:
    """A technique called Mine with these members; its words are right unless given."""
    annotations = members.pop("annotations", {})
    words = {"name": "mine", "family": "targets", "reference": "Me 2026", "__annotations__": annotations}
    return technique(type("Mine", (Technique,), {**words, **members}))


def weight() -> Any:
    return strength(default=0.1, search=(1e-3, 1.0))


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "misspelt hook": (
        {"penality": lambda self, params: 0.0},
        "Mine: no hook of that name, got penality. "
        "Write penalty if that hook is meant, or _penality for a method of your own.",
    ),
    "too few parameters": (
        {"row_loss": lambda self, losses, outputs: losses},
        "Mine.row_loss: the parameters must be those of the hook, got (self, losses, outputs). "
        "Write def row_loss(self, losses, outputs, batch, own).",
    ),
    "any parameters": (
        {"hidden": lambda self, h, *args, **kwargs: h},
        "Mine.hidden: the parameters must be those of the hook, got (self, h, *args, **kwargs). "
        "Write def hidden(self, h, layer, own, *, mask, rng, train).",
    ),
    "static method": (
        {"batch_loss": staticmethod(lambda loss: loss)},
        "Mine.batch_loss: the parameters must be those of the hook, got staticmethod. "
        "Write def batch_loss(self, loss).",
    ),
    "no name": ({"name": ""}, 'Mine: name must be text, got nothing. Write name = "my-technique" in the class.'),
    "one word of what it decides": (
        {"decides": "the end"},
        "Mine: decides must be a tuple of texts, got the end. "
        'Write decides = ("how long a unit\'s weights are",) in the class.',
    ),
    "no family": ({"family": None}, 'Mine: family must be text, got nothing. Write family = "targets" in the class.'),
    "name as a field": (
        {"annotations": {"name": str}},
        "Mine: name must be text, got an annotation that makes it a field. "
        'Write name = "my-technique" in the class.',
    ),
    "name not for text": (
        {"name": "My=1"},
        "Mine: name can't stand in a recipe's text, got My=1. "
        "Write words in small letters joined by -, e.g. my-technique.",
    ),
    "no annotation": (
        {"weight": weight()},
        "Mine: a field needs an annotation, got weight. Write weight: float = ...",
    ),
    "plain default": (
        {"annotations": {"weight": "float"}, "weight": 0.1},
        "Mine: weight must be declared as a strength or an option, got float. "
        "Write weight: float = strength(default=0.1, search=(low, high)), or option(default=...).",
    ),
    "changeable default": (
        {"annotations": {"rates": "list"}, "rates": option(default=[0.1])},
        "Mine: rates can't be changeable, got [0.1]. "
        "Options are part of a compiled program: take text, a number or a tuple.",
    ),
    "hook as a field": (
        {"annotations": {"penalty": "float"}, "penalty": weight()},
        "Mine: a field can't have the name of a hook or method, got penalty. Give the field another name.",
    ),
    "strength that is no number": (
        {"annotations": {"weight": "float"}, "weight": strength(default="a", search=(0.1, 1))},  # type: ignore[arg-type]
        "Mine: weight needs a number as its default, got a. Strengths are numbers.",
    ),
    "search beyond bounds": (
        {"annotations": {"weight": "float"}, "weight": strength(default=0.1, maximum=1, search=(0.1, 2))},
        "Mine: weight: search must go from a lower to a higher value in bounds, got (0.1, 2). "
        "It ends at minimum and maximum; from 0 it needs log=False.",
    ),
    "logarithmic search from 0": (
        {"annotations": {"weight": "float"}, "weight": strength(default=0.1, search=(0.0, 2))},
        "Mine: weight: search must go from a lower to a higher value in bounds, got (0.0, 2). "
        "It ends at minimum and maximum; from 0 it needs log=False.",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_refused_when_the_class_is_made(case: str):
    members, message = WRONG[case]
    with pytest.raises(TechniqueError) as caught:
        made(**members)
    assert str(caught.value) == message


def test_only_techniques_are_decorated():
    with pytest.raises(TechniqueError, match=r"^technique: only a subclass of Technique can be one, got <class"):
        technique(int)  # type: ignore[type-var]


def test_a_name_is_not_inherited():
    with pytest.raises(TechniqueError) as caught:
        technique(type("Child", (CATALOG[0],), {"__doc__": "Another."}))
    assert str(caught.value) == 'Child: name must be text, got nothing. Write name = "my-technique" in the class.'


@pytest.mark.parametrize("parent", [Technique, CATALOG[0]], ids=["of Technique", "of another technique"])
def test_a_class_without_the_decorator(parent: type[Technique]):
    with pytest.raises(TechniqueError) as caught:
        type("Mine", (parent,), {})()
    assert str(caught.value) == "Mine: is no technique yet. Write @technique above the class."


def test_an_option_that_changes():
    cls = made(annotations={"rates": "tuple"}, rates=option(default=(0.1,)))
    with pytest.raises(TechniqueError) as caught:
        cls(rates=[0.1])  # type: ignore[call-arg]
    assert str(caught.value) == "Mine: rates can't be changeable, got [0.1]. Give a tuple."


def test_methods_of_ones_own_are_allowed():
    assert made(_penality=lambda self: 0.0, share=lambda self: 0.5)


def test_hooks_are_all_of_those_that_the_base_has():
    words = {"panel", "strengths", "search_space", "neutral", "config", "place", "places", "chosen", "check",
             "example", "signature"}  # fmt: skip
    methods = {name for name, value in vars(Technique).items() if callable(value) or isinstance(value, classmethod)}
    assert set(HOOKS) == {name for name in methods if not name.startswith("_")} - words - {"conflicts"}


# -- in training ---------------------------------------------------------------------------------------------------


def if_of_a_strength(self, losses, outputs, batch, own):
    return losses * 2.0 if self.weight > 0 else losses


def numpy_of_a_value(self, h, layer, own, *, mask, rng, train):
    return np.tanh(np.asarray(h))


def wrong_shape(self, losses, outputs, batch, own):
    return losses + outputs.logits


def lost_rows(self, losses, outputs, batch, own):
    return jnp.mean(losses, 1)


def vector(self, params, own, hidden, mask):
    return self.weight * params["output"]["dense"]["bias"]


def nothing(self, batch, own, rng):
    return None


def no_state(self, new, old, own, *, lr, preconditioner, step, total):
    return new


FAILING: dict[str, tuple[str, Callable[..., Any], str]] = {
    "if": (
        "row_loss",
        if_of_a_strength,
        "TracerBoolConversionError: a strength or array is traced and has no value yet. "
        "Use jnp.where in place of `if`, and jax.numpy in place of bool(), int(), float() and NumPy.",
    ),
    "numpy": (
        "hidden",
        numpy_of_a_value,
        "TracerArrayConversionError: a strength or array is traced and has no value yet. "
        "Use jnp.where in place of `if`, and jax.numpy in place of bool(), int(), float() and NumPy.",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", FAILING)
def test_a_hook_that_fails_is_named_with_its_line(case: str):
    hook, function, ending = FAILING[case]
    with pytest.raises(TechniqueError) as caught:
        trained(hook, function)
    line = function.__code__.co_firstlineno + 1
    assert str(caught.value) == f"Mine.{hook}: fails at line {line} of test_declaration.py, got {ending}"
    assert isinstance(caught.value.__cause__, jax.errors.JAXTypeError)


def test_a_shape_error_is_named_with_its_line():
    with pytest.raises(TechniqueError) as caught:
        trained("row_loss", wrong_shape)
    line = wrong_shape.__code__.co_firstlineno + 1
    assert str(caught.value) == (
        f"Mine.row_loss: fails at line {line} of test_declaration.py, got "
        "ValueError: Incompatible shapes for broadcasting: shapes=[(1, 7), (1, 7, 2)]. "
        "docs/writing-a-technique.md has every hook's shapes."
    )


@pytest.mark.parametrize(
    ("hook", "function", "message"),
    [
        (
            "row_loss",
            lost_rows,
            "Mine.row_loss: must give the losses as float32[1, 7], got float32[1]. Return what came in, changed.",
        ),
        (
            "penalty",
            vector,
            "Mine.penalty: must give a single number, got shape (2,). Sum or average over the rest; 0.0 adds nothing.",
        ),
        (
            "augment",
            nothing,
            "Mine.augment: must give a Batch, got NoneType. Write return batch._replace(x=...).",
        ),
        (
            "update",
            no_state,
            "Mine.update: must give parameters and state, got dict. Write return new, own.state.",
        ),
    ],
)
def test_a_result_of_the_wrong_form(hook: str, function: Callable[..., Any], message: str):
    with pytest.raises(TechniqueError) as caught:
        trained(hook, function)
    assert str(caught.value) == message


def trained(hook: str, function: Callable[..., Any]) -> None:
    """Trains a technique with this hook."""
    cls = made(annotations={"weight": "float"}, weight=weight(), **{hook: function})
    shape = Shape(splits=1, epochs=1, outputs=2)
    with warnings.catch_warnings():
        train(shape, [candidate(shape, Recipe((cls(),)))])

"""The example in every hook's docstring, which the documentation shows, is a hook that trains."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import textwrap
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from population.small import Shape, candidate, train
from wellposed.recipe import Recipe
from wellposed.techniques.base import HOOKS, Own, Technique, kernels, strength, technique

NAMES = {"Own": Own, "dataclasses": dataclasses, "jax": jax, "jnp": jnp, "kernels": kernels}


def example(hook: str) -> Any:
    """A function with the hook's parameters and the example as its body."""
    function = getattr(Technique, hook)
    [definition] = ast.parse(textwrap.dedent(inspect.getsource(function))).body
    assert isinstance(definition, ast.FunctionDef)
    text = (inspect.getdoc(function) or "").partition("\nExample: ``")[2].removesuffix("``").rstrip("`\n")
    arguments = definition.args
    for item in (*arguments.args, *arguments.kwonlyargs):
        item.annotation = None
    namespace: dict[str, Any] = dict(NAMES)
    exec(f"def {hook}({ast.unparse(arguments)}):\n    {text}", namespace)
    return namespace[hook]


@pytest.fixture(scope="module")
def cls() -> type[Technique]:
    """One technique with all the examples."""
    words = {"name": "examples", "family": "test", "reference": "none", "__annotations__": {"size": "float"}}
    size = strength(default=1e-3, neutral=0.0, search=(1e-4, 1e-1))
    return technique(type("Examples", (Technique,), {**words, "size": size, **{hook: example(hook) for hook in HOOKS}}))


def test_all_examples_train_together(cls: type[Technique]):
    shape = Shape(splits=1, epochs=2)
    member = train(shape, [candidate(shape, Recipe((cls(),)))])[0, 0]
    assert member.epochs_run == 2
    assert np.isfinite(member.curves).all()


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_says_when_it_runs(hook: str):
    text = inspect.getdoc(getattr(Technique, hook)) or ""
    assert text.count("\nWhen: ") == text.count("\nExample: ``return ") == 1

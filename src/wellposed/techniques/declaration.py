"""What makes a class a technique: its declaration is checked when it is made, its hooks whenever they are called.

Everything here is Python that runs while a program is traced; a compiled program doesn't know of it.
"""

from __future__ import annotations

import dataclasses
import difflib
import functools
import inspect
import re
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from wellposed.errors import TechniqueError, WellposedError

__all__ = ["HOOKS", "check_declaration", "check_fields", "guard_hooks"]

HOOKS = (
    "requires", "training", "network", "prepare", "init", "augment", "weights", "hidden", "row_loss", "batch_loss",
    "penalty", "objective", "differentiate", "gradients", "update", "inference", "epoch_end",
)  # fmt: skip
"""Every hook, in the order in which a study calls them."""

_WORDS = {"name": "my-technique", "family": "targets", "reference": "Author 2026, Title, Journal"}
_TRACED_AS_PYTHON = (
    jax.errors.TracerBoolConversionError,
    jax.errors.TracerIntegerConversionError,
    jax.errors.TracerArrayConversionError,
    jax.errors.ConcretizationTypeError,
)


# -- when a class is made ------------------------------------------------------------------------------------------


def check_declaration(cls: type, base: type) -> None:
    """Refuses a class with a misspelt or wrongly declared hook, without its words, or with a wrong field.

    Args:
        cls: before it becomes a dataclass; base: `Technique`.

    Raises:
        TechniqueError: what is wrong with it, and how it is written.
    """
    if not (isinstance(cls, type) and issubclass(cls, base)):
        remedy = "Write e.g. class LogitPenalty(Technique)."
        raise TechniqueError("technique: only a subclass of Technique can be one", cls, remedy)
    annotated = inspect.get_annotations(cls)
    for name, value in vars(cls).items():
        if name in annotated and not name.startswith("__"):
            continue
        if isinstance(value, dataclasses.Field):
            remedy = f"Write {name}: {'float' if value.metadata.get('strength') else 'str'} = ..."
            raise TechniqueError(f"{cls.__name__}: a field needs an annotation", name, remedy)
        if inspect.isfunction(value) or isinstance(value, (staticmethod, classmethod, property)):
            _check_method(cls, base, name, value)
    for name in annotated:
        value = vars(cls).get(name)
        value = value.default if isinstance(value, dataclasses.Field) else value
        if not is_hashable(value):
            remedy = "Options are part of a compiled program: take text, a number or a tuple."
            raise TechniqueError(f"{cls.__name__}: {name} can't be changeable", value, remedy)
        if hasattr(base, name) and isinstance(vars(cls).get(name), dataclasses.Field):
            remedy = "Give the field another name."
            raise TechniqueError(f"{cls.__name__}: a field can't have the name of a hook or method", name, remedy)
    _check_words(cls, annotated)


def _check_method(cls: type, base: type, name: str, value: Any) -> None:
    if name in HOOKS:
        wanted, got = inspect.signature(getattr(base, name)), _signature(value)
        if got != _parameters(wanted):
            remedy = f"Write def {name}{_parameters(wanted)}."
            raise TechniqueError(f"{cls.__name__}.{name}: the parameters must be those of the hook", got, remedy)
    elif not name.startswith("_") and not any(name in vars(parent) for parent in cls.__mro__[1:]):
        close = difflib.get_close_matches(name, [known for known in dir(base) if not known.startswith("_")], 1, 0.75)
        if close:
            remedy = f"Write {close[0]} if that hook is meant, or _{name} for a method of your own."
            raise TechniqueError(f"{cls.__name__}: no hook of that name", name, remedy)


def _signature(value: Any) -> str:
    if not inspect.isfunction(value):
        return type(value).__name__
    return _parameters(inspect.signature(value))


def _parameters(signature: inspect.Signature) -> str:
    """Names and kinds alone, as they are written."""
    plain = [item.replace(annotation=inspect.Parameter.empty) for item in signature.parameters.values()]
    return str(inspect.Signature(plain))


def _check_words(cls: type, annotated: dict[str, Any]) -> None:
    for word, example in _WORDS.items():
        own = "ClassVar" not in str(annotated.get(word, "ClassVar"))
        value = vars(cls).get(word) if word == "name" else getattr(cls, word, None)
        if own or not (isinstance(value, str) and value.strip()):
            got = "an annotation that makes it a field" if own else (value or "nothing")
            remedy = f'Write {word} = "{example}" in the class.'
            raise TechniqueError(f"{cls.__name__}: {word} must be text", got, remedy)
    for word in ("decides", "takes"):
        value = getattr(cls, word)
        if not (isinstance(value, tuple) and all(isinstance(deed, str) for deed in value)):
            remedy = f'Write {word} = ("how long a unit\'s weights are",) in the class.'
            raise TechniqueError(f"{cls.__name__}: {word} must be a tuple of texts", value, remedy)
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", cls.name) or cls.name == "baseline":  # type: ignore[attr-defined]
        remedy = "Write words in small letters joined by -, e.g. my-technique."
        raise TechniqueError(f"{cls.__name__}: name can't stand in a recipe's text", cls.name, remedy)  # type: ignore[attr-defined]


def check_fields(cls: type) -> None:
    """Refuses fields that aren't strengths or options, and values that can't be what they are declared as.

    Args:
        cls: after ``dataclasses.dataclass``.

    Raises:
        TechniqueError: the field and how it is written.
    """
    for field in dataclasses.fields(cls):
        place, metadata = f"{cls.__name__}: {field.name}", field.metadata
        if "strength" not in metadata:
            value = "0.01" if field.default is dataclasses.MISSING else repr(field.default)
            remedy = (
                f"Write {field.name}: float = strength(default={value}, search=(low, high)), or option(default=...)."
            )
            raise TechniqueError(f"{place} must be declared as a strength or an option", field.type, remedy)
        if not metadata["strength"]:
            continue
        low, high = metadata["search"]
        minimum, maximum = metadata["bounds"][:2]
        if not is_number(field.default):
            raise TechniqueError(f"{place} needs a number as its default", field.default, "Strengths are numbers.")
        if not (low < high and minimum <= low and high <= maximum and (low > 0 or not metadata["log"])):
            what = f"{place}: search must go from a lower to a higher value in bounds"
            raise TechniqueError(what, (low, high), "It ends at minimum and maximum; from 0 it needs log=False.")


def is_number(value: object) -> bool:
    """A number, which True and False aren't."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def is_hashable(value: object) -> bool:
    """Whether it can be part of a program's structure, all its parts included."""
    try:
        hash(value)
    except TypeError:
        return False
    return True


# -- when a hook is called -----------------------------------------------------------------------------------------


def guard_hooks(cls: type) -> None:
    """Wraps the hooks that ``cls`` defines: what goes wrong in one, or with its result, names technique and hook."""
    for hook in HOOKS:
        if hook in vars(cls):
            setattr(cls, hook, _guarded(hook, vars(cls)[hook]))


def _guarded(hook: str, function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def called(self: Any, *args: Any, **named: Any) -> Any:
        place = f"{type(self).__name__}.{hook}"
        try:
            result = function(self, *args, **named)
        except WellposedError:
            raise
        except Exception as error:
            raise _explained(place, error, function) from error
        wrong = _wrong(hook, args, result)
        if wrong:
            raise TechniqueError(f"{place}: must give {wrong[0]}", wrong[1], wrong[2])
        return result

    return called


def _explained(place: str, error: Exception, function: Callable[..., Any]) -> TechniqueError:
    """The error as one line that says where in the user's file it happened."""
    code = inspect.unwrap(function).__code__
    line, trace = code.co_firstlineno, error.__traceback__
    while trace is not None:
        line = trace.tb_lineno if trace.tb_frame.f_code.co_filename == code.co_filename else line
        trace = trace.tb_next
    where = f"{place}: fails at line {line} of {code.co_filename.rpartition('/')[2]}"
    if isinstance(error, _TRACED_AS_PYTHON):
        got = f"{type(error).__name__}: a strength or array is traced and has no value yet"
        remedy = "Use jnp.where in place of `if`, and jax.numpy in place of bool(), int(), float() and NumPy."
        return TechniqueError(where, got, remedy)
    first = next((text for text in str(error).splitlines() if text.strip()), "no message")
    return TechniqueError(
        where, f"{type(error).__name__}: {first}", "docs/writing-a-technique.md has every hook's shapes."
    )


def _wrong(hook: str, args: tuple[Any, ...], result: Any) -> tuple[str, str, str] | None:
    """What the hook should have given, what it gave, and a remedy; None if it is right."""
    if hook in ("batch_loss", "penalty"):
        if is_number(result) or getattr(result, "shape", None) == ():
            return None
        got = f"shape {result.shape}" if hasattr(result, "shape") else type(result).__name__
        return "a single number", got, "Sum or average over the rest; 0.0 adds nothing."
    state = "The state keeps the shapes that init gave it."
    if hook == "update":
        if not (isinstance(result, tuple) and len(result) == 2):
            return "parameters and state", type(result).__name__, "Write return new, own.state."
        return _changed("the parameters", args[0], result[0], "") or _changed(
            "its state", args[2].state, result[1], state
        )
    if hook == "epoch_end":
        if not (isinstance(result, tuple) and len(result) == 3):
            return "state, stop, keep", type(result).__name__, "Write return own.state, False, True."
        return _changed("its state", args[0].state, result[0], state)
    kept = {"weights": "weights", "hidden": "values", "gradients": "gradients", "row_loss": "losses"}
    if hook in kept:
        return _changed(f"the {kept[hook]}", args[0], result, "Return what came in, changed.")
    if hook == "augment":
        if type(result) is not type(args[0]):
            return "a Batch", type(result).__name__, "Write return batch._replace(x=...)."
        return _changed("the batch", args[0][:4], result[:4], "Rows and columns stay as many as they were.")
    return None


def _changed(noun: str, given: Any, result: Any, remedy: str) -> tuple[str, str, str] | None:
    """What differs in structure, shape or type from what was given."""
    wanted, got = jax.tree.flatten(given), jax.tree.flatten(result)
    if wanted[1] != got[1]:
        return f"{noun} in the structure that came in", str(got[1]), remedy
    for old, new in zip(wanted[0], got[0], strict=True):
        if (jnp.shape(old), jnp.result_type(old)) != (jnp.shape(new), jnp.result_type(new)):
            forms = [f"{jnp.result_type(leaf)}{list(jnp.shape(leaf))}" for leaf in (old, new)]
            return f"{noun} as {forms[0]}", forms[1], remedy
    return None

"""Recipes: combinations of techniques, and their text form ``l2=1e-3 + dropout=0.2``."""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from wellposed.errors import TechniqueError
from wellposed.techniques.base import Context, Technique, overrides
from wellposed.techniques.catalog import find, refuse_taken_name
from wellposed.training.spec import Training

__all__ = ["BASELINE", "Recipe", "parse", "parse_grid"]

_PLUS = re.compile(r"(?<![0-9][eE])\+")  # not the plus of 1e+3
_MOST_RECIPES = 1000


@dataclasses.dataclass(frozen=True)
class Recipe:
    """A combination of techniques; the empty one is the baseline.

    ``L2(1e-3) + Dropout(0.2)`` makes one. The order of ``+`` doesn't matter: techniques are kept in the order in
    which they act.

    Raises:
        TechniqueError: the same technique twice in one place, or two that both decide which weights predict.
    """

    techniques: tuple[Technique, ...] = ()

    def __post_init__(self) -> None:
        for item in self.techniques:
            if not isinstance(item, Technique):
                raise TechniqueError(
                    "recipe: every part must be a technique", item, "Write e.g. L2(1e-3) + Dropout(0.2)."
                )
            refuse_taken_name(type(item))
        object.__setattr__(self, "techniques", tuple(sorted(self.techniques, key=Technique.place)))
        signatures = [item.signature() for item in self.techniques]
        for item, signature in zip(self.techniques, signatures, strict=True):
            if signatures.count(signature) > 1:
                raise TechniqueError(
                    f"recipe: {item.name} is given twice with the same options",
                    self.name,
                    "Keep one of them, or give them different layers.",
                )
        for hook, deed in (
            ("inference", "which weights predict"),
            ("epoch_end", "when training stops and what is kept"),
        ):
            owners = [item.name for item in self.techniques if overrides(item, hook)]
            if len(owners) > 1:
                what = f"recipe: only one technique can decide {deed}"
                raise TechniqueError(what, " + ".join(owners), "Keep one of them.")

    @property
    def name(self) -> str:
        """The text form; ``baseline`` for the empty recipe."""
        return " + ".join(text(item) for item in self.techniques) or "baseline"

    def __str__(self) -> str:
        return self.name

    def __add__(self, other: Technique | Recipe) -> Recipe:
        """Both together."""
        if isinstance(other, Technique):
            other = Recipe((other,))
        if not isinstance(other, Recipe):
            return NotImplemented
        return Recipe(self.techniques + other.techniques)

    def __iter__(self) -> Iterator[Technique]:
        return iter(self.techniques)

    def __len__(self) -> int:
        return len(self.techniques)

    def requires(self) -> frozenset[str]:
        """What its techniques need beyond training rows."""
        return frozenset().union(*(item.requires() for item in self.techniques))

    def check(self, context: Context) -> None:
        """Refuses what has no meaning for this network and task.

        Raises:
            TechniqueError: an unknown layer, two of one class in one place, a technique that doesn't apply, or two that
                have no meaning together.
        """
        taken: dict[type[Technique], frozenset[str]] = {}
        for item in self.techniques:
            item.check(context)
            places = item.places(context)
            both = places & taken.get(type(item), frozenset())
            if both:
                where = ", ".join(sorted(place.strip(":") for place in both))
                raise TechniqueError(f"recipe: {item.name} acts twice on {where}", self.name, "Choose separate layers.")
            taken[type(item)] = taken.get(type(item), frozenset()) | places
        for one, other in itertools.combinations(self.techniques, 2):
            _refuse_two(one, other, context)


def _refuse_two(one: Technique, other: Technique, context: Context) -> None:
    """Two that decide one thing in one place or rewrite one setting of training, or one that takes the other's ground.

    Raises:
        TechniqueError: they are such.
    """
    deeds = [deed for deed in one.decides if deed in other.decides]
    layers = [{place.rpartition(":")[2] for place in item.places(context)} for item in (one, other)]
    everywhere = "" in layers[0] | layers[1]
    apart = not everywhere and not layers[0] & layers[1]
    plain = Training()
    settings = [
        {field.name for field in dataclasses.fields(plain) if getattr(spec, field.name) != getattr(plain, field.name)}
        for spec in (one.training(plain), other.training(plain))
    ]
    shared = [f"the training's {name}" for name in sorted(settings[0] & settings[1])]
    remedy = "Keep one of them." if everywhere or shared else "Keep one of them, or give them separate layers."
    both = f"{one.name} + {other.name}"
    for deed in ([] if apart else deeds) + shared:
        raise TechniqueError(f"recipe: only one technique can decide {deed}", both, remedy)
    for taker, user in ((one, other), (other, one)):
        for lost in sorted(user.requires() & set(taker.takes) if not apart else ()):
            what = f"recipe: {user.name} needs {lost}, which mean nothing beside {taker.name}"
            raise TechniqueError(what, both, remedy)


def text(item: Technique) -> str:
    """The text form of one technique: ``dropout=0.2,layers=hidden1``; options at their defaults are left out."""
    parts = []
    for index, field in enumerate(dataclasses.fields(item)):  # type: ignore[arg-type]
        value = getattr(item, field.name)
        if index == 0 and (field.metadata["strength"] or value != field.default):
            parts.append(f"{item.name}={_value_text(value)}")
        elif value != field.default:
            parts.append(f"{field.name}={_value_text(value)}")
    if not parts or not parts[0].startswith(f"{item.name}="):
        parts.insert(0, item.name)
    return ",".join(parts)


def parse(written: str) -> Recipe:
    """The recipe that ``written`` describes, e.g. ``"l1=1e-4,on=activity + dropout=0.2"``; ``"baseline"`` is empty.

    Raises:
        TechniqueError: an unknown technique or option, or a strength out of range.
    """
    recipes = parse_grid(written)
    if len(recipes) != 1:
        raise TechniqueError("recipe: a single recipe is wanted, without | or ..", written)
    return recipes[0]


def parse_grid(written: str) -> list[Recipe]:
    """All recipes of a text in which strengths may be lists ``0.1|0.2`` or ranges ``1e-5..1e-1``.

    A logarithmic range takes one value a power of ten, a linear one five values; ``1e-5..1e-1:9`` takes nine.

    Raises:
        TechniqueError: as `parse`; more than 1000 recipes.
    """
    if not written.strip() or written.strip() == "baseline":
        return [BASELINE]
    choices = [list(_parse_technique(part.strip(), written)) for part in _PLUS.split(written)]
    count = int(np.prod([len(choice) for choice in choices]))
    if count > _MOST_RECIPES:
        raise TechniqueError(
            f"recipe: a grid may hold at most {_MOST_RECIPES} recipes", f"{count} in {written!r}", "Take fewer values."
        )
    return [Recipe(combination) for combination in itertools.product(*choices)]


def _value_text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value) if isinstance(value, (int, float)) else str(value)


def _parse_technique(part: str, whole: str) -> Iterable[Technique]:
    if not part:
        raise TechniqueError("recipe: a technique is missing beside a +", whole, "Write e.g. 'l2=1e-3 + dropout=0.2'.")
    pieces = [piece.strip() for piece in part.split(",")]
    name, _, first = pieces[0].partition("=")
    cls = find(name.strip())
    fields = {field.name: field for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
    given: dict[str, str] = {}
    if first.strip():
        if not fields:
            raise TechniqueError(f"{name}: takes no strength", part, f"Write {name} alone.")
        given[next(iter(fields))] = first.strip()
    elif "=" in pieces[0]:
        raise TechniqueError(f"{name}: a value is missing after =", part, f"Write e.g. {text(cls.example())}.")
    for place, piece in enumerate(pieces[1:], start=1):
        key, sign, value = (item.strip() for item in piece.partition("="))
        key = key.replace("-", "_")
        if key not in fields or not sign or not value:
            known = ", ".join(fields) or "none"
            if _is_technique(key):
                joined = f"{','.join(pieces[:place])} + {','.join(pieces[place:])}"
                raise TechniqueError("recipe: techniques are joined with +", part, f"Write {joined}.")
            raise TechniqueError(
                f"{name}: no such option", piece, f"Its options: {known}; write e.g. {text(cls.example())}."
            )
        if key in given:
            raise TechniqueError(f"{name}: {key} is given twice", part, "Keep one of them.")
        given[key] = value
    values = [[(key, value) for value in _values(cls, fields[key], written)] for key, written in given.items()]
    return [cls(**dict(combination)) for combination in itertools.product(*values)]


def _is_technique(name: str) -> bool:
    try:
        return bool(find(name))
    except TechniqueError:
        return False


def _values(cls: type[Technique], field: dataclasses.Field[Any], written: str) -> list[Any]:
    """The values of a field: one, a list ``a|b``, or a range ``a..b[:n]``."""
    if not field.metadata["strength"]:
        return [_option(cls, field, item.strip()) for item in written.split("|")]
    if "..." in written:
        raise TechniqueError(f"{cls.name}: a range has two dots", written, "Write e.g. 1e-5..1e-1.")
    if ".." in written:
        ends, _, count = written.partition(":")
        low, high = (_number(cls, field, item) for item in ends.split("..", 1))
        return _range(cls, field, low, high, count.strip(), written)
    return [_number(cls, field, item) for item in written.split("|")]


def _range(
    cls: type[Technique], field: dataclasses.Field[Any], low: float, high: float, count: str, written: str
) -> list[float]:
    log = field.metadata["log"]
    if not (low < high and (low > 0 or not log)):
        raise TechniqueError(f"{cls.name}: a range goes from a smaller to a larger positive value", written)
    if count and not (count.isdigit() and 2 <= int(count) <= _MOST_RECIPES):
        raise TechniqueError(f"{cls.name}: a range needs at least 2 values after ':'", written)
    number = int(count) if count else (round(np.log10(high / low)) + 1 if log else 5)
    spaced = np.geomspace(low, high, max(number, 2)) if log else np.linspace(low, high, number)
    return [float(f"{value:.6g}") for value in spaced]


def _number(cls: type[Technique], field: dataclasses.Field[Any], written: str) -> Any:
    try:
        value = float(written)
    except ValueError:
        raise TechniqueError(f"{cls.name}: {field.name} must be a number", written.strip()) from None
    return int(value) if isinstance(field.default, int) and value.is_integer() else value


def _option(cls: type[Technique], field: dataclasses.Field[Any], written: str) -> Any:
    if isinstance(field.default, bool):
        if written.lower() not in ("true", "false"):
            raise TechniqueError(f"{cls.name}: {field.name} must be true or false", written)
        return written.lower() == "true"
    if isinstance(field.default, float):
        return _number(cls, field, written)
    if isinstance(field.default, int):
        if not written.lstrip("-").isdigit():
            raise TechniqueError(f"{cls.name}: {field.name} must be a whole number", written)
        return int(written)
    if isinstance(field.default, float):
        return _number(cls, field, written)
    return written


BASELINE = Recipe()

"""Specifications as text and back: ``"adam"``, ``"sgd(momentum=0.9, nesterov=true)"``.

The text is parsed as Python's grammar, never evaluated: a call's name, and literal arguments.
"""

from __future__ import annotations

import ast
import math
import re
from abc import ABC
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, Field, fields
from typing import Any, ClassVar, TypeVar

from wellposed.errors import StudyError

_LONGEST = 300  # characters; keeps the parser's recursion bounded
_WORDS: Mapping[str, object] = {"true": True, "false": False, "none": None}


class Named(ABC):
    """What has a name in text: a frozen dataclass whose fields are its arguments.

    Subclasses set ``name``, and ``aliases`` where other names are common.
    """

    name: ClassVar[str]
    aliases: ClassVar[tuple[str, ...]] = ()

    def to_text(self) -> str:
        """The text that ``build`` turns into an equal object; arguments at their defaults are left out."""
        shown = []
        for field in fields(self):  # pyright: ignore[reportArgumentType]
            value = getattr(self, field.name)
            if field.default is MISSING or value != field.default:
                shown.append(f"{field.name}={_write(value)}")
        return f"{self.name}({', '.join(shown)})" if shown else self.name


Spec = TypeVar("Spec", bound=Named)


def registry(classes: Iterable[type[Spec]]) -> dict[str, type[Spec]]:
    """The classes by name, in the order given."""
    return {cls.name: cls for cls in classes}


def build(kind: str, spec: str | Spec, classes: Mapping[str, type[Spec]]) -> Spec:
    """The object that a text describes; an object is handed back as it is.

    Args:
        kind: the noun in messages, e.g. ``"optimizer"``.
        spec: ``"name"`` or ``"name(argument=value, ...)"``. Case, ``_`` and ``-`` in the name don't matter;
            ``true``, ``false``, ``none`` and unquoted words are values; arguments may also go by position.
        classes: the classes by name.

    Raises:
        StudyError: the text can't be parsed, the name or an argument is unknown, or a value has the wrong type.
    """
    if not isinstance(spec, str):
        return spec
    name, positional, named = parse(kind, spec)
    cls = _find(kind, name, classes)
    return cls(**_arguments(kind, cls, positional, named))


def parse(kind: str, text: str) -> tuple[str, list[object], dict[str, object]]:
    """Split ``"name(1, a=2)"`` into ``("name", [1], {"a": 2})``."""
    remedy = f'Write "name" or "name(argument=value)" for the {kind}.'
    if len(text) > _LONGEST:
        raise StudyError(f"{kind}: text is longer than {_LONGEST} characters", text, remedy)
    bare = re.fullmatch(r"\s*([A-Za-z][\w-]*)\s*", text)
    if bare:
        return bare[1], [], {}
    call = re.fullmatch(r"\s*([A-Za-z][\w-]*)\s*(\(.*\))\s*", text, re.DOTALL)
    try:
        if call is None:
            raise ValueError
        # The name is put aside because "glorot-uniform" is no Python name.
        node = ast.parse(f"f{call[2]}", mode="eval").body
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            raise ValueError
        positional = [_value(argument) for argument in node.args]
        named = {}
        for keyword in node.keywords:
            if keyword.arg is None:
                raise ValueError
            named[keyword.arg] = _value(keyword.value)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        raise StudyError(f"{kind}: can't be understood", text, remedy) from None
    return call[1], positional, named


def _value(node: ast.expr) -> object:
    if isinstance(node, ast.Name):
        return _WORDS.get(node.id.lower(), node.id)
    return ast.literal_eval(node)


def _key(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "")


def _find(kind: str, name: str, classes: Mapping[str, type[Spec]]) -> type[Spec]:
    for cls in classes.values():
        if _key(name) in {_key(known) for known in (cls.name, *cls.aliases)}:
            return cls
    raise StudyError(f"{kind}: unknown name", name, f"Choose one of {', '.join(sorted(classes))}.")


def _arguments(kind: str, cls: type[Named], positional: list[object], named: dict[str, object]) -> dict[str, Any]:
    known: dict[str, Field[Any]] = {field.name: field for field in fields(cls)}  # pyright: ignore[reportArgumentType]
    remedy = f"Its arguments are {', '.join(known)}." if known else "It takes no arguments."
    if len(positional) > len(known):
        raise StudyError(f"{kind} {cls.name}: too many arguments", len(positional), remedy)
    given = dict(zip(known, positional, strict=False))
    for argument, value in named.items():
        if argument not in known:
            raise StudyError(f"{kind} {cls.name}: unknown argument", argument, remedy)
        if argument in given:
            raise StudyError(f"{kind} {cls.name}: argument given twice", argument, remedy)
        given[argument] = value
    for argument, field in known.items():
        if field.default is MISSING and argument not in given:
            raise StudyError(f"{kind} {cls.name}: argument {argument} is missing", None, remedy)
    return {argument: _typed(kind, cls, known[argument], value) for argument, value in given.items()}


def _typed(kind: str, cls: type[Named], field: Field[Any], value: object) -> object:
    """The value as the field's annotation asks: whole numbers are floats where a float is wanted, lists are tuples."""
    wanted = field.type if isinstance(field.type, str) else getattr(field.type, "__name__", str(field.type))
    if wanted == "float" and _is_number(value):
        return float(value)  # pyright: ignore[reportArgumentType]
    if wanted == "bool" and isinstance(value, bool):
        return value
    if wanted == "int" and isinstance(value, int) and not isinstance(value, bool):
        return value
    if wanted == "str" and isinstance(value, str):
        return value
    if wanted.startswith("tuple[float") and isinstance(value, tuple | list) and all(map(_is_number, value)):
        return tuple(float(item) for item in value)
    noun = {"float": "a number", "int": "a whole number", "bool": "true or false", "str": "a word"}.get(
        wanted, "numbers in parentheses"
    )
    raise StudyError(f"{kind} {cls.name}: {field.name} must be {noun}", value)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _write(value: object) -> str:
    if isinstance(value, bool) or value is None:
        return str(value).lower()
    if isinstance(value, tuple):
        return f"({', '.join(map(_write, value))}{',' if len(value) == 1 else ''})"
    if isinstance(value, float):
        return re.sub(r"e([+-])0(\d)$", r"e\1\2", repr(value))  # 1e-07 is written 1e-7
    return str(value)

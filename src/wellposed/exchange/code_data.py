"""The first half of a script: reads a table, encodes it as wellposed does, learns scales from training rows."""

from __future__ import annotations

import ast
import re
from typing import Any

from wellposed.models.model import Model

__all__ = ["data_code", "literal"]

_COMPARISON = re.compile(r"^(.*?)\s*(>=|<=|==|!=|>|<)\s*(.+)$")


def literal(value: Any, indent: int = 0) -> str:
    """A value as Python writes it; a long list on several lines."""
    written = repr(value)
    if len(written) <= 100 or not isinstance(value, list | dict):
        return written
    pad = " " * (indent + 4)
    items = [repr(item) for item in value] if isinstance(value, list) else [f"{k!r}: {v!r}" for k, v in value.items()]
    lines, line = [], ""
    for item in items:
        if line and len(line) + len(item) > 110:
            lines.append(line)
            line = ""
        line += f"{item}, "
    ends = "[]" if isinstance(value, list) else "{}"
    body = "\n".join(f"{pad}{part.rstrip()}" for part in [*lines, line])
    return f"{ends[0]}\n{body}\n{' ' * indent}{ends[1]}"


def data_code(model: Model, held_out: float = 0.2) -> list[str]:
    """Lines that leave ``x``, ``y`` (encoded), ``train`` and ``held_out`` (row numbers)."""
    schema = model.schema
    if schema.image_shape is not None:
        lines = ['arrays = np.load(DATA)', 'numbers = arrays["x"].reshape(len(arrays["x"]), -1).astype("float64")',
                 'labels = arrays["y"].astype(str)', "", *_split("numbers", held_out)]  # fmt: skip
        return [*lines, *_scaled([]), 'x = numbers.astype("float32")', *_targets(model)]
    numeric = [column.name for column in schema.columns if column.numeric]
    flagged = [column.name for column in schema.columns if column.numeric and column.missing]
    lines = [f"NUMERIC = {literal(numeric)}"]
    categorical = [column for column in schema.columns if not column.numeric]
    if categorical:
        lines.append("CATEGORIES = {")
        for column in categorical:
            lines.append(f"    {column.name!r}: {literal(list(column.categories), 4)},")
        lines.append("}")
    kinds = ", dtype=dict.fromkeys(CATEGORIES, str)" if categorical else ""
    markers = f", na_values={['?', *schema.na]!r}"
    lines += ["", f'frame = pd.read_csv(DATA, sep=None, engine="python"{markers}{kinds})']
    lines += [_target_line(model), "", *_split("frame", held_out)]
    parts = []
    if numeric:
        lines += ['numbers = frame[NUMERIC].to_numpy(dtype="float64")']
        if flagged:
            flags = [numeric.index(name) for name in flagged]
            lines += [f"missing = np.isnan(numbers[:, {flags!r}])"]
        lines += _scaled(flagged)
        parts.append("numbers")
        parts += ["missing"] if flagged else []
    for column in categorical:
        name, cells = f"parts_{len(parts)}", f"frame[{column.name!r}]"
        labels = f"CATEGORIES[{column.name!r}]"
        lines.append(f"{name} = np.stack([{cells} == label for label in {labels}], 1)")
        parts.append(name)
        if column.other:
            name = f"parts_{len(parts)}"
            lines.append(f"{name} = frame[[{column.name!r}]].isin({literal(list(column.other))}).to_numpy()")
            parts.append(name)
        if column.missing:
            name = f"parts_{len(parts)}"
            lines.append(f"{name} = frame[[{column.name!r}]].isna().to_numpy()")
            parts.append(name)
    joined = parts[0] if len(parts) == 1 else f"np.hstack([{', '.join(parts)}])"
    lines.append(f'x = {joined}.astype("float32")')
    return [*lines, *_targets(model)]


def _split(rows: str, held_out: float) -> list[str]:
    return [
        f"order = np.random.default_rng(0).permutation(len({rows}))",
        f"held_out, train = np.split(order, [int({held_out:g} * len(order))])",
        "",
    ]


def _scaled(flagged: list[str]) -> list[str]:
    fill = "# missing cells take the training rows' median" if flagged else ""
    return [
        f"median = np.nanmedian(numbers[train], axis=0)  {fill}".rstrip(),
        "numbers = np.where(np.isnan(numbers), median, numbers)",
        "mean, spread = numbers[train].mean(axis=0), numbers[train].std(axis=0)",
        "numbers = (numbers - mean) / np.where(spread > 0, spread, 1.0)",
    ]


def _target_line(model: Model) -> str:
    target = model.target
    if target.task == "regression":
        return f'targets = frame[{list(target.columns)!r}].to_numpy(dtype="float64")'
    if target.expression is not None and (found := _COMPARISON.match(target.expression)):
        column, sign, value = found.groups()
        names = f"{target.classes[1]!r}, {target.classes[0]!r}"
        return f"labels = np.where(frame[{column.strip('`')!r}] {sign} {_value(value)!r}, {names})"
    return f"labels = frame[{target.columns[0]!r}].astype(str).to_numpy()"


def _value(written: str) -> object:
    """The number or text that an expression compares with; never code."""
    try:
        return ast.literal_eval(written)
    except (ValueError, SyntaxError):
        return written


def _targets(model: Model) -> list[str]:
    target = model.target
    if target.task == "regression":
        if not target.scaled:
            return ['y = targets.astype("float32")']
        return [
            "target_mean, target_spread = targets[train].mean(axis=0), targets[train].std(axis=0)",
            "# predictions · target_spread + target_mean are in the targets' own units",
            'y = ((targets - target_mean) / target_spread).astype("float32")',
        ]
    lines = [f"CLASSES = {literal(list(target.classes))}"]
    if target.per_class:
        return [*lines, 'y = np.stack([labels == name for name in CLASSES], 1).astype("float32")']
    return [*lines, 'y = (labels == CLASSES[1]).astype("float32")[:, None]']

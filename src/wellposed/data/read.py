"""Read a table from anywhere into a :class:`~wellposed.data.dataset.Dataset`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from wellposed.data.dataset import Dataset
from wellposed.data.files import MEMORY
from wellposed.data.further import feature_frame, like, with_test
from wellposed.data.leaks import leak_warnings
from wellposed.data.opening import open_source
from wellposed.data.roles import infer_roles
from wellposed.data.source import column_name
from wellposed.data.special import special_columns
from wellposed.data.targets import TargetSpec, convert_targets, missing_column, parse_target
from wellposed.errors import DataError, option, quoted


def read(
    source: Any,
    target: str | Sequence[str] | None = None,
    *,
    drop: Sequence[str] = (),
    na: Sequence[str] = (),
    task: Literal["auto", "classification", "regression"] = "auto",
    weight: str | None = None,
    group: str | None = None,
    time: str | None = None,
    split_column: str | None = None,
    categorical: Sequence[str] = (),
    numeric: Sequence[str] = (),
    name: str | None = None,
    memory: int = MEMORY,
) -> Dataset:
    """A data set with the role of every column found and shown (``Dataset.summary``).

    Args:
        source: a path (.csv, .tsv, .txt, .parquet, .npz, gzipped too), ``"X.npy,y.npy"``, a registry name such as
            ``"circles"``, a pandas frame, or arrays ``(X, y)``.
        target: a column; several columns for regression; or an expression such as ``"quality >= 6"``. Arrays and
            registry sets have one of their own.
        drop: columns that are no features.
        na: texts that stand for missing cells, besides empty, NA, N/A, nan, null, None and ``?``.
        task: ``auto``: text, booleans and few whole numbers (at most 10 distinct, 5 rows each on average; two values
            always) are classes, other numbers regression.
        weight, group, time, split_column: columns with these roles; they are no features.
        categorical, numeric: columns whose kind is to be this, whatever the cells look like.
        name: short name; by default the file's.
        memory: bytes that reading may take; packed files may unpack to half of them, and never to more than 200 times
            their size once that is above 256 MB.

    Raises:
        DataError: anything that can't be used, with the remedy.

    Example:
        >>> read("winequality-red.csv", target="quality >= 6").classes  # doctest: +SKIP
        ('quality < 6', 'quality >= 6')
    """
    markers = tuple(str(marker) for marker in na)
    raw = open_source(source, na=markers, name=name, memory=memory)
    columns = list(raw.frame.columns)
    special = {"weight": weight, "group": group, "time": time, "split": split_column}
    special = {role: column_name(column) for role, column in special.items() if column is not None}
    dropped = {*_names("drop", drop), *raw.drop}
    for role, column in (
        *special.items(),
        *(("dropped", column) for column in _names("drop", drop)),
        *(("categorical", column) for column in _names("categorical", categorical)),
        *(("numeric", column) for column in _names("numeric", numeric)),
    ):
        if column not in columns:
            raise missing_column(role, column, columns)
    spec = parse_target(target, columns, raw.target, raw.name)
    _refuse_two_roles(spec, special, set(_names("drop", drop)))

    taken = {*spec.columns, *special.values(), *dropped}
    candidates = [column for column in columns if column not in taken]
    # the origin's own targets that aren't asked for would give the answer away
    own_targets = [column for column in raw.target or () if column in candidates and not raw.named]
    candidates = [column for column in candidates if column not in own_targets]
    found = infer_roles(
        raw, candidates, markers, set(_names("categorical", categorical)), set(_names("numeric", numeric))
    )
    roles = {column: found.roles.get(column, "dropped") for column in columns}
    roles.update(dict.fromkeys(spec.columns, "target"))
    roles.update({column: role for role, column in special.items()})

    targets = convert_targets(spec, raw.frame, task, markers)
    dataset = Dataset(
        name=raw.name,
        features=feature_frame(found.features),
        targets=targets.frame,
        roles=roles,
        task=targets.task,
        classes=targets.classes,
        source=raw.origin,
        sha256=raw.sha256,
        image_shape=raw.image_shape,
        warnings=(*raw.warnings, *found.warnings, *targets.warnings),
        na=markers,
        **special_columns(raw.frame, special, markers),
    )
    if dataset.duplicates:
        count = dataset.duplicates
        rows = "1 row repeats an earlier one" if count == 1 else f"{count} of {dataset.rows} rows repeat an earlier one"
        note = f"{rows}; {option('keep_duplicates_together', True)} keeps equal rows on one side of a split."
        dataset = replace(dataset, warnings=(*dataset.warnings, note))
    dataset = replace(dataset, warnings=(*dataset.warnings, *leak_warnings(dataset)))
    return dataset if raw.test is None else with_test(dataset, like(raw.test, dataset, markers))


def _names(option: str, names: Sequence[str]) -> tuple[str, ...]:
    if isinstance(names, str):
        raise DataError(f"{option} takes a sequence of column names", names, f"Write {option}=({names!r},).")
    return tuple(column_name(str(name)) for name in names)


def _refuse_two_roles(spec: TargetSpec, special: Mapping[str, str], dropped: set[str]) -> None:
    roles: dict[str, str] = dict.fromkeys(spec.columns, "target")
    for role, column in (*special.items(), *(("dropped", column) for column in sorted(dropped))):
        if column in roles:
            got = f"{quoted(column)} as {roles[column]} and {role}"
            raise DataError("a column must have one role", got, "Take one of the two back.")
        roles[column] = role

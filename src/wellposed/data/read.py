"""Read a table from anywhere into a :class:`~wellposed.data.dataset.Dataset`, and further tables like it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from wellposed.data.columns import factorized, numbers, sortable, texts
from wellposed.data.dataset import Dataset
from wellposed.data.roles import infer_roles
from wellposed.data.source import Source, frame_source
from wellposed.data.tables import DELIMITED, PARQUET, stem_and_suffix, table_source
from wellposed.data.targets import TargetSpec, convert_targets, missing_column, parse_target, refuse_infinite
from wellposed.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

_SPLITS = {
    **dict.fromkeys(("train", "training", "fit"), "train"),
    **dict.fromkeys(("validation", "valid", "val", "dev"), "validation"),
    **dict.fromkeys(("test", "testing", "vault", "holdout"), "test"),
}


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

    Raises:
        DataError: anything that can't be used, with the remedy.

    Example:
        >>> read("winequality-red.csv", target="quality >= 6").classes  # doctest: +SKIP
        ('quality < 6', 'quality >= 6')
    """
    markers = tuple(str(marker) for marker in na)
    raw = open_source(source, na=markers, name=name)
    columns = list(raw.frame.columns)
    special = {"weight": weight, "group": group, "time": time, "split": split_column}
    special = {role: column for role, column in special.items() if column is not None}
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
        features=_features(found.features),
        targets=targets.frame,
        roles=roles,
        task=targets.task,
        classes=targets.classes,
        source=raw.origin,
        sha256=raw.sha256,
        image_shape=raw.image_shape,
        warnings=(*raw.warnings, *found.warnings, *targets.warnings),
        na=markers,
        **_special_columns(raw.frame, special, markers),
    )
    if dataset.duplicates:
        count = dataset.duplicates
        rows = "1 row repeats an earlier one" if count == 1 else f"{count} of {dataset.rows} rows repeat an earlier one"
        note = f"{rows}; --keep-duplicates-together keeps equal rows on one side of a split"
        dataset = replace(dataset, warnings=(*dataset.warnings, note))
    return dataset if raw.test is None else replace(dataset, test=_like(raw.test, dataset, markers))


def read_like(source: Any, dataset: Dataset, *, name: str | None = None) -> Dataset:
    """Further rows (``--test FILE``, ``--validation FILE``) read with the roles, target and classes of ``dataset``.

    Raises:
        DataError: a feature or target column is missing, or a class was not there before.
    """
    return _like(open_source(source, na=dataset.na, name=name), dataset, dataset.na)


def with_test(dataset: Dataset, source: Any) -> Dataset:
    """The dataset with test rows from another source, or from a Dataset made by :func:`read_like`."""
    test = source if isinstance(source, Dataset) else read_like(source, dataset)
    return replace(dataset, test=test, warnings=(*dataset.warnings, *_shared_rows(dataset, test, "test")))


def with_validation(dataset: Dataset, source: Any) -> Dataset:
    """The dataset with validation rows appended, and ``split`` saying which they are.

    Raises:
        DataError: the dataset has a split already, or the other rows don't fit.
    """
    import pandas as pd

    if dataset.split is not None:
        remedy = "Give either a split column or a validation file."
        raise DataError("the data say already which rows are for validation", dataset.name, remedy)
    other = source if isinstance(source, Dataset) else read_like(source, dataset)
    columns: dict[str, Any] = {}
    for column in dataset.features:
        first, second = dataset.features[column], other.features[column]
        if isinstance(first.dtype, pd.CategoricalDtype):
            columns[column] = pd.Series(pd.api.types.union_categoricals([first, second]))
        else:
            columns[column] = np.concatenate([first.to_numpy(), second.to_numpy()])

    def both(first: np.ndarray | None, second: np.ndarray | None) -> np.ndarray | None:
        return None if first is None or second is None else np.concatenate([first, second])

    shift = 0 if dataset.groups is None else int(dataset.groups.max()) + 1
    return replace(
        dataset,
        features=_features(columns),
        targets=pd.concat([dataset.targets, other.targets], ignore_index=True),
        weights=both(dataset.weights, other.weights),
        groups=both(dataset.groups, None if other.groups is None else other.groups + shift),
        time=both(dataset.time, other.time),
        split=np.repeat(np.array(["train", "validation"]), [dataset.rows, other.rows]),
        validation=other,
        warnings=(*dataset.warnings, *_shared_rows(dataset, other, "validation")),
    )


def read_frame(source: Any, *, na: Sequence[str] = ()) -> pd.DataFrame:
    """The raw columns of a source, without roles or target: what ``predict`` needs."""
    return open_source(source, na=tuple(na)).frame


def open_source(source: Any, *, na: tuple[str, ...] = (), name: str | None = None) -> Source:
    """Find out what ``source`` is and read its raw columns.

    Raises:
        DataError: it is nothing that can be read.
    """
    if isinstance(source, Source):
        return source
    if isinstance(source, str | Path):
        return _open_path(str(source), na, name)
    if isinstance(source, tuple) and len(source) == 2:
        from wellposed.data.arrays import array_source

        if hasattr(source[0], "columns"):
            return _frame_and_target(source[0], source[1], name)
        return array_source(*source, name=name or "data")
    if hasattr(source, "columns") and hasattr(source, "dtypes"):
        return frame_source(source, name or "data")
    if isinstance(source, np.ndarray | list):
        from wellposed.data.arrays import array_source

        return array_source(source, name=name or "data")
    remedy = "Give a path, a data set's name, a pandas frame, or arrays (X, y)."
    raise DataError("data must be something that can be read", type(source).__name__, remedy)


def _open_path(text: str, na: tuple[str, ...], name: str | None) -> Source:
    from wellposed.data.registry import REGISTRY, registered_source

    if text in REGISTRY:
        return registered_source(text)
    if "," in text and text.strip().lower().endswith(".npy") and not Path(text).exists():
        from wellposed.data.arrays import npy_pair_source

        return npy_pair_source(text, name)
    path = Path(text).expanduser()
    suffix = stem_and_suffix(path)[1]
    if suffix == ".npz":
        from wellposed.data.arrays import npz_source

        return npz_source(path, name)
    if suffix in DELIMITED or suffix in PARQUET:
        return table_source(path, na=na, name=name)
    if path.is_dir():
        raise DataError("data must be a file", f"the directory {text}", "Name a file in it.")
    if suffix == ".npy":
        raise DataError("one .npy file has no target", text, "Give a pair: X.npy,y.npy.")
    if not suffix and not path.exists():
        import difflib

        close = difflib.get_close_matches(text, list(REGISTRY), n=3, cutoff=0.6)
        hint = f"Did you mean {' or '.join(close)}?" if close else f"The names are {', '.join(REGISTRY)}."
        raise DataError("no data set or file of that name", text, hint)
    remedy = "Give a .csv, .tsv, .txt, .parquet or .npz file."
    raise DataError("data file must be of a known kind", text, remedy)


def _frame_and_target(frame: Any, target: Any, name: str | None) -> Source:
    """A frame of features with a separate target (Series, frame or array), as scikit-learn users hold them."""
    import pandas as pd

    source = frame_source(frame, name or "data")
    columns = (
        target if hasattr(target, "columns") else pd.DataFrame({getattr(target, "name", None) or "target": target})
    )
    if len(columns) != len(source.frame):
        got = f"{len(source.frame)} and {len(columns)}"
        raise DataError("features and targets must have equally many rows", got, "Check that they belong together.")
    columns = columns.set_axis([str(column) for column in columns.columns], axis=1).reset_index(drop=True)
    whole = frame_source(pd.concat([source.frame, columns], axis=1), source.name)
    return replace(whole, target=tuple(columns.columns))


def _like(raw: Source, dataset: Dataset, na: tuple[str, ...]) -> Dataset:
    import pandas as pd

    columns = list(raw.frame.columns)
    by_role = {role: column for column, role in dataset.roles.items() if role in ("weight", "group", "time")}
    sources = [column for column, role in dataset.roles.items() if role == "target"]
    name = str(dataset.targets.columns[0])
    # the roles keep the source's order, the targets the user's
    spec = (
        TargetSpec(tuple(dataset.targets.columns)) if name in sources else parse_target(name, sources, None, raw.name)
    )
    for column in (*dataset.features, *spec.columns, *by_role.values()):
        if column not in columns:
            raise missing_column("target" if column in spec.columns else "feature", column, columns)
    features: dict[str, Any] = {}
    for column in dataset.features:
        if isinstance(dataset.features[column].dtype, pd.CategoricalDtype):
            features[column] = pd.Series(pd.Categorical(texts(raw.frame[column], na)))
            continue
        values = numbers(raw.frame[column], na)
        if values is None:
            remedy = f"It held numbers in {dataset.name}."
            raise DataError(f"{raw.name}: column {column!r} must hold numbers", str(raw.frame[column].iloc[0]), remedy)
        refuse_infinite("feature", column, values)
        features[column] = values
    targets = convert_targets(spec, raw.frame, dataset.task, na, dataset.classes)
    return replace(
        dataset,
        name=raw.name,
        features=_features(features),
        targets=targets.frame,
        source=raw.origin,
        sha256=raw.sha256,
        split=None,
        test=None,
        validation=None,
        warnings=raw.warnings,
        **{"weights": None, "groups": None, "time": None, **_special_columns(raw.frame, by_role, na)},
    )


def _features(columns: Mapping[str, Any]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(dict(columns)).reset_index(drop=True)


def _names(option: str, names: Sequence[str]) -> tuple[str, ...]:
    if isinstance(names, str):
        raise DataError(f"{option} takes a sequence of column names", names, f"Write {option}=({names!r},).")
    return tuple(str(name) for name in names)


def _refuse_two_roles(spec: TargetSpec, special: Mapping[str, str], dropped: set[str]) -> None:
    roles: dict[str, str] = dict.fromkeys(spec.columns, "target")
    for role, column in (*special.items(), *(("dropped", column) for column in sorted(dropped))):
        if column in roles:
            got = f"{column!r} as {roles[column]} and {role}"
            raise DataError("a column must have one role", got, "Take one of the two back.")
        roles[column] = role


def _special_columns(frame: pd.DataFrame, special: Mapping[str, str], na: tuple[str, ...]) -> dict[str, Any]:
    """Sample weights, group codes, times and the user's split, as Dataset holds them."""
    values: dict[str, Any] = {}
    if "weight" in special:
        values["weights"] = _weights(frame[special["weight"]], na)
    if "group" in special:
        codes, _ = factorized(frame[special["group"]], na)
        if (codes < 0).any():
            got = f"missing in {int((codes < 0).sum())} of {len(codes)} rows"
            raise DataError(f"group {special['group']!r} must be known in every row", got, "Fill or take out the rows.")
        values["groups"] = codes
    if "time" in special:
        values["time"] = sortable(frame[special["time"]], na)
    if "split" in special:
        values["split"] = _split(frame[special["split"]], na)
    return values


def _weights(column: pd.Series, na: tuple[str, ...]) -> np.ndarray:
    values = numbers(column, na)
    if values is None or not np.isfinite(values).all() or (values < 0).any() or not values.sum() > 0:
        raise DataError(
            f"weight column {column.name!r} must hold finite numbers that aren't negative, some above 0",
            str(column.iloc[0]) if values is None else f"{np.min(values):g} to {np.max(values):g}",
            "Mend the cells, or leave --weight out.",
        )
    return values.astype(np.float64)


def _split(column: pd.Series, na: tuple[str, ...]) -> np.ndarray:
    found = texts(column, na)
    split = np.array([_SPLITS.get("" if text is None else text.lower(), "") for text in found])
    remedy = "Write train, validation or test in every row."
    if (split == "").any():
        wrong = found[split == ""][0]
        raise DataError(f"split column {column.name!r} holds an unknown part", wrong or "a missing cell", remedy)
    if not (split == "train").any() or (split == "train").all():
        raise DataError(f"split column {column.name!r} must name train and other rows", split[0], remedy)
    return split


def _shared_rows(dataset: Dataset, other: Dataset, part: str) -> tuple[str, ...]:
    """A warning if rows of ``other`` are rows of ``dataset`` too: their score would flatter."""
    seen = {row for row in zip(*_row_keys(dataset), strict=True)}
    shared = sum(row in seen for row in zip(*_row_keys(other), strict=True))
    return (f"{shared} of {other.rows} {part} rows are among the training rows too",) if shared else ()


def _row_keys(dataset: Dataset) -> list[list[Any]]:
    frame = dataset.features
    return [
        *(frame[name].astype(object).tolist() for name in frame),
        *(dataset.targets[n].tolist() for n in dataset.targets),
    ]

"""Roles, targets, special columns: from tiny tables to the real ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from wellposed.data.read import read
from wellposed.errors import DataError

N = 40


def table(**columns: Any) -> pd.DataFrame:
    random = np.random.default_rng(0)
    frame = {"x": random.normal(size=N), "k": random.choice(["u", "v", "w"], N), "y": ["no", "yes"] * (N // 2)}
    return pd.DataFrame(frame | columns)


def refused(message: str, *args: Any, **options: Any) -> None:
    with pytest.raises(DataError) as caught:
        read(*args, **options)
    assert str(caught.value) == message


def test_roles_of_a_table_and_their_summary() -> None:
    frame = table(
        number=range(100, 100 + N), name=[f"n{i}" for i in range(N)], same=7, blank=None, flag=[True] * 39 + [False]
    )
    dataset = read(frame, "y", name="small")
    assert dict(dataset.roles) == {
        "x": "numeric",
        "k": "categorical",
        "y": "target",
        "number": "identifier",
        "name": "identifier",
        "same": "constant",
        "blank": "constant",
        "flag": "categorical",
    }
    assert list(dataset.features.columns) == ["x", "k", "flag"]
    assert dataset.warnings == (
        "Left out as identifiers: number, name; `numeric=['number']` or `categorical=['number']` keeps one.",
        "Left out, they hold one value or none: same, blank.",
    )
    lines = dataset.summary().splitlines()
    assert lines[0] == "small: 40 rows, 3 features, classification into 2 classes (no: 20, yes: 20)"
    assert lines[2].split() == ["column", "role", "distinct", "missing", "values"]
    assert lines[4].split()[:4] == ["k", "categorical", "3", "0"]
    assert lines[-1] == f"warning: {dataset.warnings[-1]}"


def test_identifiers_can_be_kept() -> None:
    dataset = read(
        table(number=range(N), name=[f"n{i}" for i in range(N)]), "y", numeric=["number"], categorical=["name"]
    )
    assert dataset.roles["number"] == "numeric"
    assert dataset.roles["name"] == "categorical"
    assert dataset.warnings == ()


def test_the_only_feature_is_never_an_identifier() -> None:
    assert read(table(number=range(N))[["number", "y"]], "y").roles["number"] == "numeric"


@pytest.mark.parametrize(
    ("name", "identifier"), [("PassengerId", True), ("user_id", True), ("id", True), ("paid", False), ("x2", False)]
)
def test_names_that_say_identifier(name: str, identifier: bool) -> None:
    dataset = read(table(**{name: np.random.default_rng(1).permutation(1000)[:N]}), "y")
    assert (dataset.roles[name] == "identifier") == identifier


def test_missing_markers_make_no_column_categorical(tmp_path: Path) -> None:
    cells = ["1", "?", "NA", "n/a", "null", "None", "nan", "", "-9", "2.5"] * 4
    text = "a,b,y\n" + "".join(f" {cell} ,{i % 3},{'yes' if i % 2 else 'no'}\n" for i, cell in enumerate(cells))
    (tmp_path / "a.csv").write_text(text)
    dataset = read(tmp_path / "a.csv", "y", na=["-9"])
    assert dataset.roles["a"] == "numeric"
    assert int(dataset.features["a"].isna().sum()) == 32
    assert set(dataset.features["a"].dropna()) == {1.0, 2.5}


def test_a_few_texts_among_numbers_are_pointed_out() -> None:
    dataset = read(table(a=[*map(str, range(N - 1)), "unknown"]), "y")
    assert dataset.warnings[-1].startswith("Left out as identifiers: a")
    dataset = read(table(a=[*(str(i // 2) for i in range(N - 1)), "unknown"]), "y")
    assert dataset.warnings[-1] == (
        "Column 'a' holds 20 numbers but also unknown: taken as categorical; if that means "
        "missing, say `na=['unknown']`."
    )


def test_decimal_commas_where_commas_do_not_delimit(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a;y\n" + "".join(f"{i // 3},{i % 3};{i % 2}\n" for i in range(30)))
    dataset = read(tmp_path / "a.csv", "y")
    assert dataset.roles["a"] == "numeric"
    assert dataset.features["a"].iloc[:4].tolist() == [0.0, 0.1, 0.2, 1.0]


def test_dates_are_refused_with_a_remedy() -> None:
    message = (
        "column 'day' holds dates or times, got 2024-05-01. Leave it out (`drop=['day']`), order the rows by it "
        "(`time='day'`), or turn it into numbers."
    )
    days = [f"2024-05-{i % 28 + 1:02}" for i in range(N)]
    refused(message, table(day=days), "y")
    refused(message.replace("05-01.", "05-01 00:00:00."), table(day=pd.to_datetime(days)), "y")
    assert "day" not in read(table(day=days), "y", drop=["day"]).features
    time = read(table(day=days), "y", time="day").time
    assert time is not None
    assert (np.diff(time[:28]) > 0).all()


def test_infinite_and_too_large_cells_are_refused(tmp_path: Path) -> None:
    refused(
        "feature column 'x' has infinite or too large cells, got 2 of 40 rows, the first in row 3. "
        "Replace them, or leave the column out.",
        table(x=[0.0, 1.0, np.inf, -np.inf] + [2.0] * (N - 4)),
        "y",
    )
    (tmp_path / "a.csv").write_text("a,y\n1e400,1\n1,2\n3,1\n")
    with pytest.raises(DataError, match="feature column 'a' has infinite or too large cells, got 1 of 3 rows"):
        read(tmp_path / "a.csv", "y")


def test_numeric_said_of_text_is_refused() -> None:
    refused(
        "numeric column 'k' holds text, got w. If it stands for a missing cell, say so with `na=['w']`.",
        table(k=["w"] * 20 + ["1"] * 20),
        "y",
        numeric=["k"],
    )


@pytest.mark.parametrize(
    ("target", "task", "classes"),
    [
        (["a", "b"] * 20, "classification", ("a", "b")),
        ([True, False] * 20, "classification", ("False", "True")),
        ([0, 1] * 20, "classification", ("0", "1")),
        ([1.0, 2.0] * 20, "classification", ("1", "2")),
        ([10, 9] * 10 + [2, 11] * 10, "classification", ("2", "9", "10", "11")),
        (list(range(40)), "regression", ()),
        ([i % 10 for i in range(40)], "regression", ()),  # 4 rows a value are too few for classes
        ([0.5, 1.5] * 20, "regression", ()),
    ],
)
def test_task_and_class_order_are_found(target: list[Any], task: str, classes: tuple[str, ...]) -> None:
    dataset = read(table(y=target), "y")
    assert (dataset.task, dataset.classes) == (task, classes)
    if task == "regression":
        assert dataset.targets["y"].dtype == np.float64
        assert dataset.targets["y"].tolist() == target


def test_task_can_be_said() -> None:
    assert read(table(y=list(range(20)) * 2), "y", task="classification").classes[:3] == ("0", "1", "2")
    assert read(table(y=[0, 1] * 20), "y", task="regression").classes == ()
    refused("task must be known, got ranking. Use auto, classification or regression.", table(), "y", task="ranking")
    refused(
        "regression target 'y' must hold numbers, got no. Use `task='classification'`.", table(), "y", task="regression"
    )


@pytest.mark.parametrize("operator", [">=", "<=", ">", "<", "==", "!="])
def test_target_expressions_compare_numbers(operator: str) -> None:
    values = [3, 4, 5, 6, 7] * 8
    dataset = read(table(y=values), f"y {operator} 5")
    negation = {">=": "<", "<=": ">", ">": "<=", "<": ">=", "==": "!=", "!=": "=="}[operator]
    assert dataset.classes == (f"y {negation} 5", f"y {operator} 5")
    positive = {">=": "567", "<=": "345", ">": "67", "<": "34", "==": "5", "!=": "3467"}[operator]
    expected = [f"y {operator} 5" if str(value) in positive else f"y {negation} 5" for value in values]
    assert dataset.targets.iloc[:, 0].tolist() == expected
    assert dataset.roles["y"] == "target"
    assert "y" not in dataset.features


def test_target_expressions_compare_texts_and_odd_names() -> None:
    frame = table().rename(columns={"y": "is >= ok"})
    assert read(frame, "is >= ok == 'yes'").classes == ("is >= ok != yes", "is >= ok == yes")
    assert read(frame, "is >= ok").classes == ("no", "yes")
    refused("'y' holds text, got y >= 3. Compare text with == or !=.", table(), "y >= 3")
    refused("target expression must compare with a number, got x > big. 'x' holds numbers.", table(), "x > big")
    refused("target expression must end with a value, got x >. Write it as 'quality >= 6'.", table(), "x >")
    refused(
        "target expression has an unknown operator, got x = 3. Compare with ==, !=, >=, <=, > or <.", table(), "x = 3"
    )
    refused("target 'x > 99' has one class only, got x <= 99. 'x' goes from -2.32503 to 1.49343.", table(), "x > 99")
    refused("target column doesn't exist, got z. The columns are x, k, y.", table(), "z > 3")
    refused(
        "a target expression makes classes, got x > 0. Name the column 'x' itself for regression.",
        table(),
        "x > 0",
        task="regression",
    )


def test_several_regression_targets() -> None:
    dataset = read(table(z=np.arange(N) / 3, y=np.arange(N) / 7), ["z", "y"])
    assert list(dataset.targets.columns) == ["z", "y"]
    assert dataset.task == "regression"
    refused(
        "regression target 'k' must hold numbers, got " + table()["k"][0] + ". Name columns of numbers.",
        table(),
        ["x", "k"],
    )
    refused("target columns must differ, got x, x. Name each column once.", table(), ["x", "x"])
    refused(
        "an expression can't be one of several targets, got x, x > 1. Give the expression alone.",
        table(),
        ["x", "x > 1"],
    )


def test_target_errors() -> None:
    refused("data: no target column was named. Name it with `target`; columns: x, k, y.", table())
    refused("target column doesn't exist, got Y2. Did you mean 'y'?", table(), "Y2")
    refused("target 'y' is constant, got 2 in every row. Name another target.", table(y=2), "y", task="regression")
    refused("target 'y' has one class only, got 2. Name a target with at least two classes.", table(y=2), "y")
    refused(
        "target 'y' must be known in every row, missing, got 2 of 40 rows, the first in row 2. "
        "Take these rows out, or name another target.",
        table(y=["a", None, "?"] + ["b"] * 37),
        "y",
    )
    refused(
        "target column 'y' has infinite or too large cells, got 1 of 40 rows, the first in row 1. "
        "Replace them, or leave the column out.",
        table(y=[np.inf, *np.linspace(0, 1, 39)]),
        "y",
    )
    refused(
        "data: no feature column is left, got the target alone. "
        "Give at least one column that varies besides the target.",
        table()[["y"]],
        "y",
    )
    assert read(table(y=["a"] + ["b"] * 39), "y").warnings == (
        "Class a has a single row: it can be learned or validated, not both.",
    )


def test_special_columns() -> None:
    frame = table(w=1.5, g=["a", "b"] * 20, t=range(N, 0, -1), s=["Train", "val"] * 20)
    dataset = read(frame, "y", weight="w", group="g", time="t", split_column="s")
    assert list(dataset.features.columns) == ["x", "k"]
    assert dataset.weights is not None
    assert dataset.weights.tolist() == [1.5] * N
    assert dataset.groups is not None
    assert dataset.groups.tolist() == [0, 1] * 20
    assert dataset.time is not None
    assert dataset.time.tolist() == list(range(N, 0, -1))
    assert dataset.split is not None
    assert dataset.split.tolist() == ["train", "validation"] * 20
    assert [dataset.roles[name] for name in "wgts"] == ["weight", "group", "time", "split"]
    part = dataset.take(np.array([3, 1]))
    assert part.time is not None
    assert part.time.tolist() == [N - 3, N - 1]
    assert part.features["x"].tolist() == [frame["x"][3], frame["x"][1]]


def test_special_columns_that_do_not_fit() -> None:
    refused(
        "weight column 'x' must hold numbers from 0 to 1e+12, some above 0, got -1 to 1. "
        "Mend the cells, or leave `weight` out.",
        table(x=[-1, 1] * 20),
        "y",
        weight="x",
    )
    refused(
        "group 'g' must be known in every row, got missing in 1 of 40 rows. Fill or take out the rows.",
        table(g=[None] + ["a"] * 39),
        "y",
        group="g",
    )
    refused(
        "time column 't' holds a cell that is neither number nor date, got soon. "
        "A time column holds numbers or dates such as 2024-05-31; give it another column or mend the cells.",
        table(t=["soon"] + ["2024-05-31"] * 39),
        "y",
        time="t",
    )
    refused(
        "split column 's' holds an unknown part, got third. Write train, validation or test in every row.",
        table(s=["third"] + ["train"] * 39),
        "y",
        split_column="s",
    )
    refused(
        "split column 's' must name train and other rows, got train. Write train, validation or test in every row.",
        table(s="train"),
        "y",
        split_column="s",
    )
    refused(
        "a column must have one role, got 'x' as weight and group. Take one of the two back.",
        table(),
        "y",
        weight="x",
        group="x",
    )
    refused(
        "a column must have one role, got 'y' as target and dropped. Take one of the two back.",
        table(),
        "y",
        drop=["y"],
    )
    refused("drop takes a sequence of column names, got x. Write drop=('x',).", table(), "y", drop="x")
    refused("group column doesn't exist, got q. The columns are x, k, y.", table(), "y", group="q")


def test_duplicates_are_counted_by_features_and_target() -> None:
    frame = table()
    twice = pd.concat([frame, frame.iloc[[3, 5, 3]]], ignore_index=True)
    twice.loc[len(twice)] = twice.loc[0].where(twice.columns != "y", "yes")  # same features as row 0, another target
    dataset = read(twice, "y")
    assert dataset.duplicates == 3 == int(twice.duplicated().sum())
    groups = dataset.duplicate_groups()
    assert groups[3] == groups[N] == groups[N + 2]
    assert groups[5] == groups[N + 1]
    assert len(np.unique(groups)) == len(twice) - 3
    assert dataset.warnings == (
        "3 of 44 rows repeat an earlier one; `keep_duplicates_together=True` keeps equal rows on one side of a split.",
    )


def test_equal_missing_cells_are_equal_rows() -> None:
    frame = pd.DataFrame({"a": [np.nan, np.nan, 1.0, -0.0, 0.0], "k": [None, None, "u", "u", "u"], "y": list("aabbb")})
    assert read(frame, "y").duplicates == 2


def test_checksum_of_a_frame_depends_on_values_alone() -> None:
    frame = table(i=np.arange(N))
    same = frame.astype({"i": np.int32, "k": "category"})
    assert read(frame, "y").sha256 == read(same, "y").sha256
    assert read(frame, "y").sha256 != read(frame.assign(x=frame["x"] + 1e-9), "y").sha256


def test_things_that_are_no_data() -> None:
    remedy = "Give a path, a data set's name, a pandas frame, or arrays (X, y)."
    refused(f"data must be something that can be read, got dict. {remedy}", {"a": 1}, "y")
    refused("no data set or file of that name, got circle. Did you mean circles?", "circle")
    refused("data frame must have rows and columns, got shape (0, 3). Give it at least one row.", table().iloc[:0], "y")


def test_a_frame_with_its_target_apart() -> None:
    frame = table()
    dataset = read((frame[["x", "k"]], frame["y"]))
    assert list(dataset.features.columns) == ["x", "k"]
    assert dataset.classes == ("no", "yes")
    refused(
        "features and targets must have equally many rows, got 40 and 3. Check that they belong together.",
        (frame[["x"]], frame["y"][:3]),
    )


def test_a_value_that_nobody_has_names_those_there_are() -> None:
    frame = table(q=[3, 4, 5, 6] * 10)
    refused("target 'q == 99' has one class only, got q != 99. 'q' holds 3, 4, 5, 6.", frame, "q == 99")
    refused("target 'k == z' has one class only, got k != z. 'k' holds u, v, w.", frame, "k == z")
    many = table(q=[f"v{i:02}" for i in range(N)])
    shown = ", ".join(f"v{i:02}" for i in range(12))
    refused(f"target 'q == z' has one class only, got q != z. 'q' holds {shown} and 28 more.", many, "q == z")


def test_a_dataset_in_one_line() -> None:
    assert repr(read(table(), "y", name="small")) == "<Dataset small: 40 rows, 2 features, 2 classes of y>"
    assert repr(read(table()[["k", "x"]], "x")) == "<Dataset data: 40 rows, 1 feature, regression of x>"

"""Test and validation files read like the first one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from wellposed.data.further import read_like, with_test, with_validation
from wellposed.data.opening import read_frame
from wellposed.data.read import read
from wellposed.errors import DataError

FRAME = pd.DataFrame(
    {
        "x": np.arange(20) % 7,
        "k": list("uvwuv") * 4,
        "same": 1,
        "n": [f"name {i}" for i in range(20)],
        "q": np.arange(20) % 4,
    }
)


def test_roles_and_classes_come_from_the_first_table() -> None:
    dataset = read(FRAME, "q >= 2", na=["-"])
    further = read_like(pd.DataFrame({"q": [3, 3], "k": ["z", "-"], "x": ["?", "2"]}), dataset)
    assert list(further.features.columns) == ["x", "k"]
    assert np.isnan(further.features["x"].iloc[0])
    assert further.features["k"].isna().tolist() == [False, True]
    assert further.classes == dataset.classes == ("q < 2", "q >= 2")
    assert further.targets.iloc[:, 0].tolist() == ["q >= 2", "q >= 2"]
    assert with_test(dataset, further).test is further


def test_several_targets_keep_the_users_order() -> None:
    dataset = read(FRAME.assign(r=np.linspace(0, 1, 20)), ["r", "q"])
    further = read_like(pd.DataFrame({"q": [1], "k": ["u"], "x": [2], "r": [0.5]}), dataset)
    assert further.targets.to_dict("list") == {"r": [0.5], "q": [1.0]}


def test_tables_that_do_not_fit() -> None:
    dataset = read(FRAME, "q")
    with pytest.raises(DataError) as caught:
        read_like(FRAME.drop(columns="x"), dataset)
    assert str(caught.value) == "feature column doesn't exist, got x. The columns are k, same, n, q."
    with pytest.raises(DataError) as caught:
        read_like(FRAME.drop(columns="q"), dataset)
    assert str(caught.value) == "target column doesn't exist, got q. The columns are x, k, same, n."
    with pytest.raises(DataError) as caught:
        read_like(FRAME.assign(q=9), dataset)
    assert str(caught.value) == (
        "target 'q' holds a class that was not there before, got 9. The classes are 0, 1, 2, 3."
    )
    with pytest.raises(DataError) as caught:
        read_like(FRAME.assign(x="many"), dataset, name="more")
    assert str(caught.value) == "more: column 'x' must hold numbers, got many. It held numbers in data."
    with pytest.raises(DataError) as caught:
        with_validation(with_validation(dataset, FRAME), FRAME)
    assert str(caught.value) == (
        "the data say already which rows are for validation, got data. Give either a split column or a validation file."
    )


def test_rows_that_are_there_twice_are_pointed_out() -> None:
    dataset = read(FRAME, "q")
    extended = with_test(dataset, FRAME.iloc[:3])
    assert extended.warnings[-1] == "3 of 3 test rows are among the training rows too."


def test_groups_times_and_weights_are_appended() -> None:
    frame = FRAME.assign(g=list("abcd") * 5, w=2.0, t=np.arange(20))
    dataset = with_validation(read(frame, "q", group="g", weight="w", time="t"), frame.iloc[:4])
    assert dataset.groups is not None
    assert dataset.weights is not None
    assert dataset.time is not None
    assert not set(dataset.groups[:20]) & set(dataset.groups[20:])
    assert (len(dataset.weights), len(dataset.time)) == (24, 24)


def test_raw_frames_for_prediction(tmp_path: Path) -> None:
    FRAME.to_csv(tmp_path / "a.csv", index=False)
    frame = read_frame(tmp_path / "a.csv")
    assert list(frame.columns) == list(FRAME.columns)
    assert frame["x"].tolist() == FRAME["x"].tolist()

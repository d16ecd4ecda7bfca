"""Whatever is read, it is a Dataset with every row, or an error of ours; and what recipes and specifications say."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wellposed.data.dataset import Dataset
from wellposed.data.read import read
from wellposed.errors import WellposedError

FEW = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
MAGIC = (
    b"",
    b"PAR1",
    b"\x1f\x8b\x08",
    b"PK\x03\x04",
    b"\x93NUMPY\x01\x00",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"a,y\n1,2\n",
)


def dataset(source: Any, target: Any, **options: Any) -> Dataset | None:
    """What was read; None if it was refused in one line."""
    try:
        return read(source, target, **options)
    except WellposedError as error:
        message = str(error)
    assert message.replace("\u200c", "").replace("\u200d", "").isprintable()
    return None


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("any")


@given(
    magic=st.sampled_from(MAGIC),
    junk=st.binary(max_size=200),
    suffix=st.sampled_from([".csv", ".txt", ".parquet", ".npz", ".csv.gz", ".parquet.gz"]),
    target=st.sampled_from([None, "y", "y > 1"]),
)
@FEW
def test_random_bytes(folder: Path, magic: bytes, junk: bytes, suffix: str, target: str | None) -> None:
    path = folder / f"bytes{suffix}"
    path.write_bytes(magic + junk)
    dataset(path, target)


CELLS = st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\x00"), max_size=6) | st.sampled_from(
    [
        "",
        "NA",
        "1",
        "2.5",
        "-1e400",
        "inf",
        "nan",
        "1,5",
        "2024-01-01",
        "true",
        '"',
        "'",
        ";",
        "5 €",
        "=1+1",
        "\x1b[31m",
    ]
)


@given(rows=st.lists(st.lists(CELLS, min_size=1, max_size=4), min_size=1, max_size=6), join=st.sampled_from(",;\t| "))
@FEW
def test_random_text(folder: Path, rows: list[list[str]], join: str) -> None:
    path = folder / "text.csv"
    path.write_text("\n".join(join.join(row) for row in [["a", "y"], *rows]), encoding="utf-8", newline="")
    dataset(path, "y")


@given(rows=st.lists(st.tuples(CELLS, st.sampled_from(["no", "yes"])), min_size=2, max_size=12))
@FEW
def test_a_quoted_table_keeps_every_row(folder: Path, rows: list[tuple[str, str]]) -> None:
    frame = pd.DataFrame({"a": [row[0] for row in rows], "b": range(len(rows)), "y": [row[1] for row in rows]})
    text = io.StringIO()
    frame.to_csv(text, index=False, quoting=1, lineterminator="\n")
    path = folder / "quoted.csv"
    path.write_text(text.getvalue(), encoding="utf-8", newline="")
    found = dataset(path, "y")
    assert found is None or found.rows == len(rows)


VALUES = (
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats()
    | st.text(max_size=4)
    | st.binary(max_size=3)
    | st.datetimes()
    | st.timedeltas()
    | st.decimals()
    | st.complex_numbers()
    | st.lists(st.integers(), max_size=2)
)


@given(
    columns=st.dictionaries(st.text(max_size=5), st.lists(VALUES, min_size=5, max_size=5), min_size=1, max_size=4),
    which=st.integers(0, 3),
)
@FEW
def test_random_frames(columns: dict[str, list[Any]], which: int) -> None:
    frame = pd.DataFrame({name: pd.Series(cells, dtype=object) for name, cells in columns.items()})
    found = dataset(frame, list(columns)[which % len(columns)])
    assert found is None or found.rows == 5


@given(
    x=st.sampled_from([np.float16, np.float32, np.int8, np.uint64, bool, complex, "U3", "S2", "M8[D]", object]),
    shape=st.lists(st.integers(0, 5), max_size=5),
    y=st.lists(st.sampled_from([0, 1, 2.5, np.nan, np.inf]), max_size=6),
)
@FEW
def test_random_arrays(x: Any, shape: list[int], y: list[float]) -> None:
    found = dataset((np.zeros(shape).astype(x), np.array(y)), None)
    assert found is None or found.rows == len(y)

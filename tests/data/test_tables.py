"""Delimited and parquet files, good and bad."""

from __future__ import annotations

import gzip
import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wellposed.data.read import read
from wellposed.data.tables import table_source
from wellposed.errors import DataError

ROWS = [["x", "job title", "y"], ["1.5", "a, b", "yes"], ["2", "c; d", "no"], ["", "e", "yes"]]


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("quote", ['"', "'"])
def test_delimiter_and_quote_are_found(tmp_path: Path, delimiter: str, quote: str) -> None:
    text = "\n".join(delimiter.join(f"{quote}{cell}{quote}" if cell else "" for cell in row) for row in ROWS)
    frame = table_source(write(tmp_path / "a.csv", text)).frame
    assert list(frame.columns) == ["x", "job title", "y"]
    assert frame["job title"].tolist() == ["a, b", "c; d", "e"]
    assert frame["x"].tolist()[:2] == [1.5, 2.0]
    assert np.isnan(frame["x"].iloc[2])


def test_spaces_delimit_when_nothing_else_does(tmp_path: Path) -> None:
    frame = table_source(write(tmp_path / "a.txt", "a  b   c\n1 2   3\n 4  5  6\n")).frame
    assert frame.to_dict("list") == {"a": [1, 4], "b": [2, 5], "c": [3, 6]}


def test_byte_order_marks_blank_lines_and_line_ends(tmp_path: Path) -> None:
    for content in (b"\xef\xbb\xbfa,b\r\n1,2\r\n\r\n3,4\r\n", "a,b\n1,2\n3,4".encode("utf-16"), b"\n\na,b\n1,2\n3,4\n"):
        assert table_source(write(tmp_path / "a.csv", content)).frame.to_dict("list") == {"a": [1, 3], "b": [2, 4]}


def test_latin_1_is_read_with_a_warning(tmp_path: Path) -> None:
    source = table_source(write(tmp_path / "a.csv", "city,y\nKöln,1\nBonn,2\n".encode("latin-1")))
    assert source.frame["city"].tolist() == ["Köln", "Bonn"]
    assert source.warnings == ("a.csv is not UTF-8: read as Windows-1252.",)


def test_gzip_and_the_checksum_of_the_bytes_on_disk(tmp_path: Path) -> None:
    raw = gzip.compress(b"a,b\n1,2\n3,5\n")
    source = table_source(write(tmp_path / "small.csv.gz", raw))
    assert source.name == "small"
    assert source.sha256 == hashlib.sha256(raw).hexdigest()
    assert source.frame.shape == (2, 2)


def test_parquet_equals_the_frame_it_was_written_from(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": [1.5, np.nan, 3.0], "k": ["u", None, "v"], "y": [True, False, True]})
    frame.to_parquet(tmp_path / "a.parquet")
    dataset = read(tmp_path / "a.parquet", "y")
    assert dataset.classes == ("False", "True")
    assert dataset.features["k"].astype(object).where(dataset.features["k"].notna(), None).tolist() == ["u", None, "v"]
    np.testing.assert_array_equal(dataset.features["a"], frame["a"])


def test_an_index_without_a_name_gets_one(tmp_path: Path) -> None:
    pd.DataFrame({"a": [5.0, 6.0], "b": [1, 2]}).to_csv(tmp_path / "a.csv")
    assert list(table_source(tmp_path / "a.csv").frame.columns) == ["Unnamed: 0", "a", "b"]


def test_a_delimiter_at_the_end_of_every_line_is_no_column(tmp_path: Path) -> None:
    assert list(table_source(write(tmp_path / "a.csv", "a,b\n1,2,\n3,4,\n")).frame.columns) == ["a", "b"]


def test_line_breaks_inside_quotes(tmp_path: Path) -> None:
    frame = table_source(write(tmp_path / "a.csv", 'a,b\n1,"two\nlines"\n3,"x"\n')).frame
    assert frame["b"].tolist() == ["two\nlines", "x"]


def test_numbers_are_read_to_the_last_bit(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=200) * 10.0 ** np.random.default_rng(1).integers(-300, 300, size=200)
    write(tmp_path / "a.csv", "a,b\n" + "".join(f"{value!r},1\n" for value in values.tolist()))
    np.testing.assert_array_equal(table_source(tmp_path / "a.csv").frame["a"], values)


BAD = {
    "empty.csv": (b"", "{path}: the file is empty. Give a table with a header and rows."),
    "blank.csv": (b"\n \n", "{path}: the file is empty. Give a table with a header and rows."),
    "header.csv": (b"a,b\n", "{path}: no rows below the header. Give a table with at least one row."),
    "twice.csv": (
        b"a,b,a\n1,2,3\n",
        "{path}: column names must differ, got a. Rename the repeated columns in the header.",
    ),
    "nameless.csv": (
        b"1.5,2,3\n1,2,3\n",
        "{path}: the first line must name the columns, got 1.5,2,3. Add a line with the columns' names.",
    ),
    "ragged.csv": (
        b"a,b\n1,2\n3,4,5\n6,7\n",
        "{path}: every line must have 2 cells, as the header has, got 3 in line 3. "
        "Mend that line; a cell that holds the delimiter must be quoted.",
    ),
    "short.csv": (
        b"a,b,c\n1,2,3\n3,4\n",
        "{path}: every line must have 3 cells, as the header has, got 2 in line 3. "
        "Mend that line; a cell that holds the delimiter must be quoted.",
    ),
    "rownames.csv": (
        b"a,b\nr1,1,2\nr2,3,4\n",
        "{path}: the header must name every column, got 2 names for 3 cells. Name the first column too.",
    ),
    "binary.csv": (b"a\x00\x01\x02", "{path}: holds binary data, not text. Give a .csv, .tsv, .parquet or .npz file."),
    "broken.csv.gz": (
        b"\x1f\x8bnothing",
        "{path}: broken gzip file, got Compressed file ended before the end-of-stream marker was reached. "
        "Fetch or compress it again.",
    ),
    "other.xlsx": (
        b"PK",
        "data file must be of a known kind, got {path}. "
        "Give a .csv, .tsv, .txt, .parquet or .npz file, or a folder of images by class.",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_files_are_refused_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)  # short paths, which messages show whole
    content, message = BAD[name]
    write(tmp_path / name, content)
    with pytest.raises(DataError) as caught:
        read(name, "a")
    assert str(caught.value) == message.format(path=name)


@given(text=st.text(alphabet="ab1,;\t|'\"\n\r .?-é\x00", max_size=60), suffix=st.sampled_from([".csv", ".txt"]))
@settings(max_examples=200, deadline=None)
def test_whatever_the_file_holds_nothing_but_a_data_error_is_raised(
    tmp_path_factory: pytest.TempPathFactory, text: str, suffix: str
) -> None:
    path = write(tmp_path_factory.getbasetemp() / f"any{suffix}", text)
    try:
        source = table_source(path)
    except DataError:
        pass
    else:
        assert len(source.frame)
        assert len(set(source.frame.columns)) == source.frame.shape[1]


def test_a_missing_file_names_the_close_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "wine.csv", "a,b\n1,2\n")
    with pytest.raises(DataError, match=r"^no such data file, got wines\.csv\. Did you mean wine\.csv\?$"):
        read("wines.csv", "a")
    with pytest.raises(DataError, match=r"^no such data file, got zebra\.csv\. Check the path, or list the known "):
        read("zebra.csv", "a")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(DataError, match=r"^data must be a file, got the directory folder\.csv\. Name a file in it\.$"):
        read("folder.csv", "a")


def test_a_broken_parquet_file_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "a.parquet", b"not parquet at all")
    with pytest.raises(DataError, match="not a parquet file"):
        read(tmp_path / "a.parquet", "y")
    pd.DataFrame({"a": [[1, 2], [3]], "y": [1, 2]}).to_parquet(tmp_path / "b.parquet")
    with pytest.raises(DataError, match=r"a column holds lists or records, got a\. Spread it"):
        read(tmp_path / "b.parquet", "y")


def test_numbers_with_a_unit(tmp_path: Path) -> None:
    """They are named as what they are, whether they would be an identifier, a class or a regression target."""
    rows = "".join(f"{i % 7},{i}.5 €,{'ab'[i % 2]}\n" for i in range(20))
    (tmp_path / "prices.csv").write_text(f"x,price,y\n{rows}", encoding="utf-8")
    data = read(str(tmp_path / "prices.csv"), "y")
    assert data.roles["price"] == "identifier"
    assert data.warnings[0] == (
        "Column 'price' holds numbers that aren't written as plain ones (0.5 €): left out, as every cell differs; "
        "write them as 1234.5 to have them as numbers."
    )
    remedy = "got 0.5 €. Write its cells as plain numbers, such as 1234.5."
    for task, what in (
        ("auto", "target 'price' holds numbers that aren't written as plain ones"),
        ("regression", "regression target 'price' must hold numbers"),
    ):
        with pytest.raises(DataError) as caught:
            read(str(tmp_path / "prices.csv"), "price", task=task)
        assert str(caught.value) == f"{what}, {remedy}"

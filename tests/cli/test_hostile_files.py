"""Hostile and odd binary files and paths: bombs, arrays, parquet, pipes, links."""

from __future__ import annotations

import gzip
import io
import os
import struct
import zipfile
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hostile import Case, check, table

X = np.random.default_rng(0).normal(size=(24, 2))
Y = np.array(["no", "yes"] * 12)
NONE = ()


def savez(**arrays):
    return lambda path: np.savez(path, **arrays)


def npz(**members):
    def write(path):
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as z:
            for name, raw in members.items():
                z.writestr(name + ".npy", raw)

    return write


def npy(array):
    b = io.BytesIO()
    np.save(b, array, allow_pickle=True)
    return b.getvalue()


def header(shape, descr="'<f8'", order="False", version=b"\x01\x00"):
    text = f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}"
    return b"\x93NUMPY" + version + struct.pack("<H", len(text)) + text.encode()


def pair(x, y):
    def write(path):
        (path.parent / "X.npy").write_bytes(x if isinstance(x, bytes) else npy(x))
        (path.parent / "y.npy").write_bytes(y if isinstance(y, bytes) else npy(y))

    return write


def parquet(**columns):
    def write(path):
        base = {"x": pa.array(X[:, 0]), "y": pa.array(list(Y))}
        pq.write_table(pa.table({**base, **columns}), path)

    return write


def bomb(path):
    with gzip.open(path, "wb", 9) as f:
        f.write(b"x,y\n")
        for _ in range(300):
            f.write(b"1,a\n" * 262_144)


def zbomb(path):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as z:
        for name in ("x", "y"):
            with z.open(name + ".npy", "w") as f:
                f.write(header("(37500000,)"))
                for _ in range(300):
                    f.write(bytes(1_000_000))


def pbomb(path):
    table = pa.table({"x": pa.array(np.zeros(1_000_000)), "y": pa.array(np.zeros(1_000_000))})
    with pq.ParquetWriter(path, table.schema) as w:
        for _ in range(150):
            w.write_table(table)


def pbomb_text(path):
    long = "z" * 100_000
    table = pa.table(
        {
            "x": pa.DictionaryArray.from_arrays(pa.array(np.zeros(50_000, np.int32)), pa.array([long])).cast(
                pa.dictionary(pa.int32(), pa.string())
            ),
            "y": pa.array(np.arange(50_000) % 2),
        }
    )
    pq.write_table(table, path, store_schema=False)


def liar(path):
    # the directory says 100 bytes, the stream unpacks to more
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr("x.npy", npy(np.zeros((1000, 2))))
        z.writestr("y.npy", npy(Y))
    raw = path.read_bytes().replace(struct.pack("<L", len(npy(np.zeros((1000, 2))))), struct.pack("<L", 100))
    path.write_bytes(raw)


def cut(make, share=0.5):
    def write(path):
        make(path)
        raw = path.read_bytes()
        path.write_bytes(raw[: int(len(raw) * share)])

    return write


def truncated_parquet(path):
    parquet()(path)
    path.write_bytes(path.read_bytes()[:-10])


def flipped(path):
    parquet()(path)
    raw = bytearray(path.read_bytes())
    raw[20:60] = b"\xff" * 40
    path.write_bytes(bytes(raw))


P = dict(file="a.parquet")
Z = dict(file="a.npz", options=NONE)
A = dict(file="X.npy,y.npy", options=NONE)


def link(to):
    return lambda path: path.symlink_to(to)


def evil(path):

    class E:
        def __reduce__(self):
            return (os.mkdir, (str(path.parent / "owned"),))

    np.savez(path, x=np.array([E()], dtype=object), y=np.array([1]))


CASES: Mapping[str, Case] = {
    "gzip of a table": Case(gzip.compress(table().encode()), file="a.csv.gz"),
    "gzip without its name": Case(gzip.compress(table().encode())),
    "gzip named so, but plain": Case(table(), file="a.csv.gz"),
    "gzip cut in the middle": Case(
        gzip.compress(table().encode())[:-20], ("a.csv.gz: broken gzip file"), file="a.csv.gz", begins=True
    ),
    "gzip with a wrong checksum": Case(
        gzip.compress(table().encode())[:-8] + bytes(8), ("a.csv.gz: broken gzip file"), file="a.csv.gz", begins=True
    ),
    "gzip twice": Case(
        gzip.compress(gzip.compress(table().encode())),
        ("a.csv.gz: holds binary data, not text. Give a .csv, .tsv, .parquet or .npz file."),
        file="a.csv.gz",
    ),
    "gzip of nothing": Case(
        gzip.compress(b""), ("a.csv.gz: the file is empty. Give a table with a header and rows."), file="a.csv.gz"
    ),
    "gzip and more behind it": Case(
        gzip.compress(table().encode()) + b"junk", ("a.csv.gz: broken gzip file"), file="a.csv.gz", begins=True
    ),
    "several gzip members": Case(
        gzip.compress(table().encode()[:50]) + gzip.compress(table().encode()[50:]), file="a.csv.gz"
    ),
    "gzip bomb": Case(
        bomb,
        (
            "a.csv.gz: the packed data are too large, got more than 256 MB unpacked. If it really "
            "holds so much, unpack it first, or allow more --memory."
        ),
        file="a.csv.gz",
    ),
    "npz bomb": Case(
        zbomb,
        (
            "a.npz: the packed data are too large, got more than 256 MB unpacked. If it really holds "
            "so much, unpack it first, or allow more --memory."
        ),
        **Z,
    ),
    "npz that says it is small": Case(liar, ("a.npz: x: must be an array of plain numbers or texts"), **Z, begins=True),
    "parquet bomb": Case(
        pbomb,
        (
            "a.parquet: the packed data are too large, got more than 2,000 MB unpacked. If it really "
            "holds so much, unpack it first, or allow more --memory."
        ),
        **P,
    ),
    "parquet of one long text": Case(
        pbomb_text,
        ("a: no feature column is left, got x. Give at least one column that varies besides the target."),
        **P,
    ),
    "object array": Case(
        savez(x=np.array([{}, {}], dtype=object), y=np.array([0, 1])),
        (
            "a.npz: x: must be an array of plain numbers or texts, got Python objects, which are "
            "never unpickled. Write it again with numpy.save."
        ),
        **Z,
    ),
    "pickle that makes a folder": Case(
        evil,
        (
            "a.npz: x: must be an array of plain numbers or texts, got Python objects, which are "
            "never unpickled. Write it again with numpy.save."
        ),
        **Z,
    ),
    "no x and y": Case(
        savez(a=X, b=Y),
        (
            "a.npz: must hold the arrays x and y, or x_train and y_train, got a, b. Write it again "
            "with numpy.savez(x=…, y=…)."
        ),
        **Z,
    ),
    "x without y": Case(
        savez(x=X),
        (
            "a.npz: must hold the arrays x and y, or x_train and y_train, got x. Write it again with "
            "numpy.savez(x=…, y=…)."
        ),
        **Z,
    ),
    "empty archive": Case(
        npz(),
        (
            "a.npz: must hold the arrays x and y, or x_train and y_train, got no arrays. Write it "
            "again with numpy.savez(x=…, y=…)."
        ),
        **Z,
    ),
    "archive of other files": Case(
        lambda path: zipfile.ZipFile(path, "w").writestr("notes.txt", "hi"),
        (
            "a.npz: must hold the arrays x and y, or x_train and y_train, got no arrays. Write it "
            "again with numpy.savez(x=…, y=…)."
        ),
        **Z,
    ),
    "names with paths": Case(
        npz(**{"../../x": npy(X), "/y": npy(Y)}),
        (
            "a.npz: must hold the arrays x and y, or x_train and y_train, got ../../x, /y. Write it "
            "again with numpy.savez(x=…, y=…)."
        ),
        **Z,
    ),
    "npz cut": Case(cut(savez(x=X, y=Y)), ("a.npz: must be an .npz file of plain arrays"), **Z, begins=True),
    "npz of fewer rows in y": Case(
        savez(x=X, y=Y[:5]),
        ("features and targets must have equally many rows, got 24 and 5. Check that they belong together."),
        **Z,
    ),
    "npz complex": Case(
        savez(x=X + 1j, y=Y),
        ("features must be real numbers or texts, got complex128. Take real and imaginary parts."),
        **Z,
    ),
    "npz structured": Case(
        savez(x=np.zeros(24, dtype=[("a", "f8"), ("b", "i4")]), y=Y),
        ("features must be a plain array, got [('a', '<f8'), ('b', '<i4')]. Turn the records into a pandas frame."),
        **Z,
    ),
    "npz fortran": Case(savez(x=np.asfortranarray(X), y=Y), **Z),
    "npz scalar": Case(
        savez(x=np.float64(3), y=Y), ("features must be an array, got array(3.). Give one entry a row."), **Z
    ),
    "npz five dimensions": Case(
        savez(x=np.zeros((4, 2, 2, 2, 2)), y=Y[:4]),
        ("feature array must have 2 to 4 dimensions, got shape (4, 2, 2, 2, 2). Reshape it."),
        **Z,
    ),
    "npz without columns": Case(
        savez(x=np.zeros((24, 0)), y=Y),
        ("feature array must have rows and columns, got shape (24, 0). Give it a row."),
        **Z,
    ),
    "npz without rows": Case(
        savez(x=np.zeros((0, 2)), y=Y[:0]),
        ("feature array must have rows and columns, got shape (0, 2). Give it a row."),
        **Z,
    ),
    "npz float16": Case(savez(x=X.astype(np.float16), y=Y), **Z),
    "npz big endian": Case(savez(x=X.astype(">f8"), y=Y), **Z),
    "npz long double": Case(savez(x=X.astype(np.longdouble), y=Y), **Z),
    "npz booleans": Case(savez(x=X > 0, y=Y), **Z),
    "npz dates": Case(
        savez(x=np.arange(24).astype("M8[D]"), y=Y),
        (
            "column 'x_0' holds dates or times, got 1970-01-01 00:00:00. Leave it out (--drop x_0), "
            "order the rows by it (--time x_0), or turn it into numbers."
        ),
        **Z,
    ),
    "npz texts": Case(savez(x=np.array([["u", "v"]] * 12 + [["w", "z"]] * 12), y=Y), **Z),
    "npz bytes": Case(savez(x=np.array([[b"u", b"v"]] * 12 + [[b"w", b"\xff"]] * 12), y=Y), **Z),
    "npz infinities": Case(
        savez(x=np.where(X > 1, np.inf, X), y=Y),
        (
            "feature column 'x_0' has infinite or too large cells, got 3 of 24 rows, the first in "
            "row 4. Replace them, or leave the column out."
        ),
        **Z,
    ),
    "npz nan": Case(savez(x=np.where(X > 1, np.nan, X), y=Y), **Z),
    "npz nan targets": Case(
        savez(x=X, y=np.where(X[:, 0] > 1, np.nan, X[:, 0])),
        (
            "target 'target' must be known in every row, missing, got 3 of 24 rows, the first in row "
            "4. Take these rows out, or name another target."
        ),
        **Z,
    ),
    "npz uint64": Case(savez(x=(X * 1e18).astype(np.int64).astype(np.uint64), y=Y), **Z),
    "npz two-dimensional texts as target": Case(
        savez(x=X, y=np.stack([Y, Y], 1)),
        ("regression target 'target_0' must hold numbers, got no. Name columns of numbers."),
        **Z,
    ),
    "npz image of nan": Case(
        savez(x=np.full((24, 2, 2), np.nan), y=Y),
        ("pixels must be finite numbers, got infinite or missing ones. Mend the images."),
        **Z,
    ),
    "npz image of text": Case(
        savez(x=np.full((24, 2, 2), "a"), y=Y), ("pixels must be numbers, got str. Convert the images."), **Z
    ),
    "npz test of another width": Case(
        savez(x_train=X, y_train=Y, x_test=X[:, :1], y_test=Y),
        ("training and test arrays must have equally many columns, got 3 and 2. Check the arrays."),
        **Z,
    ),
    "npz test of another class": Case(
        savez(x_train=X, y_train=Y, x_test=X, y_test=np.array(["maybe"] * 24)),
        ("target 'target' holds a class that was not there before, got maybe. The classes are no, yes."),
        **Z,
    ),
    "npy pair": Case(pair(X, Y), **A),
    "npy header that promises too much": Case(
        pair(header("(1000000000000, 2)") + bytes(16), Y),
        (
            "X.npy: must be an array of plain numbers or texts, got shape (1000000000000, 2) of "
            "float64, and fewer bytes than that. Write it again with numpy.save."
        ),
        **A,
    ),
    "npy header of negative length": Case(
        pair(header("(-1, 2)") + bytes(16), Y),
        (
            "X.npy: must be an array of plain numbers or texts, got shape (-1, 2) of float64, and "
            "fewer bytes than that. Write it again with numpy.save."
        ),
        **A,
    ),
    "npy header of code": Case(
        pair(header("__import__('os').mkdir('owned')") + bytes(16), Y),
        ("X.npy: must be an array of plain numbers or texts, got a broken header. Write it again with numpy.save."),
        **A,
    ),
    "npy header of an unknown type": Case(
        pair(header("(2,)", "'<q9'") + bytes(16), Y),
        ("X.npy: must be an array of plain numbers or texts, got a broken header. Write it again with numpy.save."),
        **A,
    ),
    "npy header that isn't one": Case(
        pair(b"\x93NUMPY\x01\x00\x05\x00{{{{{", Y),
        ("X.npy: must be an array of plain numbers or texts, got a broken header. Write it again with numpy.save."),
        **A,
    ),
    "npy header of version 9": Case(
        pair(header("(2,)", version=b"\x09\x00"), Y),
        ("X.npy: must be an array of plain numbers or texts, got format version 9.0. Write it again with numpy.save."),
        **A,
    ),
    "npy of nothing": Case(pair(b"", Y), ("X.npy: the file is empty. Give a table with a header and rows."), **A),
    "npy of junk": Case(pair(b"\x93NUMP", Y), ("X.npy: must be an array of plain numbers or texts"), **A, begins=True),
    "npy of objects": Case(
        pair(npy(np.array([{}], dtype=object)), Y),
        (
            "X.npy: must be an array of plain numbers or texts, got Python objects, which are never "
            "unpickled. Write it again with numpy.save."
        ),
        **A,
    ),
    "npy cut": Case(
        pair(npy(X)[:-8], Y),
        ("X.npy: must be an array of plain numbers or texts, got it ends too early. Write it again with numpy.save."),
        **A,
    ),
    "npy of entries without size": Case(
        pair(header("(3,)", "'|S0'"), Y),
        (
            "X.npy: must be an array of plain numbers or texts, got entries without a size (|S0). "
            "Write it again with numpy.save."
        ),
        **A,
    ),
    "npy with more behind it": Case(pair(npy(X) + b"more", Y), **A),
    "three npy files": Case(
        pair(X, Y),
        ("a pair of arrays must be two files, got X.npy,y.npy,z.npy. Write it as X.npy,y.npy."),
        file="X.npy,y.npy,z.npy",
        options=NONE,
    ),
    "parquet": Case(parquet(), **P),
    "parquet cut": Case(truncated_parquet, ("a.parquet: not a parquet file"), **P, begins=True),
    "parquet with damaged pages": Case(flipped, ("a.parquet: not a parquet file"), **P, begins=True),
    "parquet of junk": Case(b"PAR1" + bytes(100) + b"PAR1", ("a.parquet: not a parquet file"), **P, begins=True),
    "parquet that is text": Case(table(), ("a.parquet: not a parquet file"), **P, begins=True),
    "parquet without rows": Case(
        lambda p: pq.write_table(pa.table({"x": pa.array([], pa.float64()), "y": pa.array([], pa.string())}), p),
        ("a.parquet: no rows below the header. Give a table with at least one row."),
        **P,
    ),
    "parquet without columns": Case(
        lambda p: pq.write_table(pa.table({}), p),
        ("a.parquet: no rows below the header. Give a table with at least one row."),
        **P,
    ),
    "parquet lists": Case(
        parquet(l=pa.array([[1, 2]] * 24)),
        ("a.parquet: a column holds lists or records, got l. Spread it over plain columns before reading."),
        **P,
    ),
    "parquet records": Case(
        parquet(l=pa.array([{"a": 1}] * 24)),
        ("a.parquet: a column holds lists or records, got l. Spread it over plain columns before reading."),
        **P,
    ),
    "parquet maps": Case(
        parquet(l=pa.array([[("a", 1)]] * 24, pa.map_(pa.string(), pa.int32()))),
        ("a.parquet: a column holds lists or records, got l. Spread it over plain columns before reading."),
        **P,
    ),
    "parquet decimals": Case(parquet(d=pa.array([Decimal(f"{i % 7}.25") for i in range(24)])), **P),
    "parquet stamps": Case(
        parquet(d=pa.array(np.arange(24).astype("M8[ms]"))),
        (
            "column 'd' holds dates or times, got 1970-01-01 00:00:00. Leave it out (--drop d), "
            "order the rows by it (--time d), or turn it into numbers."
        ),
        **P,
    ),
    "parquet stamps out of range": Case(
        parquet(d=pa.array([10**18 + i for i in range(24)], pa.timestamp("ms"))),
        (
            "column 'd' holds dates or times, got 31690708-07-05 01:46:40. Leave it out (--drop d), "
            "order the rows by it (--time d), or turn it into numbers."
        ),
        **P,
    ),
    "parquet times": Case(
        parquet(d=pa.array(range(24), pa.time32("s"))),
        (
            "column 'd' holds dates or times, got 00:00:00. Leave it out (--drop d), order the rows "
            "by it (--time d), or turn it into numbers."
        ),
        **P,
    ),
    "parquet durations": Case(
        parquet(d=pa.array(range(24), pa.duration("s"))),
        (
            "column 'd' holds dates or times, got 0 days 00:00:00. Leave it out (--drop d), order "
            "the rows by it (--time d), or turn it into numbers."
        ),
        **P,
    ),
    "parquet dictionary": Case(parquet(d=pa.array(list("uvw") * 8).dictionary_encode()), **P),
    "parquet booleans with gaps": Case(parquet(d=pa.array([True, None, False] * 8)), **P),
    "parquet whole numbers with gaps": Case(parquet(d=pa.array([1, None, 5] * 8)), **P),
    "parquet bytes": Case(parquet(d=pa.array([b"\xff\x00", b"\x1b[31m", b"w"] * 8)), **P),
    "parquet broken utf-8": Case(
        parquet(
            d=pa.array([b"\xff", b"a", b"b"] * 8).cast(pa.string(), safe=False)
            if False
            else pa.Array.from_buffers(
                pa.string(),
                24,
                [None, pa.py_buffer(np.arange(25, dtype=np.int32).tobytes()), pa.py_buffer(b"\xffab" * 8)],
            )
        ),
        ("a.parquet: not a parquet file"),
        **P,
        begins=True,
    ),
    "parquet nulls": Case(parquet(d=pa.nulls(24)), **P),
    "parquet equal names": Case(
        lambda p: pq.write_table(
            pa.Table.from_arrays([pa.array(X[:, 0]), pa.array(X[:, 1]), pa.array(list(Y))], names=["x", "x", "y"]), p
        ),
        ("a.parquet: column names must differ, got x. Rename the repeated columns in the header."),
        **P,
    ),
    "parquet escapes in names": Case(parquet(**{"\x1b[31mz": pa.array(X[:, 1])}), **P),
    "parquet names of nothing": Case(parquet(**{"": pa.array(X[:, 1])}), **P),
    "parquet infinities": Case(
        parquet(d=pa.array(np.where(X[:, 1] > 1, np.inf, X[:, 1]))),
        (
            "feature column 'd' has infinite or too large cells, got 5 of 24 rows, the first in row "
            "10. Replace them, or leave the column out."
        ),
        **P,
    ),
    "parquet half floats": Case(parquet(d=pa.array(X[:, 1].astype(np.float16))), **P),
    "parquet great whole numbers": Case(parquet(d=pa.array([2**64 - 1 - i for i in range(24)], pa.uint64())), **P),
    "parquet fixed bytes": Case(parquet(d=pa.array([b"ab", b"cd"] * 12, pa.binary(2))), **P),
    # the path itself
    "missing": Case(
        lambda p: None,
        ("no such data file, got a.csv. Check the path, or list the known data sets with `wellposed datasets`."),
    ),
    "directory": Case(lambda p: p.mkdir(), ("data must be a file, got the directory a.csv. Name a file in it.")),
    "directory named like a table": Case(
        lambda p: (p / "b").mkdir(parents=True),
        ("data must be a file, got the directory d.parquet. Name a file in it."),
        file="d.parquet",
    ),
    "pipe": Case(
        lambda p: os.mkfifo(p),
        ("data must be an ordinary file, got the pipe or device a.csv. Write the data to a file first."),
    ),
    "device": Case(
        link("/dev/zero"),
        ("data must be an ordinary file, got the pipe or device a.csv. Write the data to a file first."),
    ),
    "null device": Case(
        link("/dev/null"),
        ("data must be an ordinary file, got the pipe or device a.csv. Write the data to a file first."),
    ),
    "link to nothing": Case(
        link("nowhere"),
        ("no such data file, got a.csv. Check the path, or list the known data sets with `wellposed datasets`."),
    ),
    "link to itself": Case(
        link("a.csv"),
        ("data file can't be read, got a.csv (Too many levels of symbolic links). Check the path and its permissions."),
    ),
    "link to a table": Case(lambda p: [(p.parent / "b.csv").write_text(table()), p.symlink_to("b.csv")]),
    "name of 300 characters": Case(
        lambda p: None,
        (f"data file can't be read, got {'n' * 117}.... Check the path and its permissions."),
        file="n" * 300 + ".csv",
    ),
    "name with an escape": Case(
        lambda p: None,
        ("no such data file, got �[31mx.csv. Check the path, or list the known data sets with `wellposed datasets`."),
        file="\x1b[31mx.csv",
    ),
    "name with a line break": Case(table(), file="two\nlines.csv"),
    "unknown ending": Case(
        b"x",
        (
            "data file must be of a known kind, got a.xlsx. "
            "Give a .csv, .tsv, .txt, .parquet or .npz file, or a folder of images by class."
        ),
        file="a.xlsx",
    ),
    "no ending": Case(
        table(),
        (
            "data file must be of a known kind, got table. "
            "Give a .csv, .tsv, .txt, .parquet or .npz file, or a folder of images by class."
        ),
        file="table",
    ),
    "one npy": Case(
        lambda p: np.save(p, X),
        ("one .npy file has no target, got x.npy. Give a pair: X.npy,y.npy."),
        file="x.npy",
        options=NONE,
    ),
    "a dot": Case(
        lambda p: None,
        "a folder of images needs at least two classes, got 0 in .. "
        "Give a folder that has a folder of .png or .jpg files for each class.",
        file=".",
    ),
    "a minus": Case(
        lambda p: None,
        (
            "no data set or file of that name, got -. The names are circles, gaussian-quantiles, "
            "blobs, rings, sinewaves, breast-cancer, digits, iris, diabetes, wine, winequality-red, "
            "winequality-white, jh-simple, mnist, mnist-4-9."
        ),
        file="-",
    ),
    "device by name": Case(
        lambda p: None,
        (
            "data file must be of a known kind, got /dev/stdin. "
            "Give a .csv, .tsv, .txt, .parquet or .npz file, or a folder of images by class."
        ),
        file="/dev/stdin",
    ),
    "url": Case(
        lambda p: None,
        ("data aren't fetched from the web, got https://example.org/a.csv. Fetch the file first, and give its path."),
        file="https://example.org/a.csv",
    ),
    "nothing": Case(
        lambda p: None,
        ("data must be a file or a known name, got nothing. Give a path, or a name that `wellposed datasets` lists."),
        file="",
    ),
    "nul in the name": Case(
        lambda p: None,
        ("data must be a file or a known name, got a�.csv. Give a path, or a name that `wellposed datasets` lists."),
        file="a\x00.csv",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_one_line_or_a_sound_plan(name: str, command: Callable[..., Any], tmp_path: Path) -> None:
    check(CASES[name], command, tmp_path)

"""``wellposed predict``: a model's predictions for new rows."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wellposed.cli.inputs import OwnTechniques, load_own
from wellposed.errors import DataError, StudyError

if TYPE_CHECKING:
    import pandas as pd

    from wellposed.models.model import Model

__all__ = ["Data", "ModelFolder", "predict"]

ModelFolder = Annotated[
    str,
    typer.Argument(metavar="MODEL", help="A model's folder, or the run directory that holds it.", show_default=False),
]
Data = Annotated[
    str,
    typer.Argument(
        metavar="DATA",
        help="A .csv, .tsv, .parquet, .npz or .npy file (gzipped too), or a data set's name.",
        show_default=False,
    ),
]
_SEPARATORS = {".csv": ",", ".tsv": "\t"}


def predict(
    model: ModelFolder,
    data: Data,
    out: Annotated[
        str,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE",
            help="A .csv, .tsv or .parquet file. Default: CSV on standard output (-).",
            show_default=False,
        ),
    ] = "-",
    keep: Annotated[
        bool, typer.Option("--keep", help="Write the columns of DATA too, before the predictions.")
    ] = False,
    own: OwnTechniques = None,
) -> None:
    """Predicts the target of every row.

    Columns may stand in any order, with others beside them; missing cells and new categories are fine. Classes come
    with the probability of each. With --keep, text of DATA is written as it is (a spreadsheet runs cells that begin
    with =), numbers as they were read (67 may become 67.0), missing cells empty.
    """
    from wellposed.models.chunks import row_chunks
    from wellposed.models.files import load_model

    load_own(own)
    loaded = load_model(model)
    with _writer(out, data) as write, contextlib.closing(row_chunks(data, loaded.schema, columns=keep)) as chunks:
        for rows in chunks:
            write(_predicted(loaded, rows.frame, keep))


def _predicted(model: Model, frame: pd.DataFrame, keep: bool) -> pd.DataFrame:
    import pandas as pd

    from wellposed.models.predicting import outputs, probabilities, values

    found = outputs(model, frame)
    predicted = values(model, found)
    if isinstance(predicted, pd.DataFrame):
        result = predicted.add_prefix("prediction ")
    else:
        result = predicted.rename("prediction").to_frame()
    if model.target.task == "classification":
        shares = probabilities(model, found)
        result = result.assign(**{f"p({name})": shares[:, i] for i, name in enumerate(model.target.classes)})
    if not keep:
        return result
    taken = [name for name in result.columns if name in frame.columns]
    if taken:
        raise DataError("keep: a column has the name of a prediction", taken[0], "Rename it, or leave out --keep.")
    return pd.concat([frame, result], axis=1)


@contextlib.contextmanager
def _writer(out: str, data: str) -> Iterator[Any]:
    """A function that adds a frame to the output; a file appears only when all is written."""
    from wellposed.store import atomic

    if out == "-":
        first = [True]

        def show(frame: pd.DataFrame) -> None:
            frame.to_csv(sys.stdout, index=False, header=first.pop() if first else False, lineterminator="\n")

        yield show
        return
    path = Path(out)
    suffix = path.suffix.lower()
    if suffix not in (*_SEPARATORS, ".parquet"):
        raise StudyError("out: must be a .csv, .tsv or .parquet file", out, "Write e.g. -o predictions.csv.")
    if path.is_dir() or (path.exists() and Path(data).exists() and path.samefile(data)):
        what = "a folder" if path.is_dir() else "the data file itself"
        raise StudyError(f"out: must be another file than {what}", out, "Choose another --out.")
    try:
        with atomic(path) as temporary, contextlib.ExitStack() as stack:
            yield (_parquet if suffix == ".parquet" else _text)(temporary, stack, suffix)
    except OSError as error:
        raise StudyError(f"out: can't be written ({error.strerror})", out, "Choose another --out.") from None


def _text(path: Path, stack: contextlib.ExitStack, suffix: str) -> Any:
    stream = stack.enter_context(path.open("w", encoding="utf-8", newline=""))

    def write(frame: pd.DataFrame) -> None:
        header = stream.tell() == 0
        frame.to_csv(stream, index=False, header=header, sep=_SEPARATORS[suffix], lineterminator="\n")

    return write


def _parquet(path: Path, stack: contextlib.ExitStack, suffix: str) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as parquet

    writers: list[Any] = []

    def write(frame: pd.DataFrame) -> None:
        table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
        if not writers:
            writers.append(stack.enter_context(parquet.ParquetWriter(path, table.schema)))
        try:
            writers[0].write_table(table.cast(writers[0].schema))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            got = str(error).splitlines()[0]
            raise DataError("keep: a column changes its type within the file", got, "Write a .csv file.") from None

    return write

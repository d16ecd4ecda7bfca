"""From options to what the library takes: dataset, network, training."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from wellposed.cli.options import DataOptions, NetworkOptions, StudyOptions, TrainingOptions
from wellposed.cli.wording import as_command_line
from wellposed.errors import DataError, StudyError

if TYPE_CHECKING:
    from wellposed.data.dataset import Dataset
    from wellposed.network.mlp import MLP
    from wellposed.training.spec import Training

__all__ = [
    "OwnTechniques",
    "load_own",
    "make_network",
    "make_training",
    "read_data",
    "settings",
    "share_or_file",
    "widths",
]

OwnTechniques = Annotated[
    list[str] | None,
    typer.Option(
        "--techniques",
        metavar="FILE.py",
        help="Python file with techniques of your own; repeatable.",
        show_default=False,
    ),
]
_MOST_LAYERS = 100  # a program of more takes minutes to compile


def read_data(
    data: DataOptions, *, validation: str | None = None, test: str | None = None, memory: int | None = None
) -> Dataset:
    """The dataset, with the rows of a validation and a test file."""
    from wellposed.data.files import MEMORY
    from wellposed.data.further import with_test, with_validation
    from wellposed.data.read import read

    dataset = read(
        data.data,
        data.target or None,
        drop=data.drop or (),
        na=data.na or (),
        task=cast(Any, data.task),
        weight=data.weight,
        group=data.group,
        time=data.time,
        split_column=data.split_column,
        categorical=data.categorical or (),
        numeric=data.numeric or (),
        memory=MEMORY if memory is None else memory,
    )
    for option, add, file in (("--validation", with_validation, validation), ("--test", with_test, test)):
        if file is not None:
            dataset = _with_file(option, file, lambda file, add=add, dataset=dataset: add(dataset, file))
    return dataclasses.replace(dataset, warnings=tuple(map(as_command_line, dataset.warnings)))


def _with_file(option: str, file: str, add: Callable[[str], Dataset]) -> Dataset:
    """What ``add`` makes of the file; its errors name the file."""
    try:
        return add(file)
    except DataError as error:
        if file in str(error):
            raise
        raise DataError(f"{option} {file}: {error.what}", error.got, error.remedy) from None


def make_network(options: NetworkOptions) -> MLP:
    """The network."""
    from wellposed.network.mlp import MLP

    return MLP(
        widths(options.network),
        activation=options.activation,
        kernel_initializer=options.kernel_initializer,
        output_activation=options.output_activation,
        outputs=options.outputs,
    )


def make_training(options: TrainingOptions) -> Training:
    """The training settings."""
    from wellposed.training.spec import Training

    return Training(
        loss=options.loss,
        optimizer=options.optimizer,
        learning_rate=options.learning_rate,
        schedule=options.schedule,
        batch_size=options.batch_size,
        epochs=options.epochs,
        class_weight=class_weights(options.class_weight),
    )


def load_own(files: list[str] | None) -> None:
    """Registers the techniques of the user's own files."""
    if files:
        from wellposed.techniques.loading import load_techniques

        for file in files:
            load_techniques(file)


def widths(text: str) -> tuple[int, ...]:
    """``"20,20"`` as numbers; ``"none"``: no hidden layer.

    Raises:
        StudyError: anything else.
    """
    if text.strip().lower() == "none":
        return ()
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdigit() and len(part) < 8 and 0 < int(part) <= 1_000_000 for part in parts):
        remedy = "Write e.g. --network 20,20, or none for a linear model."
        raise StudyError("network: must be widths of at least 1 with commas between them", text or "nothing", remedy)
    if len(parts) > _MOST_LAYERS:
        remedy = "Write e.g. --network 20,20."
        raise StudyError(f"network: must have at most {_MOST_LAYERS} hidden layers", len(parts), remedy)
    return tuple(int(part) for part in parts)


def class_weights(text: str | None) -> str | dict[str, float] | None:
    """``balanced`` as it is, ``"no=1,yes=3"`` as a dictionary.

    Raises:
        StudyError: a part without a number.
    """
    if text is None or text == "balanced":
        return text
    table = {}
    for part in text.split(","):
        name, sign, weight = (piece.strip() for piece in part.rpartition("="))
        try:
            table[name] = float(weight)
        except ValueError:
            sign = ""
        if not (sign and name and 0 <= table[name] < math.inf):
            raise StudyError(
                "class-weight: must be balanced or a weight for each class", text, "Write e.g. no=1,yes=3."
            )
    return table


def share_or_file(text: str | None) -> tuple[float | None, str | None]:
    """A share of the rows, or else a file's name."""
    if text is None:
        return None, None
    try:
        return float(text), None
    except ValueError:
        return None, text


def settings(*options: Any) -> dict[str, Any]:
    """All options by their long names, as a run's record."""
    found = {}
    for group in options:
        for field in dataclasses.fields(group):
            found[field.name.strip("_").replace("_", "-")] = getattr(group, field.name)
    return found


def prepare_settings(study: StudyOptions) -> dict[str, Any]:
    """What `wellposed.studies.compare.prepare` takes."""
    return {
        "folds": study.folds,
        "validation": share_or_file(study.validation)[0],
        "seeds": study.seeds,
        "test": share_or_file(study.test)[0],
        "seed": study.seed,
        "monitor": study.monitor,
        "fixed": study.fixed,
        "shuffle_splits": not study.no_shuffle,
        "keep_duplicates_together": study.keep_duplicates_together,
        "metric": study.metric,
        "select": study.select,
        "memory": study.memory,
        "references": not study.no_references,
        "predictions": study.predictions,
    }

"""The options that studies share, each defined once: groups of dataclass fields that `takes` turns into a signature."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import typing
from collections.abc import Callable
from typing import Annotated, Any

import typer

from wellposed.cli.config import load_config

__all__ = ["ColumnOptions", "DataOptions", "NetworkOptions", "RunOptions", "StudyOptions", "TrainingOptions", "takes"]

_DATA, _NETWORK, _TRAINING = "Data", "Network", "Training"
_TECHNIQUES, _SPLITS, _OUTPUT = "Techniques and selection", "Splits", "Output"


def _option(flag: str, panel: str, text: str, metavar: str = " ", **more: Any) -> Any:
    return typer.Option(flag, help=text, rich_help_panel=panel, metavar=metavar, show_default=False, **more)


def _config(context: typer.Context, value: str | None) -> str | None:
    """Makes the file's values the defaults of the options that follow."""
    if value is not None:
        context.default_map = {**(context.default_map or {}), **load_config(value, context.command.params)}
    return value


@dataclasses.dataclass(frozen=True, kw_only=True)
class ColumnOptions:
    """What the columns of a table are."""

    target: Annotated[
        list[str] | None,
        _option(
            "--target",
            _DATA,
            "Target column, or an expression such as 'quality >= 6'; repeatable for regression.",
            "COLUMN",
        ),
    ] = None
    drop: Annotated[list[str] | None, _option("--drop", _DATA, "Column that is no feature; repeatable.", "COLUMN")] = (
        None
    )
    na: Annotated[list[str] | None, _option("--na", _DATA, "Text that marks a missing cell; repeatable.", "TEXT")] = (
        None
    )
    weight: Annotated[str | None, _option("--weight", _DATA, "Column of sample weights.", "COLUMN")] = None
    categorical: Annotated[
        list[str] | None, _option("--categorical", _DATA, "Numbers that are categories; repeatable.", "COLUMN")
    ] = None
    numeric: Annotated[
        list[str] | None, _option("--numeric", _DATA, "Column to be read as numbers; repeatable.", "COLUMN")
    ] = None
    task: Annotated[
        str, _option("--task", _DATA, "classification or regression. Default: from the target.", "NAME")
    ] = "auto"
    group: Annotated[
        str | None,
        _option("--group", _SPLITS, "Column; rows with the same value stay on one side of a split.", "COLUMN"),
    ] = None
    time: Annotated[
        str | None, _option("--time", _SPLITS, "Column; validation rows are always the later ones.", "COLUMN")
    ] = None
    split_column: Annotated[
        str | None,
        _option("--split-column", _SPLITS, "Column that says train, validation or test for each row.", "COLUMN"),
    ] = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class DataOptions(ColumnOptions):
    """What is learned from."""

    data: Annotated[
        str,
        typer.Argument(
            metavar="DATA",
            help="A .csv, .tsv, .parquet or .npz file (gzipped too), a pair X.npy,y.npy, a folder of images by class, "
            "or a data set's name.",
            show_default=False,
        ),
    ]


@dataclasses.dataclass(frozen=True)
class NetworkOptions:
    """The network that everything is tried on."""

    network: Annotated[
        str,
        _option("--network", _NETWORK, "Units of the hidden layers; none: a linear model. Default: 64,64.", "WIDTHS"),
    ] = "64,64"
    activation: Annotated[
        str, _option("--activation", _NETWORK, "Of the hidden layers: relu, tanh, gelu, … Default: relu.", "NAME")
    ] = "relu"
    kernel_initializer: Annotated[
        str, _option("--kernel-initializer", _NETWORK, "Initial weights. Default: glorot_uniform.", "NAME")
    ] = "glorot_uniform"
    output_activation: Annotated[
        str, _option("--output-activation", _NETWORK, "Default: sigmoid, softmax or linear, by the task.", "NAME")
    ] = "auto"
    outputs: Annotated[
        str, _option("--outputs", _NETWORK, "per-class: an output for each class, also for two. Default: auto.", "NAME")
    ] = "auto"


@dataclasses.dataclass(frozen=True)
class TrainingOptions:
    """How it is trained."""

    loss: Annotated[
        str,
        _option("--loss", _TRAINING, "E.g. mae, huber(delta=2). Default: cross-entropy or mean squared error.", "NAME"),
    ] = "auto"
    optimizer: Annotated[
        str,
        _option(
            "--optimizer",
            _TRAINING,
            "adam, sgd, adamw, rmsprop, …; with settings: 'sgd(momentum=0.9)'. Default: adam.",
            "NAME",
        ),
    ] = "adam"
    learning_rate: Annotated[
        float | None, _option("--learning-rate", _TRAINING, "Default: the optimizer's own (adam: 0.001).", "RATE")
    ] = None
    schedule: Annotated[
        str, _option("--schedule", _TRAINING, "Of the learning rate, e.g. cosine. Default: constant.", "NAME")
    ] = "constant"
    epochs: Annotated[int, _option("--epochs", _TRAINING, "Passes over the training rows. Default: 200.", "N")] = 200
    batch_size: Annotated[int, _option("--batch-size", _TRAINING, "Rows of a minibatch. Default: 32.", "N")] = 32
    class_weight: Annotated[
        str | None, _option("--class-weight", _TRAINING, "balanced, or weights such as 'no=1,yes=3'.", "WEIGHTS")
    ] = None


@dataclasses.dataclass(frozen=True)
class StudyOptions:
    """What is compared, on which rows, and how the result is chosen."""

    with_: Annotated[
        list[str] | None,
        _option(
            "--with",
            _TECHNIQUES,
            "Recipe: 'l2=1e-3 + dropout=0.2'; grids: 'dropout=0.1|0.3', 'l2=1e-5..1e-1'. Repeatable. "
            "Default: the whole catalogue at reference strengths.",
            "RECIPE",
        ),
    ] = None
    techniques: Annotated[
        list[str] | None,
        _option("--techniques", _TECHNIQUES, "Python file with techniques of your own; repeatable.", "FILE.py"),
    ] = None
    metric: Annotated[
        str,
        _option(
            "--metric",
            _TECHNIQUES,
            "Main metric: accuracy, balanced-accuracy, f1, auc, log-loss, brier; r2, rmse, mse, mae. "
            "Default: accuracy or r2.",
            "NAME",
        ),
    ] = "auto"
    select: Annotated[
        str,
        _option(
            "--select", _TECHNIQUES, "best, or one-se: the simplest within one standard error. Default: best.", "RULE"
        ),
    ] = "best"
    no_references: Annotated[
        bool, _option("--no-references", _TECHNIQUES, "Leave out the reference models (linear, boosted trees).")
    ] = False
    folds: Annotated[
        int | None, _option("--folds", _SPLITS, "Folds of repeated cross-validation. Default: 5.", "N")
    ] = None
    validation: Annotated[
        str | None,
        _option("--validation", _SPLITS, "Instead of folds: a share of the rows (0.2), or a file.", "SHARE|FILE"),
    ] = None
    seeds: Annotated[
        int | None,
        _option("--seeds", _SPLITS, "Repetitions, each with its own split and weights. Default: 3; hold-out 10.", "N"),
    ] = None
    test: Annotated[
        str | None,
        _option(
            "--test", _SPLITS, "Rows set aside and scored once, at the end: a share (0.2), or a file.", "SHARE|FILE"
        ),
    ] = None
    seed: Annotated[int, _option("--seed", _SPLITS, "Of everything random. Default: 0.", "N")] = 0
    monitor: Annotated[
        float | None,
        _option("--monitor", _SPLITS, "Share of training rows that early stopping watches. Default: 0.15.", "SHARE"),
    ] = None
    fixed: Annotated[bool, _option("--fixed", _SPLITS, "The same split for every seed.")] = False
    no_shuffle: Annotated[bool, _option("--no-shuffle", _SPLITS, "Take validation rows in the order of the file.")] = (
        False
    )
    keep_duplicates_together: Annotated[
        bool, _option("--keep-duplicates-together", _SPLITS, "Equal rows stay on one side of a split.")
    ] = False
    memory: Annotated[str, _option("--memory", _OUTPUT, "Most that training may take. Default: 4GB.", "SIZE")] = "4GB"
    no_model: Annotated[bool, _option("--no-model", _OUTPUT, "Don't train and save the best model.")] = False
    predictions: Annotated[
        bool, _option("--predictions", _OUTPUT, "Also write predictions.csv: out-of-fold predictions of every row.")
    ] = False


@dataclasses.dataclass(frozen=True)
class RunOptions:
    """Where results go and what is shown."""

    out: Annotated[
        str | None, _option("--out", _OUTPUT, "Run directory. Default: a new one in wellposed-runs.", "DIR")
    ] = None
    json: Annotated[bool, _option("--json", _OUTPUT, "Print results.json alone on standard output.")] = False
    quiet: Annotated[bool, _option("--quiet", _OUTPUT, "Print nothing but the path of the report.")] = False
    dry_run: Annotated[bool, _option("--dry-run", _OUTPUT, "Show what would be trained; train and write nothing.")] = (
        False
    )
    config: Annotated[
        str | None,
        _option(
            "--config",
            _OUTPUT,
            "TOML file with options by their long names, such as drop = ['date']; the command line wins.",
            "FILE",
            is_eager=True,
            callback=_config,
        ),
    ] = None


def takes(*groups: type[Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Gives a command the options of ``groups``; the command itself gets the context and an object of each group."""
    fields = [(group, field) for group in groups for field in dataclasses.fields(group)]
    hints = {group: typing.get_type_hints(group, include_extras=True) for group in groups}
    first = inspect.Parameter("context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)
    parameters = [first] + [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            annotation=hints[group][field.name],
            default=inspect.Parameter.empty if field.default is dataclasses.MISSING else field.default,
        )
        for group, field in fields
    ]

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(command)
        def called(**values: Any) -> Any:
            names = {group: [field.name for field in dataclasses.fields(group)] for group in groups}
            return command(
                values["context"], *(group(**{name: values[name] for name in names[group]}) for group in groups)
            )

        called.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        called.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        return called

    return decorate

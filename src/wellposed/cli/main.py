"""The command ``wellposed``. Libraries that take long to load are imported inside the commands that need them."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import typer
import typer.core
import typer.main

from wellposed.cli.compare import compare
from wellposed.cli.datasets import datasets
from wellposed.cli.errors import is_usage_error, one_line, refuse_repeated, usage_message
from wellposed.cli.evaluate import evaluate
from wellposed.cli.export import export
from wellposed.cli.predict import predict
from wellposed.cli.refit import refit
from wellposed.cli.report import report
from wellposed.cli.techniques import techniques
from wellposed.errors import WellposedError

__all__ = ["main"]

BAD_INPUT, UNEXPECTED, INTERRUPTED, BROKEN_PIPE = 2, 1, 130, 141

_WINE = 'wellposed compare winequality-red --target "quality >= 6"'


class _Command(typer.core.TyperCommand):
    """A command that refuses an option given twice, and whose help shows ``--help`` as the switch that it is."""

    def get_help_option(self, ctx: Any) -> Any:
        return _switch(super().get_help_option(ctx))

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        _, _, given = self.make_parser(ctx).parse_args(args=list(args))
        refuse_repeated(given, args)
        return super().parse_args(ctx, args)


class _Group(typer.core.TyperGroup):
    """The same for the program."""

    def get_help_option(self, ctx: Any) -> Any:
        return _switch(super().get_help_option(ctx))


def _switch(option: Any) -> Any:
    if option is not None:
        option.metavar = " "  # otherwise the rich help writes <bool>
    return option


def _examples(*lines: str) -> str:
    return "\n\n".join(("Example:" if len(lines) == 1 else "Examples:", *lines))


app = typer.Typer(
    name="wellposed",
    cls=_Group,
    help="Finds out how to regularize a neural network: every technique at once, honestly compared.",
    epilog=_examples(_WINE),
    add_completion=False,
    no_args_is_help=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode="rich",
)
app.command(
    cls=_Command,
    epilog=_examples(
        f"{_WINE} --network 20,20",
        'wellposed compare my.csv --target y --with "l2=1e-4..1e-2 + dropout=0.2" --test 0.2',
    ),
)(compare)
_MODEL = "wellposed-runs/winequality-red-compare-1"
app.command(
    cls=_Command,
    epilog=_examples(
        f"wellposed predict {_MODEL} new.csv -o out.csv", "wellposed predict my-model new.csv --keep | head"
    ),
)(predict)
app.command(
    cls=_Command,
    epilog=_examples(f"wellposed evaluate {_MODEL} more.csv", "wellposed evaluate my-model more.parquet --json"),
)(evaluate)
app.command(cls=_Command, epilog=_examples(f"wellposed refit {_MODEL} all.csv --out new-model"))(refit)
app.command(
    cls=_Command,
    epilog=_examples(
        f"wellposed export {_MODEL} --to keras -o wine.keras", "wellposed export my-model --to code -o train.py"
    ),
)(export)
app.command(cls=_Command, epilog=_examples("wellposed techniques", "wellposed techniques dropout"))(techniques)
app.command(
    cls=_Command,
    epilog=_examples("wellposed datasets", "wellposed datasets iris", "wellposed datasets my.csv --target price"),
)(datasets)
app.command(cls=_Command, epilog=_examples("wellposed report wellposed-runs/iris-compare-1"))(report)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"wellposed {version('wellposed')}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _app(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", help="Show the version.", metavar=" ", callback=_version, is_eager=True)
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command line and returns its exit status.

    0: done; 2: bad input; 130: interrupted; 141: the reader of the output went away; 1: a fault of wellposed itself.
    Errors are one line on standard error; with WELLPOSED_DEBUG=1 in the environment, faults show their traceback.

    Args:
        argv: the arguments after the program's name; None: those of this process.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]  # a terminal that lacks ± shows ?
    with _termination_interrupts():
        status = _status(arguments)
    if argv is None:
        # A process of its own leaves at once: taking JAX down in the ordinary way takes most of a second, and after
        # Ctrl-C it would wait for compilations and reference models that nobody wants any more.
        _flush()
        os._exit(status)
    return status


def _status(arguments: list[str]) -> int:
    try:
        status = _command(arguments)
        sys.stdout.flush()
        return status
    except WellposedError as error:
        from wellposed.cli.wording import as_command_line

        return _fail(as_command_line(str(error)), BAD_INPUT)
    except BrokenPipeError:
        # The interpreter flushes standard output once more when it ends; nobody reads it, so it goes nowhere.
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except KeyboardInterrupt as error:
        return _fail(str(error) or "before anything was written.", INTERRUPTED, word="interrupted")
    except Exception as error:
        if is_usage_error(error):
            return _fail(usage_message(error, arguments), BAD_INPUT)
        if isinstance(error, OSError) and error.strerror:
            place = f", got {error.filename}" if error.filename else ""
            return _fail(f"{error.strerror[:1].lower()}{error.strerror[1:]}{place}.", BAD_INPUT)
        if os.environ.get("WELLPOSED_DEBUG"):
            raise
        remedy = "This is a fault of wellposed: run it again with WELLPOSED_DEBUG=1 to see where, and report it."
        return _fail(f"{type(error).__name__}: {str(error).rstrip('.')[:300]}. {remedy}", UNEXPECTED)


def _command(arguments: list[str]) -> int:
    command: Any = typer.main.get_command(app)
    try:
        with command.make_context("wellposed", list(arguments), obj=arguments) as context:
            return int(command.invoke(context) or 0)
    except typer.Exit as end:
        return end.exit_code


def _fail(message: str, status: int, *, word: str = "error") -> int:
    _flush()
    with contextlib.suppress(OSError):
        print(f"{word}: {one_line(message)}", file=sys.stderr, flush=True)
    return status


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()


@contextlib.contextmanager
def _termination_interrupts() -> Iterator[None]:
    """A request to terminate is answered like Ctrl-C."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(number: int, frame: Any) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


if __name__ == "__main__":
    sys.exit(main())

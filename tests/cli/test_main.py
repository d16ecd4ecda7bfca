"""The program as a whole: help, version, cold start, exit status."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from collections.abc import Callable, Sequence
from importlib.metadata import entry_points, version
from typing import Any

import pytest

COMMANDS = ("compare", "techniques", "datasets", "report")
HEAVY = ("jax", "sklearn", "pandas", "numpy", "scipy", "plotly", "pyarrow", "wellposed.studies.compare")


def test_entry_point() -> None:
    (found,) = entry_points(group="console_scripts", name="wellposed")
    assert found.value == "wellposed.cli.main:main"


def test_version(command: Callable[..., Any]) -> None:
    ran = command("--version")
    assert (ran.status, ran.out, ran.err) == (0, f"wellposed {version('wellposed')}\n", "")


def test_help_without_arguments(command: Callable[..., Any]) -> None:
    ran = command()
    assert ran.status == 0
    assert all(name in ran.out for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_every_help_has_an_example(name: str, flag: str, command: Callable[..., Any]) -> None:
    ran = command(name, flag)
    assert (ran.status, ran.err) == (0, "")
    assert f"wellposed {name}" in ran.out.partition("Example")[2]
    assert "<bool>" not in ran.out


@pytest.mark.parametrize(
    "arguments", [(), ("--help",), ("compare", "--help"), ("compare", "x.csv", "--foo"), ("--version",)]
)
def test_cold_start(arguments: Sequence[str]) -> None:
    """Help and usage errors load no library that takes long."""
    code = f"""
        import json, sys
        from wellposed.cli.main import main
        main({list(arguments)!r})
        print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))
    """
    ran = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True)
    assert json.loads(ran.stdout.splitlines()[-1]) == []


def test_broken_pipe_is_quiet() -> None:
    code = "import sys; from wellposed.cli.main import main; sys.exit(main())"
    with subprocess.Popen(
        [sys.executable, "-c", code, "techniques"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        error = process.stderr.read()
    assert (process.returncode, error) == (141, "")


def test_the_process_leaves_at_once() -> None:
    """Its own exit handlers aren't waited for; what was printed is out, and the status is right."""
    code = """
        import atexit, sys
        atexit.register(print, "waited")
        from wellposed.cli.main import main
        print("before", end=" ")
        sys.exit(main())
    """
    for arguments, status, out in (("--version", 0, f"before wellposed {version('wellposed')}\n"), ("x", 2, "before ")):
        program = [sys.executable, "-c", textwrap.dedent(code), arguments]
        ran = subprocess.run(program, capture_output=True, text=True, check=False)
        assert (ran.returncode, ran.stdout) == (status, out)


def test_terminal_without_the_signs(monkeypatch: pytest.MonkeyPatch) -> None:
    code = "import sys; from wellposed.cli.main import main; sys.exit(main())"
    ran = subprocess.run(
        [sys.executable, "-X", "utf8=0", "-c", code, "techniques", "l2"],
        env={"PYTHONIOENCODING": "ascii", "PATH": "/usr/bin:/bin", "JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0
    assert "?" in ran.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--group", "a", "--group", "b"), "--group takes one value, got a and b. Give it once."),
        (("--seeds=3", "--epochs", "2", "--seeds", "5"), "--seeds takes one value, got 3 and 5. Give it once."),
        (("--metric", "r2", "--metric", "r2"), "--metric takes one value, got r2 and r2. Give it once."),
    ],
)
def test_one_value_given_twice(arguments: Sequence[str], message: str, command: Callable[..., Any]) -> None:
    ran = command("compare", "iris", "--with", "l2", "--with", "l1", *arguments)
    assert (ran.status, ran.out, ran.err) == (2, "", f"error: {message}\n")


def test_short_option_given_twice(command: Callable[..., Any]) -> None:
    message = "--out takes one value, got a and b. Give it once."
    assert command("report", "run", "-o", "a", "--out", "b").err == f"error: {message}\n"


def test_switches_and_repeatable_options_given_twice(command: Callable[..., Any]) -> None:
    again = ("--quiet", "--quiet", "--json", "--with", "l2", "--with", "--seeds", "--seeds", "1")
    message = "recipe: no technique of that name, got --seeds. "
    assert command("compare", "iris", *again).err.startswith(f"error: {message}")


FILES = {
    "good.csv": "x,z,y\n"
    + "".join(f"{i * 0.37 % 1:.2f},{'ab'[i % 2]},{'no' if i % 3 else 'yes'}\n" for i in range(12)),
    "narrow.csv": "x,y\n0.1,yes\n",
    "other.csv": "x,z,y\n0.1,a,perhaps\n",
    "empty.csv": "",
}


@pytest.mark.parametrize("option", ["--test", "--validation"])
@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("narrow.csv", "{option} narrow.csv: feature column doesn't exist, got z. The columns are x, y."),
        (
            "other.csv",
            "{option} other.csv: target 'y' holds a class that was not there before, got perhaps. "
            "The classes are no, yes.",
        ),
        ("empty.csv", "empty.csv: the file is empty. Give a table with a header and rows."),
    ],
)
def test_errors_name_the_further_file(
    option: str, file: str, message: str, command: Callable[..., Any], tmp_path: Path
) -> None:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    ran = command("compare", "good.csv", "--target", "y", option, file)
    assert (ran.status, ran.out, ran.err) == (2, "", f"error: {message.format(option=option)}\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("--optimizer", "sgd(learning_rate=0.1)"),
            "optimizer: the learning rate is a setting of its own, got sgd(learning_rate=0.1). "
            "Give --learning-rate 0.1 beside the optimizer.",
        ),
        (
            ("--with", "dropout=0.2,l2=1e-3"),
            "recipe: techniques are joined with +, got dropout=0.2,l2=1e-3. Write dropout=0.2 + l2=1e-3.",
        ),
        (
            ("--class-weight", "setosa=1,virginia=2"),
            "training: class_weight names a class that isn't there, got virginia. "
            "The classes are setosa, versicolor, virginica.",
        ),
        (
            ("--metric", "kappa"),
            "metric: unknown name, got kappa. Choose one of accuracy, auc, balanced_accuracy, brier, f1, log_loss, "
            "mae, mse, r2, rmse.",
        ),
    ],
)
def test_messages(arguments: Sequence[str], message: str, command: Callable[..., Any]) -> None:
    ran = command("compare", "iris", "--network", "4", *arguments)
    assert (ran.status, ran.out, ran.err) == (2, "", f"error: {message}\n")

"""The shape of the package: who may import whom, where optional libraries live, how long a file may be.

Every import statement in src is looked at, those inside functions and under ``TYPE_CHECKING`` included.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

SOURCE = Path(__file__).resolve().parents[1] / "src" / "wellposed"
MOST_LINES = 400

_ENGINE = ("data", "network", "training", "textform", "errors")
_EVERYTHING = (
    *_ENGINE, "techniques", "recipe", "population", "records", "store", "runners", "models", "statistics", "paired",
    "power", "behrens_fisher", "diagnosis", "report", "exchange",
)  # fmt: skip

# Part -> the parts that it may import besides itself. A name with a dot is that one module.
MAY_IMPORT: dict[str, tuple[str, ...]] = {
    "errors": (),
    "textform": ("errors",),
    "network": ("errors", "textform"),
    "training": ("errors", "textform", "network"),
    "data": ("errors", "textform"),
    "techniques": _ENGINE,
    "recipe": (*_ENGINE, "techniques"),
    "population": ("errors", "network", "training", "recipe", "techniques.base"),
    "records": ("errors", "population"),
    "lock": (),
    "store": ("errors", "lock"),
    "runners": ("errors", "network", "population", "records", "store"),
    "models": (*_ENGINE, "techniques", "recipe", "store"),
    "behrens_fisher": ("errors",),
    "power": ("errors",),
    "paired": ("errors", "power", "behrens_fisher"),
    "statistics": ("errors", "paired", "power"),
    "diagnosis": ("errors", "models", "records", "statistics"),
    "report": ("errors",),
    "exchange": (*_ENGINE, "models", "techniques", "recipe"),
    "studies": _EVERYTHING,
    "testing": (*_EVERYTHING, "studies"),
    "estimators": (*_EVERYTHING, "studies"),
    "serve": (*_EVERYTHING, "studies"),
    "cli": (*_EVERYTHING, "studies", "estimators", "serve", "testing"),
    "__init__": (*_EVERYTHING, "studies", "estimators"),
    "__main__": ("cli",),
}

# (file, imported module) -> why this one import may go against the rule.
EXCEPTIONS: dict[tuple[str, str], str] = {
    ("techniques/base.py", "wellposed.recipe"): "inside __add__, so that `L2(1e-3) + Dropout(0.2)` makes a Recipe",
    ("models/model.py", "wellposed.studies.refit"): "inside Model.refit: a model can be trained again",
}

# Optional or heavy libraries -> the one file that may import each.
LEAVES = {
    "ray": "runners/ray.py",
    "keras": "exchange/keras.py",
    "onnx": "exchange/onnx.py",
    "onnxruntime": "exchange/onnx.py",
    "optuna": "studies/tune.py",
    "plotly": "report/plots.py",
}
BANNED = {
    "torch": "the engine is JAX",
    "tensorflow": "the engine is JAX",
    "pickle": "files hold no code",
    "joblib": "files hold no code",
}

# Files that may be longer, and why.
LONG: dict[str, str] = {}


class Import(NamedTuple):
    """One imported module, by full name."""

    file: str
    line: int
    module: str


def _files() -> list[Path]:
    return sorted(SOURCE.rglob("*.py"))


def _name(path: Path) -> str:
    return path.relative_to(SOURCE).as_posix()


def _imports(path: Path, text: str | None = None) -> Iterator[Import]:
    """All imports of a file; ``from wellposed import recipe`` counts as ``wellposed.recipe``."""
    package = ("wellposed", *path.relative_to(SOURCE).parent.parts)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8") if text is None else text)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(_name(path), node.lineno, alias.name)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            base = ".".join((*above, *([node.module] if node.module else [])))
            for alias in node.names:
                yield Import(_name(path), node.lineno, f"{base}.{alias.name}" if _is_module(base, alias.name) else base)


def _is_module(base: str, name: str) -> bool:
    """Whether ``from base import name`` brings a module of ours rather than something in one."""
    if base.partition(".")[0] != "wellposed":
        return False
    folder = SOURCE.joinpath(*base.split(".")[1:])
    return (folder / f"{name}.py").exists() or (folder / name).is_dir()


def _part(file: str) -> str:
    return file.partition("/")[0].removesuffix(".py")


def _violation(item: Import) -> str | None:
    """What is wrong with an import, None if nothing is."""
    place = f"{item.file}:{item.line}: imports {item.module}"
    top, _, rest = item.module.partition(".")
    if top in BANNED:
        return f"{place}; rule: nothing imports {top}: {BANNED[top]}"
    if top in LEAVES and item.file != LEAVES[top]:
        return f"{place}; rule: only {LEAVES[top]} imports {top}"
    if top != "wellposed" or (item.file, item.module) in EXCEPTIONS:
        return None
    if not rest:
        return f"{place}; rule: inside the package, import from the defining module"
    part, target = _part(item.file), rest.partition(".")[0]
    if part not in MAY_IMPORT:
        return f"{place}; rule: {part} has no line in MAY_IMPORT (tests/test_architecture.py); give it one"
    allowed = MAY_IMPORT[part]
    if target == part or any(rest == name or rest.startswith(f"{name}.") for name in allowed):
        return None
    return f"{place}; rule: {part} may import {', '.join(allowed) or 'nothing of the package'}"


def test_imports_point_one_way() -> None:
    wrong = [message for path in _files() for item in _imports(path) if (message := _violation(item))]
    assert not wrong, "\n" + "\n".join(wrong)


def test_every_exception_is_needed() -> None:
    found = {(item.file, item.module) for path in _files() for item in _imports(path)}
    unused = [f"{file} no longer imports {module}" for file, module in EXCEPTIONS if (file, module) not in found]
    assert not unused, unused


def test_the_rules_themselves_have_no_cycle() -> None:
    waiting = {part: {name.partition(".")[0] for name in allowed} for part, allowed in MAY_IMPORT.items()}
    while free := [part for part, needs in waiting.items() if not needs & waiting.keys()]:
        for part in free:
            del waiting[part]
    assert not waiting, f"parts that may import each other: {sorted(waiting)}"


@pytest.mark.parametrize(
    ("file", "code", "message"),
    [
        (
            "population/step.py",
            "def f():\n    from wellposed.techniques.noise import Dropout",
            "population/step.py:2: imports wellposed.techniques.noise; rule: population may import errors, network, "
            "training, recipe, techniques.base",
        ),
        (
            "errors.py",
            "from . import recipe",
            "errors.py:1: imports wellposed.recipe; rule: errors may import nothing of the package",
        ),
        ("runners/local.py", "import ray", "runners/local.py:1: imports ray; rule: only runners/ray.py imports ray"),
        (
            "store.py",
            "import pickle",
            "store.py:1: imports pickle; rule: nothing imports pickle: files hold no code",
        ),
        (
            "recipe.py",
            "import wellposed",
            "recipe.py:1: imports wellposed; rule: inside the package, import from the defining module",
        ),
        ("techniques/noise.py", "from wellposed.techniques.base import Technique", None),
        ("techniques/base.py", "from wellposed.recipe import Recipe", None),
    ],
)
def test_a_violation_says_file_import_and_rule(file: str, code: str, message: str | None) -> None:
    [item] = _imports(SOURCE / file, code)
    assert _violation(item) == message


def test_files_are_short() -> None:
    lengths = {_name(path): len(path.read_text(encoding="utf-8").splitlines()) for path in _files()}
    long = [f"{file}: {lines} lines; rule: at most {MOST_LINES}, split it" for file, lines in lengths.items()
            if lines > MOST_LINES and file not in LONG]  # fmt: skip
    assert not long, "\n" + "\n".join(long)
    assert not [file for file in LONG if lengths.get(file, 0) <= MOST_LINES], "LONG names files that are short"


def test_every_file_has_a_name_that_says_what_it_is() -> None:
    vague = {"utils.py", "util.py", "helpers.py", "helper.py", "common.py", "misc.py", "tools.py"}
    assert not [_name(path) for path in _files() if path.name in vague]


def test_every_file_begins_with_what_it_is_for() -> None:
    files = [path for path in _files() if path.name != "__init__.py"]
    silent = [_name(path) for path in files if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))]
    assert not silent

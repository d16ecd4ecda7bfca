"""Writes what can be generated: blocks of README.md, docs/cli.md, the pages of docs/techniques.

    python docs/generate.py            writes them
    python docs/generate.py --check    writes nothing; exit status 1 if one of them is out of date
    python docs/generate.py --measure  runs `make demo`'s command first and keeps its results in docs/demo.json

A block in README.md stands between `<!-- begin NAME -->` and `<!-- end NAME -->`. No number in it is typed by hand.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import inspect
import json
import os
import re
import shlex
import sys
import tempfile
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from technique_pages import joined, pages, readme_table, table

ROOT = Path(__file__).resolve().parents[1]
DEMO = ROOT / "docs" / "demo.json"
_DIGITS = 6  # significant ones in demo.json


def main(argv: list[str] | None = None) -> int:
    """Writes or checks all files; the exit status."""
    parser = argparse.ArgumentParser(description="Writes the generated parts of README.md and docs/.")
    parser.add_argument("--check", action="store_true", help="write nothing, fail if something is out of date")
    parser.add_argument("--measure", action="store_true", help="run the demo again first")
    options = parser.parse_args(argv)
    if options.measure:
        run_demo()
    status = 0
    for path, text in generated().items():
        old = path.read_text(encoding="utf-8") if path.exists() else ""
        if old == text:
            continue
        name = path.relative_to(ROOT).as_posix()
        if options.check:
            lines = difflib.unified_diff(old.splitlines(), text.splitlines(), name, "as generated", lineterm="", n=0)
            print(*list(lines)[:12], sep="\n")
            print(f"{name} is out of date: run `.venv/bin/python docs/generate.py`.")
            status = 1
        else:
            written = path.with_suffix(".new")
            written.write_text(text, encoding="utf-8")
            written.replace(path)  # at once: nobody reads half a page
            print(f"wrote {name}")
    return status


def generated() -> dict[Path, str]:
    """Every file that is generated, in whole or in part, and what it should hold."""
    return {
        ROOT / "README.md": _filled("README.md", {"results": results_block, "techniques": readme_table}),
        ROOT / "docs" / "writing-a-technique.md": _filled("docs/writing-a-technique.md", {"hooks": hooks_block}),
        ROOT / "docs" / "python.md": _filled("docs/python.md", {"names": names_block}),
        **{ROOT / path: text for path, text in pages().items()},
        ROOT / "docs" / "combinations.md": combinations_page(),
        ROOT / "docs" / "cli.md": cli_page(),
    }


def _filled(page: str, blocks: dict[str, Callable[[], str]]) -> str:
    """A page with its blocks between ``<!-- begin NAME -->`` and ``<!-- end NAME -->`` written anew."""
    text = (ROOT / page).read_text(encoding="utf-8")
    for name, block in blocks.items():
        begin, end = f"<!-- begin {name} -->\n", f"<!-- end {name} -->"
        before, found, rest = text.partition(begin)
        if not found or end not in rest:
            sys.exit(f"error: {page}: no block {name!r}. Put its begin and end marks back.")
        text = before + begin + block() + end + rest.partition(end)[2]
    return text


# -- the result table ----------------------------------------------------------------------------------------------


def demo_command() -> str:
    """What `make demo` runs, in one line."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8").replace("\\\n", " ")
    [line] = re.findall(r"^demo:.*\n\t(.*)$", makefile, flags=re.MULTILINE)
    return " ".join(line.removeprefix("@").removeprefix("$(BIN)/").split())


def run_demo() -> None:
    """Runs the demo and keeps its results, without the members' own scores."""
    from wellposed.cli.main import main as wellposed

    with tempfile.TemporaryDirectory() as folder:
        status = wellposed([*shlex.split(demo_command())[1:], "--out", folder, "--quiet"])
        if status:
            sys.exit(status)
        results = json.loads((Path(folder) / "results.json").read_text(encoding="utf-8"))
    for recipe in results["recipes"]:
        del recipe["validation"]["per_member"]
    results["run"].pop("command", None)
    results["run"]["host"]["cores"] = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count()
    DEMO.write_text(json.dumps(_rounded(results), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def results_block() -> str:
    """The demo's command, its table, what was found and how long it took."""
    from wellposed.report import reading, words

    results = json.loads(DEMO.read_text(encoding="utf-8"))
    measure = reading.measures(results)[0]
    heading = ["recipe", f"{measure.name}, training rows", "validation rows", "difference from the baseline", "verdict"]
    rows = []
    for recipe in reading.ranked(results):
        name, verdict = f"`{recipe['name']}`", reading.verdict(recipe, measure)
        scores = [measure.score(reading.score(recipe, part, measure)) for part in ("train", "validation")]
        delta = measure.difference(reading.delta(recipe, measure))
        verdict = f"{reading.SYMBOLS[verdict]} {verdict}" if verdict else ""
        rows.append([f"**{name}**" if reading.role(results, recipe) == "selected" else name, *scores, delta, verdict])
    spent, folds, seeds = results["run"], results["splits"]["folds"], results["splits"]["seeds"]
    members = sum(recipe["members"] for recipe in results["recipes"])
    host, versions = spent["host"], spent["versions"]
    others = ", ".join(
        f"{model['name']} {measure.score(reading.score(model, 'validation', measure))}"
        for model in results["references"]
    )
    facts = (
        f"{members} networks ({len(rows)} recipes × {folds} folds × {seeds} seeds) in {spent['total_s']:.0f} s, of "
        f"which {spent['compile_s']:.0f} s compilation, on {host['cores']} {host['machine']} cores; "
        f"JAX {versions['jax']}. ± is a 95 % interval."
    )
    parts = [
        f"```console\n$ {_wrapped(demo_command())}\n```",
        table(heading, rows),
        f"{words.findings(results)[0]} Other models on the same splits, {measure.name}: {others}.",
        facts,
    ]
    return "\n" + "\n\n".join(parts) + "\n\n"


# -- techniques ----------------------------------------------------------------------------------------------------


def combinations_page() -> str:
    """docs/combinations.md: what can't stand together, found by trying every pair."""
    from wellposed.techniques.catalog import CATALOG
    from wellposed.testing.combinations import refused_pairs

    refused = list(refused_pairs(CATALOG))
    rows = []
    for cls in CATALOG:
        reasons: dict[tuple[str, str], list[str]] = {}
        for pair in refused:
            if cls.name in pair.names:
                [other] = set(pair.names) - {cls.name}
                reasons.setdefault((pair.why, pair.remedy), []).append(f"`{other}`")
        for (why, remedy), others in reasons.items():
            rows.append([f"`{cls.name}`", ", ".join(sorted(others)), why, remedy])
    pairs = len(CATALOG) * (len(CATALOG) - 1) // 2
    parts = [
        "<!-- Generated by docs/generate.py, which tries every pair of the catalogue. -->",
        "# Combinations",
        f"A recipe may hold any techniques that have a meaning together. Of the {pairs:,} pairs of the catalogue, at "
        f"reference strengths and on all layers that they act on, {len(refused)} are refused:",
        table(["technique", "not beside", "because", "instead"], rows),
        "Besides, two of one class must act in separate places (`l2=1e-3,layers=hidden1 + l2=1e-2,layers=output`), and "
        "a technique may refuse a task or a network by itself: label smoothing is for classes, image transforms for "
        "images, stochastic depth for networks with two hidden layers or more.",
        "## The rules",
        "No technique knows another by name. A pair is refused where both\n\n"
        "- decide which weights predict (the hook `inference`), or when training stops (`epoch_end`);\n"
        "- rewrite the same setting of training: optimizer, schedule, batch size;\n"
        '- name the same decision in `decides`, a class attribute such as `("how long a unit\'s weights are",)`, and '
        "act on a layer together;\n"
        '- or where one says in `requires` that it needs what the other `takes`, as `("averages of the weights",)`, on '
        "a layer of both;\n"
        "- rewrite the network's blocks in ways that exclude each other, which the second one's `network` hook finds.",
        "A technique of your own takes part in the same way: see [writing a technique](writing-a-technique.md).",
    ]
    return "\n\n".join(parts) + "\n"


def hooks_block() -> str:
    """Every hook's signature, what it does, when it runs and an example, from its docstring."""
    from wellposed.techniques.base import HOOKS, Technique

    parts = []
    for hook in HOOKS:
        function = getattr(Technique, hook)
        [definition] = ast.parse(textwrap.dedent(inspect.getsource(function))).body
        assert isinstance(definition, ast.FunctionDef)
        definition.body = []
        signature = ast.unparse(definition).replace("'", '"').removesuffix(":")
        text, _, rest = (inspect.getdoc(function) or "").partition("\n\nWhen: ")
        when, _, example = rest.partition("\nExample: ")
        first, _, more = text.partition("\n\n")
        said = re.sub(r"^\d+\. ", "", " ".join(f"{first} {more}".split()))
        code = f"```text\n{_broken(signature)}\n    {example.strip('`')}\n```"
        parts.append(f"### {hook}\n\n{joined(said)}\n\n*When:* {joined(when)}\n\n{code}")
    return "\n" + "\n\n".join(parts) + "\n\n"


def _broken(signature: str, width: int = 112) -> str:
    """A signature on lines of at most ``width`` characters, broken after commas."""
    lines = [""]
    for piece in re.split(r"(?<=,) (?![^\[]*\])", signature + ":"):
        joined = f"{lines[-1]} {piece}".lstrip() if len(lines) == 1 else f"{lines[-1]} {piece}"
        if len(joined) <= width or not lines[-1]:
            lines[-1] = joined
        else:
            lines.append(f"        {piece}")
    return "\n".join(lines)


# -- names of settings -----------------------------------------------------------------------------------------------


def names_block() -> str:
    """Every name that a setting takes, and the metrics with what they are."""
    from wellposed.network.activations import ACTIVATIONS
    from wellposed.network.initializers import INITIALIZERS
    from wellposed.training.losses import LOSSES
    from wellposed.training.metrics import METRICS
    from wellposed.training.optimizers import OPTIMIZERS
    from wellposed.training.schedules import SCHEDULES

    settings = {"activation": ACTIVATIONS, "initializer": INITIALIZERS, "loss": LOSSES, "optimizer": OPTIMIZERS}
    rows = [
        [name, ", ".join(f"`{key}`" for key in known)] for name, known in {**settings, "schedule": SCHEDULES}.items()
    ]
    metrics = [
        [
            f"`{name}`",
            cls.task,
            {"max": "larger", "min": "smaller"}[cls.direction],
            joined((inspect.getdoc(cls) or "").partition("\n")[0]),
        ]
        for name, cls in METRICS.items()
    ]
    tables = [table(["setting", "names"], rows), table(["metric", "task", "better", "what it is"], metrics)]
    return "\n" + "\n\n".join(tables) + "\n\n"


# -- the command line ----------------------------------------------------------------------------------------------


def cli_page() -> str:
    """docs/cli.md: every command's help."""
    import typer.main

    from wellposed.cli.main import app

    group: Any = typer.main.get_command(app)
    parts = [
        "<!-- Generated by docs/generate.py from the commands' own help; edit src/wellposed/cli. -->",
        "# The command line",
        _paragraphs(group.help),
        "Exit status: 0 done; 2 bad input, one line `error: what, got. remedy` on standard error; 130 interrupted "
        "(finished runs are kept).",
    ]
    for name, command in group.commands.items():
        arguments = [item.metavar or item.name.upper() for item in command.params if item.param_type_name == "argument"]
        options = [item for item in command.params if item.param_type_name == "option" and not item.hidden]
        shown = " ".join(["wellposed", name, *arguments, *(["[OPTIONS]"] if options else [])])
        parts += [f"## wellposed {name}", _paragraphs(command.help), f"```text\n{shown}\n```"]
        rows = [[f"`{item.metavar or item.name.upper()}`", item.help or ""] for item in command.params
                if item.param_type_name == "argument"]  # fmt: skip
        parts += [table(["argument", ""], rows)] if rows else []
        panels: dict[str, list[Any]] = {}
        for item in options:
            panels.setdefault(getattr(item, "rich_help_panel", None) or "Options", []).append(item)
        for panel, items in panels.items():
            rows = [
                [f"`{' '.join([*item.opts, (item.metavar or '').strip()]).strip()}`", item.help or ""] for item in items
            ]
            parts.append(table([panel.lower(), ""], rows))
        if command.epilog:
            lines = [line.strip() for line in command.epilog.split("\n") if line.strip().startswith("wellposed")]
            parts.append("```console\n" + "\n".join(f"$ {line}" for line in lines) + "\n```")
    return "\n\n".join(part for part in parts if part) + "\n"


def _paragraphs(text: str | None) -> str:
    return "\n\n".join(" ".join(part.split()) for part in inspect.cleandoc(text or "").split("\n\n"))


# -- Markdown ------------------------------------------------------------------------------------------------------


def _wrapped(command: str, width: int = 100) -> str:
    """The command on lines that end with a backslash, options beginning them."""
    pieces = re.split(r" (?=--with )", command)
    lines = [pieces[0]]
    for piece in pieces[1:]:
        if len(lines[-1]) + len(piece) < width:
            lines[-1] += f" {piece}"
        else:
            lines.append(f"    {piece}")
    return " \\\n".join(lines)


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    return float(f"{value:.{_DIGITS}g}") if isinstance(value, float) else value


if __name__ == "__main__":
    sys.exit(main())

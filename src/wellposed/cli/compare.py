"""``wellposed compare``: techniques against the baseline."""

from __future__ import annotations

import json
import shlex
import sys
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import typer

from wellposed.cli.background import undisturbed, watch
from wellposed.cli.options import DataOptions, NetworkOptions, RunOptions, StudyOptions, TrainingOptions, takes
from wellposed.cli.terminal import Terminal
from wellposed.cli.wording import as_command_line
from wellposed.errors import StudyError, printable

if TYPE_CHECKING:
    from wellposed.runners.base import Progress
    from wellposed.store import Run
    from wellposed.studies.compare import Comparison, Prepared

__all__ = ["compare"]


@takes(DataOptions, NetworkOptions, TrainingOptions, StudyOptions, RunOptions)
def compare(
    context: typer.Context,
    data: DataOptions,
    network: NetworkOptions,
    training: TrainingOptions,
    study: StudyOptions,
    run: RunOptions,
) -> None:
    """Compares regularization techniques with the network without them.

    Trains the network under every technique at once, on the same splits with the same randomness, and says which
    differences are more than chance.
    """
    from wellposed.cli import inputs
    from wellposed.population.memory import parse_size
    from wellposed.studies.compare import prepare
    from wellposed.studies.compare import run as train

    command = shlex.join(["wellposed", *context.obj])
    terminal = Terminal(run)
    inputs.load_own(study.techniques)
    made_network, made_training = inputs.make_network(network), inputs.make_training(training)
    choices = inputs.prepare_settings(study)
    validation, test = inputs.share_or_file(study.validation)[1], inputs.share_or_file(study.test)[1]
    if validation is not None and study.folds is not None:
        both = f"folds {study.folds} and the file {validation}"
        raise StudyError("splits: give either folds or validation", both, "Leave one out.")
    dataset = inputs.read_data(data, validation=validation, test=test, memory=parse_size(study.memory))
    prepared = prepare(dataset, made_network, study.with_ or None, training=made_training, **choices)
    folder = None if run.dry_run else _run_folder(run.out, dataset.name)
    terminal.line(data_line(prepared))
    terminal.line(prepared.line())
    if folder is None:
        _show_plan(prepared, terminal, as_json=run.json)
        return
    facts = {
        "command": command,
        "settings": inputs.settings(data, network, training, study, run),
        "data": {"source": dataset.source, "sha256": dataset.sha256},
        "seed": study.seed,
        "plan": prepared.plan.to_config(),
    }
    began, stop, state = time.perf_counter(), threading.Event(), "failed"

    def work(report: Callable[[Progress], None]) -> Comparison:
        return train(prepared, progress=report, model=not study.no_model, stop=stop)

    try:
        folder.write_state("planned", **facts)
        with terminal.progress() as progress:
            comparison = watch(work, progress, stop)
        comparison.results["run"]["command"] = command
        comparison.results["warnings"] = [*map(as_command_line, comparison.results["warnings"])]
        finished = len(comparison.results["recipes"])
        with undisturbed():
            whole = finished == len(prepared.recipes)
            report = comparison.save(folder.folder, state="done" if whole else "interrupted", **facts)
        state = "written"
    except KeyboardInterrupt:
        state = "interrupted"
        seconds = time.perf_counter() - began
        where = shlex.quote(str(folder.folder / "run.json"))
        raise KeyboardInterrupt(f"after {seconds:.0f} s, before there were results; {where} holds the plan.") from None
    finally:
        if state != "written":
            folder.write_state(state, **facts)
    if run.json:
        sys.stdout.write((folder.folder / "results.json").read_text(encoding="utf-8"))
    elif run.quiet:
        print(report)
    _show_results(comparison, terminal)
    terminal.line(f"report: {report}", "bold")
    if not whole:
        seconds = time.perf_counter() - began
        raise KeyboardInterrupt(
            f"after {seconds:.0f} s; {finished} of {len(prepared.recipes)} recipes were finished, and are compared in "
            f"{shlex.quote(str(report))}."
        )
    if (folder.folder / "model").exists():
        use = shlex.join(["wellposed", "predict", str(folder.folder), "new.csv"])
        terminal.line(f"model: {folder.folder / 'model'} ({comparison.results['selected']}); use it: {use}", "bold")


def data_line(prepared: Prepared) -> str:
    """The data and the roles of its columns, in one line."""
    data = prepared.experiment.data
    roles: dict[str, list[str]] = {}
    for column, role in data.roles.items():
        roles.setdefault(role, []).append(column)
    kinds = [f"{len(roles[kind])} {kind}" for kind in ("numeric", "categorical") if kind in roles]
    width = prepared.experiment.schema.width
    columns = data.features.shape[1]
    features = f"{columns} feature{'' if columns == 1 else 's'} ({' and '.join(kinds)})"
    if data.image_shape is not None:
        features = f"images of {'×'.join(map(str, data.image_shape))}"
    elif width != columns:
        features += f", {width} when encoded"
    names = _few(list(map(str, data.targets.columns)))
    if data.task == "classification":
        counts = [f"{printable(name, 60)}: {count:,}" for name, count in data.class_counts().items()]
        target = f"classification of {names} ({', '.join(counts[:6])}{', …' if len(counts) > 6 else ''})"
    else:
        target = f"regression of {names}"
    others = [f"{role} {_few(roles[role])}" for role in ("weight", "group", "time", "split") if role in roles]
    left = [f"{_few(roles[role])} ({role})" for role in ("constant", "identifier", "dropped") if role in roles]
    others += [f"left out: {', '.join(left)}"] if left else []
    return "; ".join([f"{data.name}: {data.rows:,} rows, {features}, {target}", *others])


def _few(names: list[str]) -> str:
    return ", ".join(printable(name, 60) for name in names[:3]) + (
        f" and {len(names) - 3} more" if len(names) > 3 else ""
    )


def _run_folder(out: str | None, name: str) -> Run:
    from wellposed.store import Run, new_folder

    return Run(new_folder(name, "compare") if out is None else out, new=True)


def _show_plan(prepared: Prepared, terminal: Terminal, *, as_json: bool) -> None:
    """What ``--dry-run`` shows: the programs, their tiles, members and memory."""
    from wellposed.population.memory import size_text

    plan = prepared.plan
    if as_json:
        summary = {
            "schema": "wellposed.plan/1",
            "recipes": [recipe.name for recipe in prepared.recipes],
            "skipped": [{"name": name, "why": why} for name, why in prepared.skipped],
            "members": len(plan.members),
            "memory": prepared.memory(),
            "seconds": round(prepared.seconds(), 1),
            "programs": plan.to_config(),
        }
        print(json.dumps(summary, indent=1, ensure_ascii=False))
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("program", justify="right")
    table.add_column("techniques in it", overflow="fold")
    for heading in ("members", "tiles", "streams\n× lanes", "memory\na tile"):
        table.add_column(heading, justify="right", no_wrap=True, vertical="bottom")
    for number, part in enumerate(plan.programs, start=1):
        names = ", ".join(dict.fromkeys(item.name for item in part.program.techniques)) or "none"
        shape = f"{part.streams} × {part.lanes}"
        table.add_row(
            str(number),
            Text(names),
            str(len(part.techniques)),
            str(len(part.tiles)),
            shape,
            size_text(part.bytes_per_tile),
        )
    terminal.show(table)
    split = prepared.experiment.scheme.splits[0]
    parts = ", ".join(f"{len(getattr(split, name)):,} {name}" for name in ("training", "monitor", "validation"))
    terminal.item(f"rows of the first split: {parts}")
    terminal.item(f"recipes: {'; '.join(recipe.name for recipe in prepared.recipes)}")
    skipped: dict[str, list[str]] = {}
    for name, why in prepared.skipped:
        skipped.setdefault(why.partition(": ")[2] or why, []).append(name)
    for why, names in skipped.items():
        terminal.item(f"Skipped {', '.join(names)}: {why}", "dim")
    for message in prepared.messages:
        terminal.item(as_command_line(message), "yellow")
    terminal.line("dry run: nothing was trained or written", "bold")


def _show_results(comparison: Comparison, terminal: Terminal) -> None:
    from wellposed.report import tables, words
    from wellposed.report.reading import seconds

    results = comparison.results
    terminal.show(tables.rich_table(results, width=terminal.width))
    notes = words.notes(results)
    first = [note for note in notes if note.startswith("The baseline")]  # what the other sentences depend on
    for note in first:
        terminal.item(note, "yellow")
    said = (*words.findings(results), words.selection(results), words.advice(results), words.references(results))
    for sentence in (*said, _test(results)):
        if sentence:
            terminal.item(sentence)
    for note in notes:
        if note not in first:
            terminal.item(note, "yellow")
    terminal.line("")
    spent = results["run"]
    parts = [f"{word} {seconds(spent[key])}" for word, key in (("compiling", "compile_s"), ("training", "train_s"))]
    terminal.line(f"{seconds(spent['total_s'])} ({', '.join(parts)})", "dim")


def _test(results: dict[str, Any]) -> str:
    """The scores on the rows set aside, in a line."""
    from wellposed.report import reading

    test = results["test"]
    if not test:
        return ""
    selected, baseline = test["selected"], test["baseline"]
    shown = []
    for entry in [selected] if selected["name"] == baseline["name"] else [selected, baseline]:
        scores = [f"{m.name} {m.score(reading.score({'test': entry}, 'test', m))}" for m in reading.measures(results)]
        shown.append(f"{entry['name']}: {', '.join(scores)}")
    return f"On the {test['rows']:,} test rows set aside: {'; '.join(shown)}."

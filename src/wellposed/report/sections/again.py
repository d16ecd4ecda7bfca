"""How to do it again: the command, the same in Python, and the facts that make a repetition one."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from typing import Any

from wellposed.report import reading
from wellposed.report.section import Block, Code, Pairs, Section
from wellposed.report.sections.method import facts


def again(results: Mapping[str, Any]) -> Section:
    """What someone needs to repeat the study."""
    line = command(results)
    blocks: list[Block] = []
    if line:
        blocks.append(Code("command", "On the command line", _folded(line)))
    note = (
        "Split options such as groups, time order or files of validation rows are added as in wellposed.compare's help."
    )
    blocks.append(Code("python", "In Python", python(results), note=note))
    if line and results.get("selected"):
        blocks.append(
            Code(
                "use",
                f"Use the selected model, {results['selected']}",
                _USE,
                note="To be run in the folder of the run, which this page was written to.",
            )
        )
    blocks.append(Pairs(facts(results), kind="facts"))
    same = (
        "The same command on the same kind of machine with the same versions gives the same numbers to the last digit; "
        "other machines round differently, and long training amplifies that."
    )
    source = [] if line else ["This study was started from Python; its plan is in run.json beside this page."]
    return Section("again", "How do I do it again?", "Do it again", [same, *source], blocks)


_USE = """wellposed predict . new.csv -o predictions.csv
wellposed evaluate . more.csv
wellposed export . --to keras -o model.keras"""


def _folded(line: str) -> str:
    """A long command with one option a line, which a shell reads as the same."""
    try:
        parts = [shlex.quote(part) for part in shlex.split(line)]
    except ValueError:  # not a shell's line: shown as it is
        return line
    if len(line) <= 80 or shlex.join(shlex.split(line)) != line:
        return line
    lines: list[str] = []
    for part in parts:
        if not lines or part.startswith("--"):
            lines.append(part)
        else:
            lines[-1] += f" {part}"
    return " \\\n    ".join(lines)


def command(results: Mapping[str, Any]) -> str:
    """The exact command, or nothing where the study was started from Python."""
    words_or_text = (results.get("run") or {}).get("command") or ""
    if isinstance(words_or_text, str):
        return words_or_text
    return shlex.join(str(word) for word in words_or_text)


def python(results: Mapping[str, Any]) -> str:
    """The same comparison in Python."""
    data, network = results.get("data") or {}, results.get("network") or {}
    training, splits = results.get("training") or {}, results.get("splits") or {}
    source = str(data.get("source") or data.get("name") or "data.csv").removeprefix("scikit-learn ")
    targets = [str(name) for name in data.get("targets") or ()]
    bundled = str(data.get("source") or "").startswith("scikit-learn ")
    target = "" if bundled or not targets else f", target={_text(targets[0] if len(targets) == 1 else targets)}"
    widths = tuple(network.get("widths") or ())
    recipes = [recipe["name"] for recipe in reading.techniques(results)]
    lines = ["import wellposed as wp", "", f"data = wp.read({_text(source)}{target})", "recipes = ["]
    lines += [f"    {_text(name)}," for name in recipes]
    lines += ["]", "training = wp.Training("]
    for key in ("loss", "optimizer", "learning_rate", "schedule", "batch_size", "epochs", "class_weight"):
        value = training.get(key)
        if value is not None:
            name = value.lower() if key in ("schedule",) and isinstance(value, str) else value
            lines.append(f"    {key}={_text(name)},")
    activation = f", activation={_text(network['activation'])}" if network.get("activation") else ""
    lines += [")", "study = wp.compare(", "    data,", f"    wp.MLP({widths!r}{activation}),", "    recipes,"]
    rows, test = reading.finite(data.get("rows")), reading.finite(splits.get("test"))
    settings = ["training=training", _splits(splits), f"seeds={splits.get('seeds')}"]
    settings += [f"test={_share(test, rows)}"] if rows and test else []
    settings += [f"metric={_text(results['metric']['name'])}"]
    settings += [f"select={_text(results['select'])}"] if results.get("select") not in (None, "best") else []
    lines += [f"    {setting}," for setting in [*settings, f"seed={training.get('seed') or 0}"]]
    lines += [")", 'print(*study.findings(), sep="\\n")', 'study.report("report.html")']
    lines += ['study.best_model().save("model")'] if results.get("selected") else []
    return "\n".join(lines)


def _splits(splits: Mapping[str, Any]) -> str:
    kind = str(splits.get("kind") or "")
    if "hold-out" in kind:
        counts = [reading.finite(splits.get(key)) or 0.0 for key in ("training", "monitor", "validation")]
        text = f"validation={_share(counts[2], max(sum(counts), 1.0))}"
    else:
        text = f"folds={splits.get('folds')}"
    return text + (", fixed=True" if kind.startswith("fixed") else "")


def _share(part: float, whole: float) -> str:
    """The shortest decimal that is this share of the rows."""
    texts = (f"{part / whole:.{digits}f}" for digits in range(1, 6))
    return next((text for text in texts if round(float(text) * whole) == part), f"{part / whole:.3g}")


def _text(value: object) -> str:
    """A Python literal, with double quotes where it is text."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, (str, list)) else repr(value)

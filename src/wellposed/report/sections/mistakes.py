"""What it still gets wrong: out-of-fold predictions of the selected recipe beside the baseline's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wellposed.report import look, reading
from wellposed.report.figures.predictions import (
    confusion_data,
    confusion_figure,
    predicted_data,
    predicted_figure,
    residual_figure,
)
from wellposed.report.section import Figure, Section, columns_of

_MEAN = (
    "A row's prediction is the mean over the networks that had it among their validation rows, so it may be a little "
    "better than the scores of single networks above."
)


def mistakes(results: Mapping[str, Any]) -> Section | None:
    """Confusion matrices, or predictions and residuals; None where no predictions were kept."""
    kept = {entry["name"]: entry for entry in results.get("out_of_fold") or ()}
    chosen = (results.get("baseline") or "baseline", results.get("selected") or "")
    names = [str(name) for name in dict.fromkeys(chosen) if name in kept]
    if not names:
        return None
    classes = all("counts" in kept[name] for name in names)
    answer = _confusions(kept, names) if classes else _errors(kept, names)
    blocks = _matrices(kept, names) if classes else _clouds(results, kept, names)
    return Section("mistakes", "What does it still get wrong?", "Mistakes", answer, blocks)


def _confusions(kept: Mapping[str, Any], names: list[str]) -> list[str]:
    lines = []
    for name in names:
        counts, classes = kept[name]["counts"], kept[name]["classes"]
        wrong = [(n, i, j) for i, row in enumerate(counts) for j, n in enumerate(row) if i != j]
        rows, missed = sum(map(sum, counts)), sum(n for n, _, _ in wrong)
        text = f"{_title(name)} gets {missed:,} of {rows:,} rows wrong that its networks did not train on"
        if missed:
            worst, i, j = max(wrong)
            share = 100 * worst / sum(counts[i])
            text += f"; most often {classes[i]} is taken for {classes[j]} ({worst:,} rows, {share:.0f} % of that class)"
        lines.append(f"{text}.")
    return [*lines, _MEAN]


def _matrices(kept: Mapping[str, Any], names: list[str]) -> list[Figure]:
    note = "Rows are true classes, columns predicted ones; blue is right, orange wrong; a stronger shade is a larger "
    note += "share of the true class. Numbers are rows of the data."
    return [
        Figure(
            f"confusion-{number}",
            f"Confusion matrix: {name}",
            f"Confusion matrix of {name}: rows by true and predicted class",
            confusion_figure(kept[name]),
            columns_of(confusion_data(kept[name])),
            note=note,
        )
        for number, name in enumerate(names)
    ]


def _errors(kept: Mapping[str, Any], names: list[str]) -> list[str]:
    lines = []
    for name in names:
        for entry in kept[name]["targets"]:
            half, most = entry["absolute"]["median"], entry["absolute"]["p90"]
            lines.append(
                f"{_title(name)} is off by {half:.3g} or less on half of the rows, and by more than {most:.3g} on one "
                f"row in ten (in units of {entry['name']})."
            )
    return [*lines, _MEAN]


def _clouds(results: Mapping[str, Any], kept: Mapping[str, Any], names: list[str]) -> list[Figure]:
    figures: list[Figure] = []
    styles = look.styles(results)
    for place, target in enumerate(kept[names[0]]["targets"]):
        entries = {name: kept[name]["targets"][place] for name in names}
        true = [value for entry in entries.values() for value in entry["true"]]
        predicted = [value for entry in entries.values() for value in entry["predicted"]]
        both, left = look.span(true + predicted), look.span(predicted)
        off = look.span([truth - guess for truth, guess in zip(true, predicted, strict=True)])
        if both is None or left is None or off is None:
            continue
        for number, (name, entry) in enumerate(entries.items()):
            kept_rows, rows = len(entry["true"]), entry["rows"]
            sample = f" A sample of {kept_rows:,} of {rows:,} rows." if kept_rows < rows else ""
            colour = styles[name].colour
            figures.append(
                Figure(
                    f"predicted-{place}-{number}",
                    f"Predicted and true {target['name']}: {name}",
                    f"Predicted against true {target['name']} of {name}, one dot a row",
                    predicted_figure(entry, both, colour),
                    columns_of(predicted_data(entry)),
                    note=f"One dot a row; on the line, prediction and truth are equal.{sample}",
                )
            )
        for number, (name, entry) in enumerate(entries.items()):
            figures.append(
                Figure(
                    f"residual-{place}-{number}",
                    f"Residuals of {target['name']}: {name}",
                    f"True less predicted {target['name']} of {name} against the prediction, one dot a row",
                    residual_figure(entry, left, off, styles[name].colour),
                    columns_of(predicted_data(entry)),
                    note="A cloud that tilts or opens like a funnel shows where the network is wrong in the same way "
                    "again and again.",
                )
            )
    return figures


def _title(name: str) -> str:
    return (
        "The baseline"
        if name == "baseline"
        else "The baseline at its best epoch"
        if name == reading.BEST_EPOCH
        else name
    )

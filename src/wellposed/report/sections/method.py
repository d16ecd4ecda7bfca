"""How a study was measured, in plain words, and the facts that let someone do it again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wellposed.report import reading, words
from wellposed.report.glossary import TERMS
from wellposed.report.section import Pairs, Section

_SPLITS = {
    "k-fold": "{folds}-fold cross-validation, repeated for {seeds}: every seed draws its own partition",
    "hold-out": "Validation rows held out at random, once for each of {seeds}",
    "fixed k-fold": "{folds}-fold cross-validation on one partition that all of {seeds} share",
    "fixed hold-out": "One training and one validation set, fixed by the user, for {seeds}",
    "grouped k-fold": "{folds}-fold cross-validation that keeps each group's rows together, repeated for {seeds}",
    "grouped hold-out": "Validation rows held out by whole groups, once for each of {seeds}",
    "time-ordered": "{folds} folds in order of time, validation rows always later than training rows, for {seeds}",
}
_TESTS = {
    "repeated": "A t test weighs the mean difference against how much the differences vary from pair to pair. "
    "Networks of different splits share many training rows, so their differences vary less than those of independent "
    "studies would; Nadeau and Bengio's corrected t test, used here, makes up for that with wider intervals.",
    "partition": "Seeds are averaged within a fold first, so that the folds decide, not the seeds.",
    "split": "The interval covers the luck of the seeds and of the validation rows of this split. It says "
    "nothing about other splits.",
}


def method(results: Mapping[str, Any]) -> Section:
    """How it was measured."""
    first = (
        "Every recipe is trained on the same splits with the same luck as the baseline, scored on rows that no choice "
        "was made on, and called better only if the difference is more than chance."
    )
    terms = Pairs(list(TERMS.items()), kind="glossary")
    return Section("method", "How was this measured?", "Method", [first], [Pairs(steps(results)), terms])


def steps(results: Mapping[str, Any]) -> list[tuple[str, str]]:
    """A question and its answer, one pair a step."""
    splits = results.get("splits") or {}
    kind, seeds = str(splits.get("kind") or ""), int(splits.get("seeds") or 1)
    named = f"{seeds} seeds" if seeds != 1 else "one seed"
    pattern = _SPLITS.get(kind, kind or "unknown splits")
    scheme = pattern.format(folds=splits.get("folds"), seeds=named)
    rows = [f"{_whole(splits.get('training'))} rows train a network"]
    if splits.get("monitor"):
        rows.append(f"{_whole(splits['monitor'])} rows (the monitor) tell when to stop")
    rows.append(f"{_whole(splits.get('validation'))} validation rows score it and do nothing else")
    if splits.get("test"):
        rows.append(f"{_whole(splits['test'])} test rows were set aside before anything else")
    main = reading.main_measure(results)
    judged = sum(reading.verdict(recipe, main) not in (None, "failed") for recipe in results["recipes"])
    found = [
        ("Which rows?", f"{scheme}. {words.listed(rows)}."),
        (
            "Is it a fair comparison?",
            "Within a fold and seed all recipes start from the same weights and see the same rows in the same order, "
            "with the same random draws. Differences are taken pair by pair, so that luck which both share drops out.",
        ),
        (
            "What is a score?",
            "What the network does over all rows of a set once it is trained: dropout and noise off, and no penalty in "
            "the loss, whatever the recipe adds to it in training.",
        ),
        (
            "What is the difference?",
            "Recipe minus baseline, averaged over folds and seeds; ± is half the 95 % interval. "
            + _TESTS["split" if kind == "fixed hold-out" else "partition" if kind in _FIXED else "repeated"],
        ),
        (
            "When does a recipe help?",
            "When its adjusted p is below 0.05. A p value says how often chance alone would give a difference this "
            f"large; Holm's correction for {judged} comparisons makes it stricter the more recipes are tried, as "
            "without it one in twenty useless recipes would look useful. “No evidence” doesn't mean “no effect”.",
        ),
    ]
    seen = [f"on {m.name} {text}" for m in reading.measures(results) if (text := words.power(results, m))]
    if seen:
        found.append(("What could it have missed?", f"{'. '.join(text[0].upper() + text[1:] for text in seen)}."))
    if reading.named(results, reading.BEST_EPOCH) is not None:
        found.append(
            (
                "Why two baselines?",
                "One is the network as given, at its last epoch. The other, best-epoch, is the same network at the "
                "epoch that scored best on the monitor rows. A recipe that beats only the first has shown that it "
                "delays overfitting, which stopping in time does as well.",
            )
        )
    return found


def facts(results: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What is needed to do it again: data and its checksum, network, training, versions, machine, times."""
    run, data = results.get("run") or {}, results.get("data") or {}
    found = [
        ("data", f"{data.get('name')}, {_whole(data.get('rows'))} rows, {features(data)}"),
        ("data, SHA-256", str(data.get("sha256") or "unknown")),
        ("network", _settings(results.get("network"))),
        ("training", _settings(results.get("training"))),
        ("splits", _settings(results.get("splits"))),
        ("versions", _settings(run.get("versions"))),
        ("machine", _settings(run.get("host"))),
    ]
    times = {"compile_s": "compiling", "train_s": "training", "total_s": "in all"}
    spent = [
        f"{reading.seconds(value)} {word}"
        for key, word in times.items()
        if (value := reading.finite(run.get(key))) is not None
    ]
    found.append(("time", ", ".join(spent)))
    steps = reading.finite(run.get("member_steps"))
    if steps:
        plural = "" if run.get("programs") == 1 else "s"
        programs = f" in {_whole(run['programs'])} program{plural}" if run.get("programs") else ""
        found.append(("work", f"{_whole(steps)} minibatch steps of one network{programs}"))
    memory = reading.finite(run.get("peak_memory"))
    if memory:
        found.append(("peak memory", f"{memory / 1e6:,.0f} MB"))
    found.append(("schema", str(results.get("schema") or "")))
    return [(name, value) for name, value in found if value]


def features(data: Mapping[str, Any]) -> str:
    """How many features: columns of the source, and inputs of the network where encoding made more of them."""
    columns, width = data.get("features"), data.get("encoded") or data.get("features")
    return f"{columns} features" if columns == width else f"{columns} features ({width} encoded)"


_FIXED = ("fixed k-fold", "time-ordered")


def _settings(value: object) -> str:
    """Nested settings on one line."""
    if isinstance(value, Mapping):
        parts = [(key, _settings(entry)) for key, entry in value.items() if entry is not None]
        return ", ".join(f"{str(key).replace('_', ' ')} {text}" for key, text in parts if text)
    if isinstance(value, (list, tuple)):
        return "-".join(_settings(entry) for entry in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return _whole(value) if abs(value) >= 10_000 else str(value)
    return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _whole(value: object) -> str:
    """A count with separators; a range as it is."""
    number = reading.finite(value)
    return str(value) if number is None else f"{number:,.0f}"

"""What a study found, in sentences: the first thing that a report, the terminal and a notebook show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from wellposed.report import reading
from wellposed.report.reading import Measure

_CONSTANT = {"mean": "always the mean", "majority class": "always the majority class"}
_COUNTS = ("none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")


def findings(results: Mapping[str, Any]) -> list[str]:
    """What was found: one entry of a few sentences per measure, then what failed.

    Args:
        results: the study, as results.json holds it.

    Returns:
        Entries. Differences carry ±, half the width of their 95 % interval; shares are in percentage points.
    """
    broken = _baseline_failed(results)
    if broken:
        return [broken]
    main, *others = reading.measures(results)
    found = [" ".join([_finding(results, main), *_beside_early_stopping(results, main), *_unsure(results, main)])]
    return [*found, *(_other_finding(results, measure, main) for measure in others), *_failed(results)]


def selection(results: Mapping[str, Any]) -> str:
    """Which recipe was selected, by what, and whether that is more than the luck of the draw."""
    recipe, measure = reading.named(results, results.get("selected")), reading.main_measure(results)
    if recipe is None:
        return "No recipe was selected."
    value = reading.score(recipe, "validation", measure)
    shown = "" if value is None else f" ({measure.score(value)})"
    best = f"the best mean validation {measure.name}{shown}"
    if results.get("select") == "one-se":
        best = f"being the simplest within one standard error of the best mean validation {measure.name}{shown}"
    sentence = f"Selected for {best}: {recipe['name']}."
    if results.get("select") == "one-se":
        rule = f"the simplest recipe within one standard error of the best mean validation {measure.name}"
        return f"Selected as {rule}: {recipe['name']}{shown}."
    if recipe["name"] == results.get("baseline"):
        return f"{sentence} No technique scored better than the network as given."
    if reading.verdict(recipe, measure) == "no evidence":
        return f"{sentence} Its lead over the baseline is within chance."
    return sentence


def notes(results: Mapping[str, Any]) -> list[str]:
    """What a reader should know before trusting the numbers: warnings, collapsed members, skipped techniques."""
    broken = _baseline_failed(results)
    # findings() says already that the baseline failed
    warnings = [str(warning) for warning in results.get("warnings") or ()]
    found = [text for text in warnings if not (broken and text.startswith("The baseline diverged"))]
    rule = "the majority class" if _is_classification(results) else "the mean"
    collapsed = [recipe for recipe in results["recipes"] if recipe.get("collapsed")]
    if len(collapsed) > 3:
        names = listed([recipe["name"] for recipe in collapsed])
        found.append(f"Members collapsed (no better than {rule} on the training rows) under {names}.")
    else:
        found += [f"{r['name']}: {reading.fate(r)} (no better than {rule} on the training rows)." for r in collapsed]
    skipped = list(results.get("skipped") or ())
    if len(skipped) > 3:
        names = listed([str(entry["name"]) for entry in skipped])
        return [*found, f"{_capital(_count(len(skipped)))} techniques were skipped because they don't apply: {names}."]
    return found + [f"Skipped {entry['name']}: {str(entry['why']).rstrip('.')}." for entry in skipped]


def counted(results: Mapping[str, Any]) -> str:
    """What was compared with what: ``21 techniques and 2 baselines``."""
    techniques = len(reading.techniques(results))
    baselines = len(results["recipes"]) - techniques
    return f"{_number(techniques, 'technique')} and {_number(baselines, 'baseline')}"


def counts(results: Mapping[str, Any]) -> list[str]:
    """How many help, hurt or leave no evidence, one sentence a measure; then how many beat stopping in time."""
    found = []
    for measure in reading.measures(results):
        judged = {word: len(_judged(results, measure, word)) for word in reading.SYMBOLS}
        if not any(judged.values()):
            found.append(f"On {measure.name} there are no verdicts.")
            continue
        verbs = {"helps": ("helps", "help"), "hurts": ("hurts", "hurt"), "failed": ("failed", "failed")}
        if judged["no evidence"] == sum(judged.values()):
            found.append(f"On {measure.name} there is no evidence that any technique helps or hurts.")
            continue
        parts = [f"{_count(n)} {verbs[word][n != 1]}" for word, n in judged.items() if n and word in verbs]
        parts += [f"for {_count(judged['no evidence'])} there is no evidence"] if judged["no evidence"] else []
        found.append(
            f"On {measure.name}, of {_number(len(reading.techniques(results)), 'technique')}: {listed(parts)}."
        )
    better = [r["name"] for r in reading.techniques(results)
              if any(reading.better_than_best_epoch(r, m) for m in reading.measures(results))]  # fmt: skip
    if better:
        found.append(f"Better than merely stopping in time, on at least one measure: {listed(better)}.")
    elif reading.named(results, reading.BEST_EPOCH) is not None and len(reading.techniques(results)):
        found.append("No technique is better, by more than chance, than merely stopping in time (best-epoch).")
    return found


def sureness(results: Mapping[str, Any]) -> list[str]:
    """How sure the differences are: what the study could see."""
    found = []
    for measure in reading.measures(results):
        text = power(results, measure)
        if text:
            found.append(f"On {measure.name} {text}.")
    if not found:
        return ["This study has no intervals: one split and one seed can't tell a technique from luck."]
    first = (
        "Each difference comes with its 95 % interval, the range in which the true one can be expected. Where that "
        "range contains 0, the technique may do nothing."
    )
    return [first, *found]


def references(results: Mapping[str, Any]) -> str:
    """Other kinds of model on the same splits, in a sentence."""
    measure = reading.main_measure(results)
    scored = [(value, str(model["name"])) for model in results.get("references") or ()
              if (value := reading.score(model, "validation", measure)) is not None]  # fmt: skip
    ours = [(value, str(r["name"])) for r in results["recipes"]
            if not r.get("failed") and (value := reading.score(r, "validation", measure)) is not None]  # fmt: skip
    if not scored:
        return ""
    shown = ", ".join(f"{_CONSTANT.get(name, name)} {measure.score(value)}" for value, name in scored)
    sentence = f"Other models on the same splits, {measure.name}: {shown}."
    if not ours:
        return sentence
    other, network = (max(pairs, key=lambda pair: measure.gain(pair[0])) for pairs in (scored, ours))
    if measure.gain(other[0]) > measure.gain(network[0]):
        return f"{sentence} {_capital(other[1])} scores better than every network here."
    return f"{sentence} The best network, {network[1]}: {measure.score(network[0])}."


def advice(results: Mapping[str, Any]) -> str:
    """What to do with the findings, in a sentence; nothing where there are no verdicts."""
    main, loss = reading.measures(results)[0], reading.measures(results)[-1]
    chosen = reading.named(results, results.get("selected"))
    compared = reading.techniques(results)
    if chosen is None or not compared or not any(reading.verdict(recipe, main) for recipe in results["recipes"]):
        return ""
    stopped = reading.named(results, reading.BEST_EPOCH) is not None
    if reading.verdict(chosen, main) == "helps":
        if chosen["name"] == reading.BEST_EPOCH:
            return "What to do: stop training in time (early-stopping does it); nothing here is better."
        if not stopped or reading.better_than_best_epoch(chosen, main):
            return f"What to do: use {chosen['name']}."
        return (
            f"What to do: use {chosen['name']}, or merely stop training in time (early-stopping does it): which of the "
            "two is better this study can't tell."
        )
    helping = _judged(results, loss, "helps")
    if helping and loss.key != main.key:
        return (
            f"What to do: for {main.name} alone nothing is needed; if you use the predicted numbers themselves, their "
            f"{loss.name} is better under {helping[0]['name']}."
        )
    best = reading.finite(((reading.named(results, reading.BEST_EPOCH) or {}).get("best_epoch") or {}).get("mean"))
    planned = reading.finite((results.get("training") or {}).get("epochs"))
    saves = stopped and best is not None and planned is not None and best < 0.7 * planned
    more = " or stop it in time, which saves epochs" if saves else ""
    luck = "" if chosen["name"] == results.get("baseline") else f" {chosen['name']} scored best, perhaps by luck."
    rest = "Other strengths, or more rows, may still show a difference."
    return f"What to do: keep the network as given{more}.{luck} {rest}"


def power(results: Mapping[str, Any], measure: Measure, *, need: bool = True) -> str:
    """The smallest difference that the study could notice, and (``need``) how many seeds would notice half of it."""
    entries = [entry for recipe in reading.techniques(results) if (entry := reading.delta(recipe, measure))]
    # A detectable difference of next to nothing is that of a recipe whose scores are the baseline's (a clip that never
    # clips): it tells nothing of what the study can see.
    seen = sorted(value for entry in entries if (value := reading.finite(entry.get("detectable"))))
    seen = [value for value in seen if value > 0.02 * seen[-1]]
    if not seen:
        return ""
    middle = seen[len(seen) // 2]
    seen = seen[len(seen) // 10 : len(seen) - len(seen) // 10]
    if len(seen) > 1 and seen[-1] > 1.6 * seen[0]:
        low, high = measure.amount(seen[0]), measure.amount(seen[-1])
        low = low.removesuffix(measure.unit)
        text = f"this study could notice only differences larger than {low} to {high}, depending on the technique"
    else:
        text = f"this study could notice only differences larger than {measure.amount(middle)}"
    if not need or not any("seeds_for_half" in entry for entry in entries):
        return text
    seeds = [reading.finite(entry.get("seeds_for_half")) for entry in entries if entry.get("detectable")]
    if None in seeds:
        return f"{text}. To notice half of that it needs more rows; more seeds alone won't do"
    return f"{text}. To notice half of that it needs about {max(value for value in seeds if value):.0f} seeds"


def _finding(results: Mapping[str, Any], measure: Measure) -> str:
    judged = {word: _judged(results, measure, word) for word in reading.SYMBOLS}
    place = f"on {measure.full}" + (", on this split," if _on_one_split(results) else "")
    compared = len(reading.techniques(results))
    if not compared:
        return f"No technique was compared on {measure.name}."
    if not any(judged.values()):
        if _draws(results) <= 1:
            return f"No verdict {place.rstrip(',')}: one split and one seed can't tell a technique from luck."
        return f"No verdict {place.rstrip(',')}."
    if not judged["helps"] and not judged["hurts"]:
        seen = power(results, measure)
        rest = f"; {seen}" if seen else ""
        subject = "no technique differs" if compared > 1 else f"{reading.techniques(results)[0]['name']} doesn't differ"
        return _capital(f"{place} {subject} from the baseline by more than chance{rest}.")
    parts = []
    for word, verb in (("helps", "help"), ("hurts", "hurt")):
        recipes = judged[word]
        if not recipes:
            continue
        best = recipes[0]
        entry = reading.delta(best, measure)
        size = "" if entry is None else f" by {measure.amount(entry['mean'], reading.half_width(entry))}"
        if len(recipes) == 1:
            parts.append(f"{best['name']} {word}{size}{_path(results, best, measure)}")
        else:
            count = _count(len(recipes)) + (f" of {_count(compared)}" if not parts else "")
            parts.append(f"{count} {verb}, {best['name']} most,{size}{_path(results, best, measure)}")
    if not judged["helps"]:
        parts.insert(0, "no technique helps")
    return _capital(f"{place} {'; '.join(parts)}.")


def _other_finding(results: Mapping[str, Any], measure: Measure, main: Measure) -> str:
    """What was found on a further measure: in short where it says the same as the main one."""
    whole = [_finding(results, measure), *_beside_early_stopping(results, measure), *_unsure(results, measure)]
    verdicts = [(reading.verdict(r, main), reading.verdict(r, measure)) for r in reading.techniques(results)]
    helping = _judged(results, measure, "helps")
    if not helping or any(first != second for first, second in verdicts):
        return " ".join(whole)
    entry = reading.delta(helping[0], measure)
    size = "" if entry is None else f", by {measure.amount(entry['mean'], reading.half_width(entry))}"
    most = f"{helping[0]['name']} helps{' most' if len(helping) > 1 else ''}{size}{_path(results, helping[0], measure)}"
    beyond = _beyond(helping, measure)
    again = beyond == _beyond(_judged(results, main, "helps"), main)
    return " ".join([f"On {measure.full} the verdicts are the same: {most}.", *([] if again else beyond)])


def _unsure(results: Mapping[str, Any], measure: Measure) -> list[str]:
    """Beside recipes that help or hurt: how many there is no evidence for, and what would have been seen."""
    unsure = _judged(results, measure, "no evidence")
    if not unsure or not (_judged(results, measure, "helps") or _judged(results, measure, "hurts")):
        return []
    subject = unsure[0]["name"] if len(unsure) == 1 else f"{_count(len(unsure))} others"
    seen = power(results, measure, need=False)
    return [f"For {subject} there is no evidence" + (f": {seen}." if seen else ".")]


def _path(results: Mapping[str, Any], recipe: Mapping[str, Any], measure: Measure) -> str:
    base = reading.baseline(results)
    before = None if base is None else reading.score(base, "validation", measure)
    after = reading.score(recipe, "validation", measure)
    if before is None or after is None:
        return ""
    return f" (validation {measure.name} {measure.score(before)} → {measure.score(after)})"


def _beside_early_stopping(results: Mapping[str, Any], measure: Measure) -> list[str]:
    """How much of the winner's gain the same network gives at its best epoch."""
    winners, stopped = _judged(results, measure, "helps"), reading.named(results, reading.BEST_EPOCH)
    if stopped is None or stopped.get("failed"):
        return []
    alone = reading.delta(stopped, measure)
    if alone is None or reading.verdict(stopped, measure) is None:
        return []
    half = reading.half_width(alone)
    gain = measure.gain(alone["mean"])
    amount = measure.amount(gain, half)
    if not winners:
        if reading.verdict(stopped, measure) == "helps":
            return [f"Stopping at the best epoch alone gains {amount}."]
        return []
    best = reading.delta(winners[0], measure)
    if best is None:
        return []
    alone_gains = f"best-epoch alone gains {amount}"
    share = gain / measure.gain(best["mean"])
    if share > 1.0:
        sentence = f"Early stopping gives more than any of them: {alone_gains}."
    elif share >= 0.5:
        sentence = f"Most of that gain early stopping gives too: {alone_gains}."
    elif share >= 0.2:
        sentence = f"Part of that gain early stopping gives too: {alone_gains}."
    elif gain > 0:
        sentence = f"Early stopping gives little of that gain: {alone_gains}."
    else:
        sentence = f"Early stopping doesn't give that gain: best-epoch alone loses {amount}."
    return [sentence, *_beyond(winners, measure)]


def _beyond(winners: Sequence[Mapping[str, Any]], measure: Measure) -> list[str]:
    """Which of the winners differ from the best-epoch baseline too."""
    entries = [(entry, r) for r in winners if (entry := reading.beyond_best_epoch(r, measure)) is not None]
    if not entries:
        return []
    better = [
        (measure.gain(entry["mean"]), entry, r) for entry, r in entries if (entry.get("p_adjusted") or 1.0) < 0.05
    ]
    better = sorted((triple for triple in better if triple[0] > 0), key=lambda triple: -triple[0])
    if not better:
        return ["Beyond best-epoch no technique gains more than chance would."]
    gain, entry, recipe = better[0]
    most = f"{recipe['name']}{' most,' if len(better) > 1 else ''} by {measure.amount(gain, reading.half_width(entry))}"
    if len(better) == 1:
        return [f"Only {most.replace(' by ', ' gains more than best-epoch, by ', 1)}."]
    return [f"{_capital(_count(len(better)))} gain more than best-epoch, {most}."]


def _baseline_failed(results: Mapping[str, Any]) -> str:
    base = reading.baseline(results)
    if base is None or not base.get("failed"):
        return ""
    return (
        f"No verdicts: the baseline itself failed ({reading.fate(base)}). "
        "Change the learning rate or check the data, then compare again."
    )


def _failed(results: Mapping[str, Any]) -> list[str]:
    main = reading.main_measure(results)
    failed = [r for r in results["recipes"] if r.get("failed") or reading.verdict(r, main) == "failed"]
    if len(failed) > 3:
        names = listed([recipe["name"] for recipe in failed])
        return [f"{_capital(_count(len(failed)))} recipes failed, so there is no verdict on them: {names}."]
    why = [(recipe["name"], reading.fate(recipe)) for recipe in failed]
    return [f"{name} failed{f': {fate}' if fate else ''}, so there is no verdict on it." for name, fate in why]


def _judged(results: Mapping[str, Any], measure: Measure, word: str) -> list[Mapping[str, Any]]:
    """The techniques with this verdict, the largest difference first."""

    def size(recipe: Mapping[str, Any]) -> float:
        entry = reading.delta(recipe, measure)
        return 0.0 if entry is None else -abs(entry["mean"])

    return sorted((r for r in reading.techniques(results) if reading.verdict(r, measure) == word), key=size)


def _on_one_split(results: Mapping[str, Any]) -> bool:
    return str((results.get("splits") or {}).get("kind")) == "fixed hold-out"


def _draws(results: Mapping[str, Any]) -> int:
    splits = results.get("splits") or {}
    return int(splits.get("folds") or 1) * int(splits.get("seeds") or 1)


def _is_classification(results: Mapping[str, Any]) -> bool:
    return (results.get("data") or {}).get("task") != "regression"


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _count(value: int) -> str:
    return _COUNTS[value] if value < len(_COUNTS) else str(value)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def listed(names: Sequence[str]) -> str:
    """Names in a sentence: ``a``, ``a and b``, ``a, b and c``."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else list(names))

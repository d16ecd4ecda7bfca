"""Every term of a report, explained in a sentence or two where it first appears in a section."""

from __future__ import annotations

import re
from collections.abc import Iterable

TERMS: dict[str, str] = {
    "regularization": "Anything done in training so that a network does better on rows that it has not seen, usually "
    "by keeping it from learning the training rows by heart.",
    "technique": "One regularization method with its strength, for example dropout=0.2 or l2=0.001.",
    "recipe": "A technique, or several together: what is added to the network as given.",
    "baseline": "The network as given, without any technique, trained to the last epoch. Everything is compared with "
    "it.",
    "best-epoch": "The second baseline: the same network, taken back to the epoch at which it did best on the monitor "
    "rows. It shows what merely stopping in time would give.",
    "epoch": "One pass of training over all training rows.",
    "training rows": "The rows that a network learns from.",
    "validation rows": "Rows that a network never learns from; all scores that recipes are judged by come from them.",
    "monitor rows": "Rows carved out of the training rows that tell when to stop; no score is taken from them.",
    "test rows": "Rows set aside before anything else and looked at once, at the end.",
    "fold": "One of several ways of dividing the rows into training and validation rows, so that every row is used for "
    "validation once.",
    "seed": "The number that all luck comes from: initial weights, order of rows, random draws. Several seeds show how "
    "much is luck.",
    "member": "One trained network: one recipe, one fold, one seed.",
    "network": "Layers of units with weights that training adjusts. Each recipe trains one for every fold and seed.",
    "accuracy": "The share of rows whose class is predicted right. Higher is better; differences are in percentage "
    "points.",
    "balanced accuracy": "The accuracy within each class, averaged over the classes. Higher is better.",
    "log loss": "How surprised the network is by the true classes (cross-entropy): 0 if it is certain and right, large "
    "if it is certain and wrong; 0.69 is a coin toss between two classes. Lower is better. It notices false certainty, "
    "which accuracy doesn't.",
    "mean squared error": "The mean of the squared differences between prediction and truth. Lower is better.",
    "mean absolute error": "The mean size of the difference between prediction and truth. Lower is better.",
    "RMSE": "The root of the mean squared error, in the target's own units. Lower is better.",
    "R²": "The share of the target's variance that the prediction explains: 1 is perfect, 0 is no better than always "
    "saying the mean, below 0 is worse than that.",
    "AUC": "The probability that the network ranks a random row of one class above one of the other. Higher is better.",
    "standardized targets": "Targets less their mean, divided by their standard deviation (both of the training rows), "
    "as the network is trained on them: an error of 1 is one standard deviation of the target, and a mean squared "
    "error of 1 is about that of always saying the mean.",
    "verdict": "helps or hurts: the difference is more than chance (adjusted p below 0.05). no evidence: it may be "
    "chance. failed: a network's training broke down.",
    "no evidence": "The difference may be chance. It doesn't mean that there is none: a larger study might see it.",
    "95 % interval": "The range that would hold the true difference in 95 of 100 such studies. If it contains zero, "
    "the difference may be chance.",
    "adjusted p": "How often chance alone would give a difference this large, made stricter (Holm's correction) "
    "because many techniques were tried: among twenty useless ones, one looks useful by luck.",
    "overfitting": "Learning the training rows by heart, noise included: better and better on them, worse on new ones.",
    "underfitting": "Not having learned what there is to learn: poor on training rows too.",
    "gap": "The score on training rows less that on validation rows. A large gap with a good training score is a sign "
    "of overfitting.",
    "penalty": "What a technique such as l2 adds to the loss in training. No score in this report contains it.",
    "diverged": "The loss or the weights of a network stopped being finite numbers: its training broke down.",
    "collapsed": "The network ended no better than a constant answer on its own training rows: it learned nothing.",
    "early-stopping": "Ends training once the score on monitor rows has not improved for a while, and goes back to the "
    "best epoch.",
    "out-of-fold": "Predicted by networks that did not have the row in training.",
    "confusion matrix": "A table that counts, for the rows of each true class, which class was predicted.",
    "residual": "Truth less prediction: how much the prediction falls short.",
    "selected": "The recipe with the best mean validation score (or the simplest one near it, on request). Being "
    "selected doesn't mean being better than chance: its verdict says that.",
    "strength": "The number that says how much of a technique: a dropout rate, the weight of a penalty.",
}  # fmt: skip

_FORMS = {
    "technique": "techniques", "recipe": "recipes", "epoch": "epochs", "fold": "folds", "seed": "seeds",
    "network": "networks", "member": "members", "residual": "residuals", "strength": "strengths", "gap": "gaps",
    "verdict": "verdicts",
    "confusion matrix": "confusion matrices", "baseline": "baselines", "penalty": "penalties",
}  # fmt: skip
_TERM_OF = {form.lower(): term for term in TERMS for form in (term, _FORMS.get(term, term))}
_PATTERN = re.compile(
    r"(?<![\w=\-.])(" + "|".join(re.escape(form) for form in sorted(_TERM_OF, key=len, reverse=True)) + r")(?![\w=\-])",
    re.IGNORECASE,
)


def split_terms(text: str, known: set[str]) -> list[tuple[str, str | None]]:
    """The text in pieces: (piece, the term that it is, or None).

    Args:
        text: a sentence.
        known: terms that were explained before; those found are added, so that each is explained once.
    """
    pieces: list[tuple[str, str | None]] = []
    end = 0
    for match in _PATTERN.finditer(text):
        term = _TERM_OF[match.group().lower()]
        if term in known:
            continue
        known.add(term)
        pieces += [(text[end : match.start()], None), (match.group(), term)]
        end = match.end()
    return [piece for piece in [*pieces, (text[end:], None)] if piece[0]]


def anchor(term: str) -> str:
    """The id of a term's explanation."""
    return "word-" + re.sub(r"[^a-z0-9]+", "-", term.lower().replace("²", "2")).strip("-")


def explained(terms: Iterable[str]) -> list[tuple[str, str]]:
    """(term, explanation) of the given terms, in the order of the glossary."""
    wanted = set(terms)
    return [(term, text) for term, text in TERMS.items() if term in wanted]

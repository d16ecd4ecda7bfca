"""WCAG 2.1 A and AA by axe in a real Chromium, and colours that readers with colour blindness tell apart."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from wellposed.report import look
from wellposed.report.page import write_report

from .browser import Browser, browser_or_skip

Study = tuple[dict[str, Any], pd.DataFrame]

# Machado, Oliveira and Fernandes 2009, severity 1, on linear RGB.
BLINDNESS = {
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
PAIRS = [("helps", "hurts"), ("c0", "c1"), ("base", "c0"), ("base", "c1")]  # colours that carry a meaning side by side


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    yield from browser_or_skip(tmp_path_factory.mktemp("profile"))


@pytest.mark.parametrize(
    "view", [{"width": 1280}, {"width": 1280, "dark": True}, {"width": 390, "height": 844, "phone": True}]
)
def test_axe_finds_nothing(browser: Browser, wine: Study, tmp_path: Path, view: dict[str, Any]) -> None:
    browser.open(write_report(tmp_path / "report.html", *wine), **view)
    browser.draw_all()
    browser.evaluate("for (const part of document.querySelectorAll('details')) part.open = true")
    browser.evaluate("document.querySelector('[data-numbers]').click()")
    browser.evaluate(files("axe_core_python").joinpath("axe.min.js").read_text(encoding="utf-8") + "; 0")
    rules = "['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa']"
    found = browser.evaluate(
        f"axe.run(document, {{runOnly: {rules}}}).then((found) => [found.passes.length,"
        " found.violations.flatMap((rule) => rule.nodes.map((node) => `${rule.id}: ${node.html}`))])"
    )
    assert found[0] > 20
    assert found[1] == []


@pytest.mark.parametrize("palette", [look.LIGHT, look.DARK], ids=["light", "dark"])
@pytest.mark.parametrize("blindness", sorted(BLINDNESS))
def test_colours_with_a_meaning_are_told_apart(palette: dict[str, str], blindness: str) -> None:
    for one, other in PAIRS:
        assert _distance(palette[one], palette[other], blindness) > 12, (one, other)


@pytest.mark.parametrize("palette", [look.LIGHT, look.DARK], ids=["light", "dark"])
@pytest.mark.parametrize("blindness", sorted(BLINDNESS))
def test_no_two_hues_look_the_same(palette: dict[str, str], blindness: str) -> None:
    pairs = combinations([f"c{index}" for index in range(8)], 2)
    close = [(one, other) for one, other in pairs if _distance(palette[one], palette[other], blindness) < 6]
    assert close == []


def _distance(one: str, other: str, blindness: str) -> float:
    """CIE 1976 distance between two colours as they are seen."""
    first, second = (_lab(colour, np.array(BLINDNESS[blindness])) for colour in (one, other))
    return float(np.linalg.norm(first - second))


def _lab(colour: str, matrix: np.ndarray) -> np.ndarray:
    share = np.array([int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)])
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    seen = np.clip(matrix @ linear, 0, 1)
    to_xyz = [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
    xyz = np.array(to_xyz) @ seen / np.array([0.95047, 1.0, 1.08883])
    root = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * root[1] - 16, 500 * (root[0] - root[1]), 200 * (root[1] - root[2])])

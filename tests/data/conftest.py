"""The real data sets, where they are at hand."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

DATA = Path(os.environ.get("WELLPOSED_DATA", Path(__file__).parents[2] / ".." / "shared" / "data")).resolve()


@pytest.fixture
def real_data(monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of real data sets, also named by WELLPOSED_DATA."""
    if not (DATA / "winequality-red.csv").is_file():
        pytest.skip(f"no real data in {DATA}: set WELLPOSED_DATA")
    monkeypatch.setenv("WELLPOSED_DATA", str(DATA))
    return DATA

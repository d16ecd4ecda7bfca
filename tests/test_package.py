"""What is built from the repository: everything that the package needs travels in the wheel."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def test_the_wheel_holds_every_file_of_the_package(tmp_path: Path) -> None:
    """Templates and the marker of typed packages too, not modules alone."""
    builders = pytest.importorskip("hatchling.builders.wheel", reason="needs hatchling, which the dev group installs")
    [wheel] = builders.WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if name.startswith("wellposed/")}
    source = {
        path.relative_to(ROOT / "src").as_posix()
        for path in (ROOT / "src" / "wellposed").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert packed == source
    assert {"wellposed/py.typed", "wellposed/report/templates/report.html"} <= packed

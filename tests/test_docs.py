"""Documentation can't lie: its blocks run, its generated parts are up to date, its links lead somewhere."""

from __future__ import annotations

import importlib.util
import inspect
import re
import shlex
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree

import pytest
import typer.main

import wellposed

ROOT = Path(__file__).resolve().parents[1]
PAGES = (
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    *sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md")),
    "bench/README.md",
)
TABLE = "price,size,rooms,town\n" + "".join(f"{90 + 7 * i % 41},{i},{i % 5},{'ab'[i % 2]}\n" for i in range(60))


def _blocks(page: str, language: str) -> list[str]:
    text = (ROOT / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)


def _commands() -> list[tuple[str, str]]:
    """Every line ``$ wellposed …``, continued ones joined, with its page."""
    found = []
    for page in PAGES:
        for block in _blocks(page, "console"):
            lines = block.replace("\\\n", " ").splitlines()
            found += [(page, line.removeprefix("$ ")) for line in lines if line.startswith("$ wellposed")]
    return list(dict.fromkeys(found))


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("page", [page for page in PAGES if _blocks(page, "python")])
def test_python_blocks_run(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In order, in one namespace: later blocks may use what earlier ones made."""
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, object] = {"__name__": "documentation"}
    for block in _blocks(page, "python"):
        exec(compile(block, page, "exec", dont_inherit=True), namespace)


@pytest.mark.parametrize(("page", "command"), _commands())
def test_commands_are_accepted(page: str, command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Studies are only planned (``--dry-run``); what needs a finished run is only parsed: its own tests run it."""
    from wellposed.cli.main import app, main

    monkeypatch.chdir(tmp_path)
    (tmp_path / "my.csv").write_text(TABLE.replace("price", "price" if "price" in command else "y"), encoding="utf-8")
    arguments = shlex.split(command.partition(" | ")[0], comments=True)[1:]
    if arguments[0] not in ("compare", "datasets", "techniques"):
        parsed = typer.main.get_command(app).commands[arguments[0]]  # type: ignore[attr-defined]
        assert parsed.make_context(arguments[0], arguments[1:], obj=arguments).args == []
        return
    if "winequality" in command and not _data_at_hand():
        pytest.skip("needs winequality-red.csv in the WELLPOSED_DATA folder")
    assert main([*arguments, *(["--dry-run"] if arguments[0] == "compare" else [])]) == 0


def _data_at_hand() -> bool:
    import os

    return (Path(os.environ["WELLPOSED_DATA"]) / "winequality-red.csv").exists()


def test_generated_parts_are_up_to_date(generator: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    status = generator.main(["--check"])
    assert status == 0, capsys.readouterr().out


def test_readme_shows_the_demo_as_the_makefile_runs_it(generator: ModuleType) -> None:
    command = shlex.split(generator.demo_command())
    assert command in [shlex.split(shown) for page, shown in _commands() if page == "README.md"]


def _anchors(path: Path) -> set[str]:
    """What GitHub makes of the headings."""
    headings = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    missing = []
    for item in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"```.*?```", "", text, flags=re.DOTALL)):
        place, _, anchor = item.partition("#")
        target = ((ROOT / page).parent / place).resolve() if place else ROOT / page
        if "://" not in item and (not target.exists() or (anchor and anchor not in _anchors(target))):
            missing.append(item)
    assert not missing


def test_every_family_has_a_picture(generator: ModuleType) -> None:
    """Well-formed, small, with a title for those who can't see it, drawn by a function of docs/pictures.py."""
    import pictures  # type: ignore[import-not-found]

    from wellposed.techniques.catalog import CATALOG

    families = {cls.family for cls in CATALOG}
    assert set(pictures.PICTURES) == families
    assert {path.stem for path in (ROOT / "docs" / "techniques").glob("*.svg")} == families
    for family in families:
        text = (ROOT / "docs" / "techniques" / f"{family}.svg").read_text(encoding="utf-8")
        assert (ElementTree.fromstring(text).findtext("{http://www.w3.org/2000/svg}title") or "").strip(), family
        assert len(text) < 80_000, family


def test_every_public_name_is_documented() -> None:
    silent = [name for name in wellposed.__all__ if not inspect.getdoc(getattr(wellposed, name))]
    assert not silent


def test_python_page_lists_every_argument() -> None:
    """Of reading, comparing, the network and its training: no setting is left out, none is invented."""
    from wellposed.studies.compare import compare, prepare

    page = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    settings = {
        "wp.read": list(inspect.signature(wellposed.read).parameters),
        "wp.compare": [*inspect.signature(prepare).parameters, *list(inspect.signature(compare).parameters)[3:-1]],
        "wp.MLP": list(inspect.signature(wellposed.MLP).parameters),
        "wp.Training": list(inspect.signature(wellposed.Training).parameters),
    }
    for title, arguments in settings.items():
        table = re.search(rf"^\| `{title}` .*\n(?:\|.*\n)+", page, flags=re.MULTILINE)
        assert table is not None
        cells = [row.split("|")[1] for row in table[0].splitlines()[2:]]
        assert sorted(re.findall(r"`(\w+)`", " ".join(cells))) == sorted(arguments), title


def test_help_names_every_metric() -> None:
    from wellposed.cli.options import StudyOptions
    from wellposed.training.metrics import METRICS

    hint = str(StudyOptions.__annotations__["metric"])
    assert [name for name in METRICS if name.replace("_", "-") not in hint] == []

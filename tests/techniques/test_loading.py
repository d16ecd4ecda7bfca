"""Techniques of one's own by name: registered in Python, or from a file that the user names."""

from __future__ import annotations

from pathlib import Path

import pytest

from wellposed.cli.main import main
from wellposed.errors import TechniqueError
from wellposed.recipe import Recipe, parse
from wellposed.techniques import catalog
from wellposed.techniques.base import Technique, strength, technique
from wellposed.techniques.catalog import find, known, register
from wellposed.techniques.loading import load_techniques

FILE = '''
from wellposed.techniques.base import Technique, strength, technique

@technique
class LogitPenalty(Technique):
    """Adds the squared logits to each row's loss."""

    name = "logit-penalty"
    family = "targets"
    reference = "Dauphin and Cubuk 2021"
    weight: float = strength(default=1e-2, neutral=0.0, search=(1e-4, 1.0))

    def row_loss(self, losses, outputs, batch, own):
        return losses + self.weight * (outputs.logits**2).sum(-1)
'''


@pytest.fixture(autouse=True)
def _nothing_registered_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog, "_REGISTERED", {})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "mine.py"
    path.write_text(FILE, encoding="utf-8")
    return path


def made(class_name: str, name: str) -> type[Technique]:
    words = {"name": name, "family": "test", "reference": "none", "__annotations__": {"weight": "float"}}
    return technique(type(class_name, (Technique,), {**words, "weight": strength(default=0.1, search=(0.01, 1))}))


def test_a_registered_technique_has_text():
    cls = made("Mine", "mine")
    with pytest.raises(TechniqueError) as caught:
        parse("mine=0.2 + l2=0.1")
    assert str(caught.value) == (
        "recipe: no technique of that name, got mine. "
        "`wellposed techniques` lists all; one of your own comes with --techniques FILE.py or wp.register."
    )
    assert register(cls) is cls
    assert parse("mine=0.2 + l2=0.1") == cls(0.2) + find("l2")(0.1)  # type: ignore[call-arg]
    assert known()[-1] is cls


def test_registering_again_replaces():
    register(made("Mine", "mine"))
    again = made("Mine", "mine")
    register(again)
    assert find("mine") is again


def test_a_taken_name_is_refused():
    with pytest.raises(TechniqueError) as caught:
        register(made("Mine", "l2"))
    assert str(caught.value) == "Mine: L2 has that name already, got l2. Give Mine another name."
    register(made("Mine", "mine"))
    with pytest.raises(TechniqueError) as caught:
        register(made("Other", "mine"))
    assert str(caught.value) == "Other: Mine has that name already, got mine. Give Other another name."


def test_an_unregistered_one_can_not_pass_for_a_technique_of_the_catalogue():
    with pytest.raises(TechniqueError) as caught:
        Recipe((made("Mine", "l2")(),))
    assert str(caught.value) == "Mine: L2 has that name already, got l2. Give Mine another name."


@pytest.mark.parametrize("wrong", [3, Technique, type("Bare", (Technique,), {})], ids=["number", "base", "bare"])
def test_only_techniques_are_registered(wrong: object):
    with pytest.raises(TechniqueError, match=r"^register: only a technique can be registered, got .*Write @technique"):
        register(wrong)  # type: ignore[arg-type]


def test_a_file_is_loaded_once_and_again(file: Path):
    (first,), (second,) = load_techniques(file), load_techniques(file)
    assert first.name == second.name == "logit-penalty"
    assert find("logit-penalty") is second
    assert parse("logit-penalty=0.1 + l2=0.001").name == "l2=0.001 + logit-penalty=0.1"


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("none.py", None, "techniques: no such Python file, got {path}. Write e.g. --techniques mine.py."),
        ("mine.txt", FILE, "techniques: no such Python file, got {path}. Write e.g. --techniques mine.py."),
        (
            "mine.py",
            "x = 1\ny = x +\n",
            "techniques: mine.py fails at line 2, got SyntaxError: invalid syntax (mine.py, line 2). Mend the file.",
        ),
        (
            "mine.py",
            "x = 1\nraise SystemExit(3)\n",
            "techniques: mine.py fails at line 2, got SystemExit: 3. Mend the file.",
        ),
        (
            "mine.py",
            "import numpy\ndef f():\n    return 1 / 0\n\nf()\n",
            "techniques: mine.py fails at line 3, got ZeroDivisionError: division by zero. Mend the file.",
        ),
        (
            "mine.py",
            "from wellposed.techniques.penalties import L2\n",
            "techniques: the file defines none, got {path}. "
            "Write @technique above a class with a name, as in docs/writing-a-technique.md.",
        ),
        (
            "mine.py",
            FILE.replace("row_loss", "rowloss"),
            "LogitPenalty: no hook of that name, got rowloss. "
            "Write row_loss if that hook is meant, or _rowloss for a method of your own.",
        ),
    ],
)
def test_a_file_that_can_not_be_loaded(tmp_path: Path, name: str, text: str | None, message: str):
    path = tmp_path / name
    if text is not None:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(TechniqueError) as caught:
        load_techniques(path)
    shown = message.format(path=path if len(str(path)) <= 120 else f"{str(path)[:117]}...")
    assert str(caught.value) == shown


def test_on_the_command_line(file: Path, capsys: pytest.CaptureFixture[str]):
    arguments = ["compare", "iris", "--with", "logit-penalty=0.1 + l2=1e-3", "--dry-run"]
    assert main(arguments) == 2
    assert "no technique of that name, got logit-penalty" in capsys.readouterr().err
    assert main([*arguments, "--techniques", str(file)]) == 0
    assert "l2=0.001 + logit-penalty=0.1" in capsys.readouterr().out
    assert main(["techniques", "logit-penalty", "--techniques", str(file)]) == 0
    assert "Adds the squared logits to each row's loss." in capsys.readouterr().out

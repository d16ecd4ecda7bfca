"""Texts of specifications: what is read, what is refused, and with which words."""

from __future__ import annotations

import keyword
from dataclasses import dataclass
from typing import ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wellposed.errors import StudyError
from wellposed.network.initializers import INITIALIZERS
from wellposed.textform import Named, build, registry
from wellposed.training.losses import LOSSES
from wellposed.training.metrics import METRICS
from wellposed.training.optimizers import OPTIMIZERS
from wellposed.training.schedules import SCHEDULES


@dataclass(frozen=True)
class Plain(Named):
    name: ClassVar[str] = "plain"


@dataclass(frozen=True)
class Rich(Named):
    needed: float
    count: int = 3
    on: bool = False
    word: str = "blue"
    numbers: tuple[float, ...] = (1.0, 2.0)
    name: ClassVar[str] = "rich_one"
    aliases: ClassVar[tuple[str, ...]] = ("wealthy",)


KEYWORDS = {"true", "false", "none", *keyword.kwlist}
CLASSES = registry((Plain, Rich))


def read(text: str) -> Named:
    return build("thing", text, CLASSES)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", Plain()),
        (" Plain() ", Plain()),
        ("rich_one(1)", Rich(1.0)),
        ("RichOne(needed=.5, on=True)", Rich(0.5, on=True)),
        ("rich-one(1e-3, 4, true)", Rich(0.001, 4, True)),
        ("wealthy(1, word=red, numbers=[3, 4.5])", Rich(1.0, word="red", numbers=(3.0, 4.5))),
        ("rich_one(-2, word='two words')", Rich(-2.0, word="two words")),
    ],
)
def test_reads(text: str, expected: Named) -> None:
    assert read(text) == expected


def test_an_object_is_handed_back() -> None:
    thing = Rich(1.0)
    assert build("thing", thing, CLASSES) is thing


@pytest.mark.parametrize(
    ("thing", "text"),
    [
        (Plain(), "plain"),
        (Rich(1e-7), "rich_one(needed=1e-7)"),
        (Rich(1.0, 4, True, "red", (0.5,)), "rich_one(needed=1.0, count=4, on=true, word=red, numbers=(0.5,))"),
    ],
)
def test_writes_and_reads_back(thing: Named, text: str) -> None:
    assert thing.to_text() == text
    assert read(text) == thing


REMEDY = 'Write "name" or "name(argument=value)" for the thing.'
ARGUMENTS = "Its arguments are needed, count, on, word, numbers."


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("poor", "thing: unknown name, got poor. Choose one of plain, rich_one."),
        ("", f"thing: can't be understood, got nothing. {REMEDY}"),
        ("plain(", f"thing: can't be understood, got plain(. {REMEDY}"),
        ("plain() + plain()", f"thing: can't be understood, got plain() + plain(). {REMEDY}"),
        ("plain()()", f"thing: can't be understood, got plain()(). {REMEDY}"),
        ("rich_one(open('x'))", f"thing: can't be understood, got rich_one(open('x')). {REMEDY}"),
        ("rich_one(**{'needed': 1})", f"thing: can't be understood, got rich_one(**{{'needed': 1}}). {REMEDY}"),
        ("p" * 301, f"thing: text is longer than 300 characters, got {'p' * 117}.... {REMEDY}"),
        ("plain(1)", "thing plain: too many arguments, got 1. It takes no arguments."),
        ("rich_one(1, size=2)", f"thing rich_one: unknown argument, got size. {ARGUMENTS}"),
        ("rich_one(1, needed=2)", f"thing rich_one: argument given twice, got needed. {ARGUMENTS}"),
        ("rich_one(on=true)", f"thing rich_one: argument needed is missing. {ARGUMENTS}"),
        ("rich_one(true)", "thing rich_one: needed must be a number, got True"),
        ("rich_one(1e999)", "thing rich_one: needed must be a number, got inf"),
        ("rich_one(1, 2.5)", "thing rich_one: count must be a whole number, got 2.5"),
        ("rich_one(1, on=1)", "thing rich_one: on must be true or false, got 1"),
        ("rich_one(1, word=2)", "thing rich_one: word must be a word, got 2"),
        ("rich_one(1, numbers=2)", "thing rich_one: numbers must be numbers in parentheses, got 2"),
    ],
)
def test_refuses(text: str, message: str) -> None:
    with pytest.raises(StudyError) as caught:
        read(text)
    assert str(caught.value) == message


def test_nesting_does_not_exhaust_the_parser() -> None:
    with pytest.raises(StudyError, match="can't be understood"):
        read("rich_one(" + "-" * 280 + "1)")


@pytest.mark.parametrize("classes", [INITIALIZERS, LOSSES, METRICS, OPTIMIZERS, SCHEDULES])
def test_every_class_goes_through_text(classes: dict[str, type[Named]]) -> None:
    for name, cls in classes.items():
        assert cls().to_text() == name
        for known in (name, *cls.aliases, cls.__name__):
            assert build("kind", known, classes) == cls()


@given(
    needed=st.floats(allow_nan=False, allow_infinity=False),
    count=st.integers(-(10**9), 10**9),
    on=st.booleans(),
    word=st.from_regex(r"[a-z]{1,8}", fullmatch=True).filter(lambda word: word not in KEYWORDS),
    numbers=st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=4).map(tuple),
)
@settings(max_examples=60, deadline=None)
def test_any_text_reads_back(needed: float, count: int, on: bool, word: str, numbers: tuple[float, ...]) -> None:
    thing = Rich(needed, count, on, word, numbers)
    assert read(thing.to_text()) == thing


@given(st.text(max_size=40) | st.text(alphabet="rich_one plain(needed=1,.e-)[]'\"\\\x00\n*", max_size=60))
@settings(max_examples=150, deadline=None)
def test_junk_is_refused_in_one_line(text: str) -> None:
    message = ""
    try:
        read(text)
    except StudyError as error:
        message = str(error)
    assert message.replace("\u200c", "").replace("\u200d", "").isprintable()

"""Options from a TOML file: its keys are the long option names; the command line wins."""

from __future__ import annotations

import tomllib
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from wellposed.errors import StudyError

__all__ = ["load_config"]

_MOST_BYTES = 1_000_000


def load_config(path: str, parameters: list[Any]) -> dict[str, Any]:
    """The defaults that a file sets, by parameter name.

    Args:
        path: the TOML file. Keys: ``data``, and long option names without dashes (``batch-size = 64``); repeatable
            options take a list, switches true or false.
        parameters: the command's, as click knows them.

    Raises:
        StudyError: the file can't be read, a key is no option, or a value has the wrong type.
    """
    file = Path(path)
    if file.exists() and not file.is_dir() and not (file.is_file() and file.stat().st_size <= _MOST_BYTES):
        raise StudyError("config: must be an ordinary file of at most 1 MB", path, "Give a TOML file.")
    try:
        values = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "not text"
        raise StudyError(f"config: can't be read ({why})", path, "Give a TOML file.") from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        remedy = 'Write lines such as epochs = 100 and target = "y".'
        raise StudyError(f"config: isn't TOML ({error})", path, remedy) from None
    known = {_key(parameter): parameter for parameter in parameters if _key(parameter) not in ("config", "help")}
    defaults = {}
    for key, value in values.items():
        if key not in known:
            close = get_close_matches(key, known, n=1)
            guess = f"Did you mean {close[0]}?" if close else "Keys are the long option names, without dashes in front."
            raise StudyError(f"config {path}: no such option", key, guess)
        defaults[known[key].name] = _value(path, key, value, known[key])
    return defaults


def _key(parameter: Any) -> str:
    long = [option for option in parameter.opts if option.startswith("--")]
    return long[0].removeprefix("--") if long else str(parameter.name)


def _value(path: str, key: str, value: Any, parameter: Any) -> Any:
    place = f"config {path}: {key}"
    if getattr(parameter, "is_flag", False):
        if not isinstance(value, bool):
            raise StudyError(f"{place} must be true or false", value)
        return value
    if getattr(parameter, "multiple", False):
        return [_text(place, item) for item in (value if isinstance(value, list) else [value])]
    if isinstance(value, list):  # network = [20, 20]
        return ",".join(_text(place, item) for item in value)
    return _text(place, value)


def _text(place: str, value: Any) -> str:
    """As it would stand on the command line."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise StudyError(f"{place} must be text or a number", value)
    return value if isinstance(value, str) else repr(value)

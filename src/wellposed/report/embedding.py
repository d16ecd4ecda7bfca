"""How numbers travel inside the page: JSON that can't end its element, each long list of numbers once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

_LONG = 12


def embed(value: object) -> str:
    """JSON that can stand inside a ``<script>`` element: no character of it can end the element or a line."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def pack(value: Any) -> dict[str, Any]:
    """The value with every long list of numbers kept once, in ``lists``, and ``{"@": its place}`` where it stood."""
    lists: list[list[float | None]] = []
    places: dict[tuple[Any, ...], int] = {}

    def packed(part: Any) -> Any:
        if isinstance(part, Mapping):
            return {str(key): packed(entry) for key, entry in part.items()}
        if isinstance(part, (list, tuple)):
            if len(part) >= _LONG and all(entry is None or type(entry) in (int, float) for entry in part):
                key = tuple(part)
                if key not in places:
                    places[key] = len(lists)
                    lists.append(list(part))
                return {"@": places[key]}
            return [packed(entry) for entry in part]
        return part

    return {"value": packed(value), "lists": lists}

"""Values as RabbitMQ prints them in its refusals: Erlang's terms."""

from collections.abc import Mapping
from typing import Any

TEXT_MAX = 1000  # of a value in a refusal


def term(value: Any) -> str:
    """Return a value of JSON as Erlang prints it."""
    return _term(value)[:TEXT_MAX]


def pairs(definition: Mapping[str, Any]) -> str:
    """Return an object as a list of pairs."""
    return _listed(f"{{{_term(key)},{_term(value)}}}" for key, value in sorted(definition.items()))


def _term(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if value is None:
        return "null"
    if isinstance(value, str):
        if not value:
            return "<<>>"
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'<<"{escaped}">>'
    if isinstance(value, Mapping):
        inside = ",".join(f"{_term(key)} => {_term(each)}" for key, each in value.items())
        return f"#{{{inside}}}"
    if isinstance(value, list):
        return _listed(map(_term, value))
    return str(value)


def _listed(parts: Any) -> str:
    return "[" + ",".join(parts) + "]"

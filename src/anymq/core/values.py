"""Values: arguments and headers as errors name them, and whether two say the same."""

from collections.abc import Mapping

from anymq.core.errors import PreconditionFailed
from anymq.core.message import Value

_SIGNED_INT = range(-(1 << 31), 1 << 31)
_NAMES: dict[type, str] = {
    bool: "bool",
    float: "double",
    str: "longstr",
    bytes: "binary",
    list: "array",
    dict: "table",
    type(None): "void",
}


def type_name(value: Value) -> str:
    """Return how RabbitMQ calls the type of a value.

    A form that keeps exact types names them: `class Short(int): type_name = "short"`.
    """
    named: str | None = getattr(value, "type_name", None)
    if named is not None:
        return named
    if isinstance(value, int) and not isinstance(value, bool):
        return "signedint" if value in _SIGNED_INT else "long"
    return next((name for kind, name in _NAMES.items() if isinstance(value, kind)), "decimal")


def same(one: Value, other: Value) -> bool:
    """Do both say the same? 5 is 5 in any width, but never True, 5.0 or "5"."""
    return _class_of(one) == _class_of(other) and bool(one == other)


def _class_of(value: Value) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "int"
    if isinstance(value, Mapping):
        return "table"
    return type_name(value)


def check_argument(key: str, of: str, current: Value, received: Value) -> None:
    """Refuse an argument that says something else than when `of` was declared. None: not said."""
    if same(current, received):
        return
    if current is not None and received is not None:  # RabbitMQ leaves out the types here
        check_field(key, of, current, received)
    raise PreconditionFailed(
        f"inequivalent arg '{key}' for {of}: "
        f"received {described(received)} but current is {described(current)}"
    )


def check_field(key: str, of: str, current: object, received: object) -> None:
    """Refuse a property (durable, type, …) that is not what `of` was declared with."""
    if not same(current, received):
        raise PreconditionFailed(
            f"inequivalent arg '{key}' for {of}: "
            f"received '{_plain(received)}' but current is '{_plain(current)}'"
        )


def described(value: Value) -> str:
    """Return a value as errors name it."""
    if value is None:
        return "none"
    return f"the value '{_plain(value)}' of type '{type_name(value)}'"


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)

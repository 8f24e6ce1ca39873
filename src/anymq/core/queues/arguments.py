"""Arguments: what a queue may be declared with, checked as RabbitMQ does, in its words."""

from collections.abc import Callable, Mapping
from typing import Any

from anymq.core.errors import Invalid, PreconditionFailed
from anymq.core.selectors.selector import ARGUMENT as SELECTOR
from anymq.core.selectors.selector import Selector, selector_in
from anymq.core.values import check_argument, type_name

Arguments = Mapping[str, Any]

CLASSIC, QUORUM, STREAM = "classic", "quorum", "stream"

DURATION_MS_MAX = 315_360_000_000  # ten years
PRIORITY_MAX = 255
ROUTING_KEY_BYTES_MAX = 255
LOCATORS = ("client-local", "balanced", "random", "least-leaders", "min-masters")
OVERFLOWS = ("drop-head", "reject-publish", "reject-publish-dlx")
STRATEGIES = ("at-most-once", "at-least-once")
_INTEGERS = frozenset(
    ("byte", "short", "signedint", "long", "unsignedbyte", "unsignedshort", "unsignedint")
)
AGE_DIGITS_MAX = 18  # Python refuses to read very many
_AGE_UNITS_MS = {
    "Y": 365 * 86_400_000,
    "M": 30 * 86_400_000,
    "D": 86_400_000,
    "h": 3_600_000,
    "m": 60_000,
    "s": 1000,
}

_DEAD_LETTERS = ("x-dead-letter-exchange", "x-dead-letter-routing-key")
_LENGTHS = ("x-max-length", "x-max-length-bytes", "x-overflow")
_COMMON = (
    *("x-expires", "x-message-ttl", *_DEAD_LETTERS, *_LENGTHS),
    *("x-single-active-consumer", "x-queue-type", "x-queue-leader-locator"),
)
ARGUMENTS: Mapping[str, tuple[str, ...]] = {
    CLASSIC: (
        *_COMMON,
        *("x-max-priority", "x-queue-mode", "x-queue-version", "x-queue-master-locator"),
    ),
    QUORUM: (
        *_COMMON,
        *("x-dead-letter-strategy", "x-max-in-memory-length", "x-max-in-memory-bytes"),
        *("x-quorum-initial-group-size", "x-member-placement-tag", "x-delivery-limit"),
        *("x-consumer-disconnected-timeout", "x-consumer-timeout"),
        *("x-delayed-retry-type", "x-delayed-retry-min", "x-delayed-retry-max"),
    ),
    STREAM: (
        *("x-max-length-bytes", "x-queue-type", "x-max-age", "x-stream-max-segment-size-bytes"),
        *("x-stream-filter-size-bytes", "x-initial-cluster-size", "x-queue-leader-locator"),
    ),
}
CONSUMER_ARGUMENTS: Mapping[str, tuple[str, ...]] = {
    CLASSIC: ("x-priority",),
    QUORUM: ("x-priority", "x-consumer-timeout"),
    STREAM: ("x-stream-offset", "x-stream-filter", "x-stream-match-unfiltered"),
}
# Ours: declared again with another value, it is another queue.
OWN_ARGUMENTS = ("x-message-deduplication", "x-deduplication-window", SELECTOR)


def kind_of(of: str, arguments: Arguments, default: str = CLASSIC) -> str:
    """Return which kind of queue is asked for. `of`: `queue 'q' in vhost '/'`."""
    kind = arguments.get("x-queue-type")
    if kind in (None, "", "undefined"):
        return default
    _check(of, "x-queue-type", kind, arguments)
    return str(kind)


def check_declaration(of: str, kind: str, arguments: Arguments) -> None:
    """Refuse arguments that this kind does not know, and values that make no sense."""
    exchange = arguments.get("x-dead-letter-exchange")
    if exchange is not None and not (
        type_name(exchange) == "longstr" and isinstance(exchange, str)
    ):
        key, name = "x-dead-letter-exchange", type_name(exchange)
        raise PreconditionFailed(f"invalid type '{name}' for arg '{key}' in {of}")
    _check_all(of, kind, arguments, ARGUMENTS)
    for key in OWN_ARGUMENTS:
        if key in arguments:
            _check(of, key, arguments[key], arguments)


def check_consumer(of: str, kind: str, arguments: Arguments) -> None:
    """Refuse what a consumer of this kind of queue cannot ask for."""
    _check_all(of, kind, arguments, CONSUMER_ARGUMENTS)


def selector_of(of: str, arguments: Arguments) -> Selector | None:
    """Return what a consumer, or a queue, takes; None: everything."""
    try:
        return selector_in(arguments)
    except Invalid as error:
        raise PreconditionFailed(f"invalid arg '{SELECTOR}' for {of}: {error}") from None


def check_properties(
    of: str, kind: str, *, durable: bool, exclusive: bool, auto_delete: bool
) -> None:
    """Refuse a quorum queue or a stream that is not to last: checked last, as RabbitMQ does."""
    if kind == CLASSIC:
        return
    for wrong, name in (
        (auto_delete and kind == QUORUM, "auto-delete"),
        (exclusive, "exclusive-owner"),
        (not durable, "non-durable"),
        (auto_delete, "auto-delete"),
    ):
        if wrong:
            raise PreconditionFailed(f"invalid property '{name}' for {of}")


def check_equivalent(of: str, kind: str, current: Arguments, received: Arguments) -> None:
    """Refuse to declare a queue again with other arguments, of those that its kind knows."""
    for key in (*ARGUMENTS[kind], *OWN_ARGUMENTS):
        mine, asked = current.get(key), received.get(key)
        if key == "x-queue-type":
            mine, asked = mine or CLASSIC, asked or CLASSIC
        check_argument(key, of, mine, asked)


def age_ms(age: object) -> int | None:
    """Return what "7D" is in milliseconds; None where that makes no sense."""
    if not isinstance(age, str):
        return None
    digits, unit = age[:-1], age[-1:]
    plain = digits.isascii() and digits.isdigit() and len(digits) <= AGE_DIGITS_MAX
    if not plain or unit not in _AGE_UNITS_MS or not int(digits):
        return None
    return int(digits) * _AGE_UNITS_MS[unit]


def _check_all(
    of: str, kind: str, arguments: Arguments, known: Mapping[str, tuple[str, ...]]
) -> None:
    if not arguments:
        return
    mine = known[kind]
    for key in _CHECKS:
        if key in mine and arguments.get(key) is not None:
            _check(of, key, arguments[key], arguments)
    for key in arguments:
        if key not in mine and any(key in others for others in known.values()):
            raise PreconditionFailed(
                f"invalid arg '{key}' for {of} of queue type rabbit_{kind}_queue"
            )


def _check(of: str, key: str, value: object, arguments: Arguments) -> None:
    if (error := _CHECKS[key](value, arguments)) is not None:
        raise PreconditionFailed(f"invalid arg '{key}' for {of}: {error}")


# Each check returns what is wrong, as RabbitMQ prints it, or None.

_Check = Callable[[Any, Arguments], str | None]


def _unacceptable(value: object) -> str:
    return f"{{unacceptable_type,{type_name(value)}}}"


def _integer(value: object, _: Arguments) -> str | None:
    name = type_name(value)
    return None if name in _INTEGERS else f'"expected integer, got {name}"'


def _not_negative(value: Any, arguments: Arguments) -> str | None:
    if (error := _integer(value, arguments)) is not None:
        return error
    return f"{{value_negative,{value}}}" if value < 0 else None


def _positive(value: Any, arguments: Arguments) -> str | None:
    return _not_negative(value, arguments) or (None if value else "{value_zero,0}")


def _duration(value: Any, arguments: Arguments) -> str | None:
    if (error := _not_negative(value, arguments)) is not None:
        return error
    return f"{{value_too_large,{value}}}" if value > DURATION_MS_MAX else None


def _expires(value: Any, arguments: Arguments) -> str | None:
    return _integer(value, arguments) or (
        _duration(value, arguments) if value else "{value_zero,0}"
    )


def _priorities(value: Any, arguments: Arguments) -> str | None:
    if (error := _not_negative(value, arguments)) is not None:
        return error
    return f"{{max_value_exceeded,{value}}}" if value > PRIORITY_MAX else None


def _boolean(value: object, _: Arguments) -> str | None:
    return None if isinstance(value, bool) else _unacceptable(value)


def _text(value: object, _: Arguments) -> str | None:
    return None if type_name(value) == "longstr" else _unacceptable(value)


def _routing_key(value: object, arguments: Arguments) -> str | None:
    if (error := _text(value, arguments)) is not None:
        return error
    if not isinstance(value, str) or len(value.encode(errors="replace")) > ROUTING_KEY_BYTES_MAX:
        return "invalid_routing_key"  # RabbitMQ takes it, and cannot deliver what died
    named = arguments.get("x-dead-letter-exchange") is not None
    return None if named else "routing_key_but_no_dlx_defined"


def _one_of(words: tuple[str, ...], error: str) -> _Check:
    def check(value: object, arguments: Arguments) -> str | None:
        return _text(value, arguments) or (None if value in words else error)

    return check


def _age(value: object, arguments: Arguments) -> str | None:
    wrong_type = _text(value, arguments)
    return wrong_type or (None if age_ms(value) is not None else "invalid_max_age")


def _version(value: object, arguments: Arguments) -> str | None:
    # Version 1 is gone from RabbitMQ; who asks for it gets what there is.
    if (error := _not_negative(value, arguments)) is not None:
        return error
    return None if value in (1, 2) else f"\"unsupported queue version '{value}'\""


def _kind(value: object, arguments: Arguments) -> str | None:
    if (error := _text(value, arguments)) is not None:
        return error
    return None if value in ARGUMENTS else f"\"unsupported queue type '{value}'\""


def _placement(value: object, arguments: Arguments) -> str | None:
    return _text(value, arguments) or (None if value else "invalid_member_placement_tag_arg")


def _selector(value: object, _: Arguments) -> str | None:
    try:
        selector_in({SELECTOR: value})
    except Invalid as error:
        return str(error)
    return None


# In RabbitMQ's order: the first error counts.
_CHECKS: Mapping[str, _Check] = {
    "x-expires": _expires,
    "x-message-ttl": _duration,
    "x-dead-letter-routing-key": _routing_key,
    "x-dead-letter-strategy": _one_of(STRATEGIES, "invalid_dlx_strategy"),
    "x-max-length": _not_negative,
    "x-max-length-bytes": _not_negative,
    "x-max-in-memory-length": _not_negative,
    "x-max-in-memory-bytes": _not_negative,
    "x-max-priority": _priorities,
    "x-overflow": _one_of(OVERFLOWS, "invalid_overflow"),
    "x-queue-version": _version,
    "x-single-active-consumer": _boolean,
    "x-consumer-timeout": _not_negative,
    "x-consumer-disconnected-timeout": _not_negative,
    "x-queue-type": _kind,
    "x-quorum-initial-group-size": _positive,
    "x-max-age": _age,
    "x-stream-max-segment-size-bytes": _not_negative,
    "x-stream-filter-size-bytes": _not_negative,
    "x-initial-cluster-size": _positive,
    "x-queue-leader-locator": _one_of(LOCATORS, "invalid_queue_locator_arg"),
    "x-member-placement-tag": _placement,
    "x-priority": _integer,
    "x-message-deduplication": _boolean,
    "x-deduplication-window": _positive,
    SELECTOR: _selector,
}

"""What a policy may say, checked as RabbitMQ does, in its words."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from anymq.core.errors import Invalid
from anymq.core.policies.policy import APPLY_TO
from anymq.core.policies.terms import pairs, term
from anymq.core.queues.arguments import OVERFLOWS, STRATEGIES, age_ms
from anymq.core.rights import patterns

FILTER_BYTES = range(16, 256)
SEGMENT_BYTES_MAX = 3_000_000_000
LOCATORS = ("client-local", "balanced", "random", "least-leaders")
NUMBER_MAX = (1 << 63) - 1
RETRIES = ("all", "failed", "returned", "disabled")

Check = Callable[[Any], bool]


def failed(errors: Iterable[str]) -> Invalid:
    """Return the refusal for what is wrong with a parameter."""
    return Invalid("\n".join(["Validation failed\n", *errors, ""]))


def check_policy(
    name: str,
    pattern: Any,
    definition: Any,
    priority: Any,
    apply_to: Any,
    *,
    operator: bool,
) -> None:
    """Refuse a policy that makes no sense."""
    wrong = [
        _definition(name, definition, OPERATORS if operator else SETTINGS),
        _apply_to(apply_to),
        _pattern(pattern),
        _priority(priority),
    ]
    if errors := [error for error in wrong if error]:
        raise failed(errors)


def _priority(priority: Any) -> str:
    if isinstance(priority, (int, float)) and not isinstance(priority, bool):
        return ""
    return f"priority should be a number, actually was {term(priority)}"


def _pattern(pattern: Any) -> str:
    if not isinstance(pattern, str):
        return f"pattern should be a binary but was {term(pattern)}"
    try:
        patterns.check(pattern)
    except Invalid as error:
        return f"pattern should be regular expression but is invalid: {error}"
    return ""


def _apply_to(apply_to: Any) -> str:
    if apply_to in APPLY_TO:
        return ""
    return (
        f"apply-to '{apply_to}' unrecognised; should be one of: 'queues', 'classic_queues', "
        " 'quorum_queues', 'streams', 'exchanges', or 'all'"
    )


def _definition(name: str, definition: Any, known: Mapping[str, tuple[Check, str]]) -> str:
    if not isinstance(definition, Mapping):
        return f"parse error while reading policy {name}: {term(definition)}"
    if not definition:
        return "no policy provided"
    if strange := {key: value for key, value in definition.items() if key not in known}:
        return f"{pairs(strange)} are not recognised policy settings"
    for key, value in definition.items():
        check, says = known[key]
        if not check(value):
            return f"{term(value)} is not {says}"
    return _retries(definition)


def _retries(definition: Mapping[str, Any]) -> str:
    kind = definition.get("delayed-retry-type", "disabled")
    least, most = definition.get("delayed-retry-min"), definition.get("delayed-retry-max")
    if kind != "disabled" and least is None:
        return f"delayed-retry-min is required when delayed-retry-type is {kind}"
    if least is not None and most is not None and most < least:
        return f"delayed-retry-max ({most}) must not be smaller than delayed-retry-min ({least})"
    return ""


def _integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _at_least(least: int) -> Check:
    return lambda value: _integer(value) and value >= least


def _one_of(*words: object) -> Check:
    return lambda value: not isinstance(value, bool) and value in words


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _named(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _boolean(value: Any) -> bool:
    return isinstance(value, bool)


# By the names of settings: what they take, and what else RabbitMQ says.
SETTINGS: Mapping[str, tuple[Check, str]] = {
    "alternate-exchange": (_text, "a valid alternate exchange name"),
    "consumer-disconnected-timeout": (_at_least(0), "a valid consumer disconnected timeout"),
    "consumer-timeout": (_at_least(0), "a valid consumer timeout"),
    "dead-letter-exchange": (_text, "a valid dead letter exchange name"),
    "dead-letter-routing-key": (_text, "a valid dead letter routing key"),
    "dead-letter-strategy": (_one_of(*STRATEGIES), "a valid dead letter strategy"),
    "message-ttl": (_at_least(0), "a valid message TTL"),
    "expires": (_at_least(1), "a valid queue expiry"),
    "max-length": (_at_least(0), "a valid maximum length"),
    "max-length-bytes": (_at_least(0), "a valid maximum length in bytes"),
    "max-in-memory-length": (_at_least(0), "a valid maximum memory in bytes"),
    "max-in-memory-bytes": (_at_least(0), "a valid maximum memory in bytes"),
    "queue-mode": (_one_of("default", "lazy"), "a valid queue-mode value"),
    "queue-version": (_one_of(1, 2), "a valid queue-version value"),
    "overflow": (_one_of(*OVERFLOWS), "a valid overflow value"),
    "delivery-limit": (_integer, "a valid delivery limit"),
    "max-age": (lambda value: age_ms(value) is not None, "a valid max age"),
    "queue-leader-locator": (_one_of(*LOCATORS), "a valid queue leader locator value"),
    "queue-master-locator": (
        _one_of("client-local", "random", "min-masters"),
        "a valid queue leader locator value",
    ),
    "initial-cluster-size": (_at_least(0), "a valid cluster size"),
    "stream-max-segment-size-bytes": (
        lambda value: _integer(value) and 0 <= value <= SEGMENT_BYTES_MAX,
        "a valid segment size",
    ),
    "stream-filter-size-bytes": (
        lambda value: _integer(value) and value in FILTER_BYTES,
        "a valid filter size. Valid range is 16-255",
    ),
    "target-group-size": (_at_least(1), "a valid qq target count value"),
    "member-placement-tag": (
        _named,
        "a valid member-placement-tag value. Must be a non-empty string",
    ),
    "delayed-retry-type": (
        _one_of(*RETRIES),
        "a valid delayed retry type. Must be one of: all, failed, returned, disabled",
    ),
    "delayed-retry-min": (
        _at_least(1),
        "a valid delayed retry minimum delay. Must be a positive integer",
    ),
    "delayed-retry-max": (
        _at_least(1),
        "a valid delayed retry maximum delay. Must be a positive integer",
    ),
    # Ours
    "message-deduplication": (_boolean, "true or false"),
    "deduplication-window": (_at_least(1), "a valid deduplication window"),
}
_OPERATORS = (
    *("expires", "message-ttl", "max-length", "max-length-bytes", "max-in-memory-length"),
    *("max-in-memory-bytes", "delivery-limit", "queue-version", "overflow", "target-group-size"),
    *("member-placement-tag", "delayed-retry-type", "delayed-retry-min", "delayed-retry-max"),
    "queue-master-locator",
)
OPERATORS = {key: SETTINGS[key] for key in _OPERATORS}


def check_limits(kind: str, limits: Any, known: Iterable[str]) -> None:
    """Refuse limits that are none. `kind`: what RabbitMQ calls them."""
    if errors := wrong_limits(kind, limits, known):
        raise failed(errors)


def wrong_limits(kind: str, limits: Any, known: Iterable[str]) -> list[str]:
    """Return what is wrong with limits."""
    if not isinstance(limits, Mapping):
        return [f"{kind} not a list {term(limits)}"]
    errors = [
        f"{key} should be a number, actually was {term(limits[key])}"
        for key in known
        if key in limits and not (_integer(limits[key]) and abs(limits[key]) <= NUMBER_MAX)
    ]
    if strange := {key: value for key, value in limits.items() if key not in known}:
        errors.insert(0, f"Unrecognised terms {pairs(strange)} in {kind}")
    return errors

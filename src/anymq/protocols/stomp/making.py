"""Making: queues that a destination asks for, with what headers say about them.

Rights are asked as for AMQP's declarations, also where the queue is there already: as in RabbitMQ.
"""

from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import md5
from typing import Any

from anymq.core.errors import Invalid, PreconditionFailed
from anymq.core.message import Long
from anymq.core.rights.permit import CONFIGURE, READ, WRITE
from anymq.core.routing.target import Then
from anymq.core.selectors.selector import ARGUMENT as SELECTOR
from anymq.core.vhosts.kinds import AnyQueue
from anymq.protocols.stomp.destinations import Kind
from anymq.protocols.stomp.ground import Ground

DECLARED_MAX = 10_000  # names that a connection remembers
PREFIX = "stomp-subscription-"
DEAD_LETTER_EXCHANGE = "x-dead-letter-exchange"

TEXT_ARGUMENTS = (
    *(DEAD_LETTER_EXCHANGE, "x-dead-letter-routing-key", "x-max-age", "x-queue-type"),
    *("x-overflow", "x-queue-mode", "x-queue-leader-locator", "x-dead-letter-strategy"),
)
NUMBER_ARGUMENTS = (
    *("x-expires", "x-max-length", "x-max-length-bytes", "x-max-priority", "x-message-ttl"),
    *("x-stream-max-segment-size-bytes", "x-stream-filter-size-bytes", "x-delivery-limit"),
)
YES_ARGUMENTS = ("x-single-active-consumer",)
ARGUMENTS = frozenset((*TEXT_ARGUMENTS, *NUMBER_ARGUMENTS, *YES_ARGUMENTS))


@dataclass(frozen=True, slots=True)
class Terms:
    """How a queue is to be."""

    durable: bool
    auto_delete: bool
    exclusive: bool
    arguments: Mapping[str, Any]


def is_true(headers: Mapping[str, str], name: str, default: bool = False) -> bool:
    """Return what a header says, or the default where it says nothing that we know."""
    return {"true": True, "True": True, "false": False, "False": False}.get(
        headers.get(name, ""), default
    )


def number_of(headers: Mapping[str, str], name: str) -> int | None:
    """Return the number in a header; Invalid when there is something else."""
    text = headers.get(name)
    if text is None:
        return None
    text = text.strip()
    digits = text[1:] if text[:1] in "+-" else text
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= 18):
        raise Invalid(f"{name} is no number: '{text}'")
    return int(text)


def terms_of(kind: Kind, headers: Mapping[str, str], *, subscribes: bool) -> Terms:
    """Return how the queue of a destination is to be, by headers and RabbitMQ's defaults.

    What does not last is this connection's alone, and goes with its last consumer.
    """
    lasts = is_true(headers, "durable", kind is Kind.QUEUE)
    if subscribes and "durable" not in headers:  # as it was called once
        lasts = is_true(headers, "persistent", lasts)
    arguments = arguments_of(headers)
    if subscribes and kind is not Kind.QUEUE:
        arguments.update(selector_argument(headers))  # what is not wanted never gets there
    if not lasts:
        return Terms(False, True, True, arguments)
    return Terms(
        True,
        is_true(headers, "auto-delete", kind is not Kind.QUEUE),
        is_true(headers, "exclusive", kind is Kind.EXCHANGE),
        arguments,
    )


def arguments_of(headers: Mapping[str, str]) -> dict[str, Any]:
    """Return the arguments of a queue that are among headers."""
    if not any(name.startswith("x-") for name in headers):
        return {}
    arguments: dict[str, Any] = {
        name: headers[name].strip() for name in TEXT_ARGUMENTS if name in headers
    }
    for name in NUMBER_ARGUMENTS:
        number = number_of(headers, name)
        if number is not None:
            arguments[name] = Long(number)
    for name in YES_ARGUMENTS:
        if name in headers:
            arguments[name] = is_true(headers, name)
    return arguments


def selector_argument(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the condition of a subscription, as the argument that consumers and queues know."""
    selector = headers.get("selector", "")
    return {SELECTOR: selector} if selector.strip() else {}


def check_same_selector(queue: AnyQueue, terms: Terms) -> None:
    """Refuse to come back to a subscription that is there with another condition."""
    there, asked = queue.arguments.get(SELECTOR), terms.arguments.get(SELECTOR)
    if there != asked:
        raise PreconditionFailed(f"queue '{queue.name}' has another selector: '{there or ''}'")


def subscription_name(ground: Ground, key: str, headers: Mapping[str, str]) -> str:
    """Return the name of a subscription's queue: of a durable one the same every time.

    It is the name that RabbitMQ gives, so that queues brought from there are found.
    """
    named = headers.get("x-queue-name")
    if named is not None:
        return named
    if not (is_true(headers, "durable") or is_true(headers, "persistent")):
        return ground.vhost.new_name(PREFIX)
    names = [_named_as(key, headers.get("id", ""), write) for write in (_as_list, _as_binary)]
    return next((name for name in names if name in ground.vhost.queues), names[0])


def _named_as(key: str, id_: str, write: Callable[[bytes], bytes]) -> str:
    """Return the hash of `term_to_binary({Key, Id})`, as Erlang would write it."""
    pair = b"\x83h\x02" + write(key.encode()) + write(id_.encode())
    digest = md5(pair, usedforsecurity=False).digest()
    return PREFIX + urlsafe_b64encode(digest).rstrip(b"=").decode()


def _as_list(text: bytes) -> bytes:
    """A text as RabbitMQ has it up to 4.3."""
    return b"k" + len(text).to_bytes(2, "big") + text if text else b"j"


def _as_binary(text: bytes) -> bytes:
    """A text as RabbitMQ has it after that."""
    return b"m" + len(text).to_bytes(4, "big") + text


def make_sure(ground: Ground, name: str, terms: Terms, wait: Callable[[], Then]) -> AnyQueue:
    """Return a queue, made if it is not there. `wait` gives what to call when it will survive."""
    vhost, permit = ground.vhost, ground.permit
    permit.queue(CONFIGURE, name)
    dead_letters = terms.arguments.get(DEAD_LETTER_EXCHANGE)
    if dead_letters is not None:
        permit.queue(READ, name)
        permit.exchange(WRITE, dead_letters)
    if name in vhost.queues:
        return vhost.queue(name, ground.owner)
    return vhost.declare_queue(
        name,
        durable=terms.durable,
        owner=ground.owner if terms.exclusive else None,
        auto_delete=terms.auto_delete,
        arguments=terms.arguments,
        then=wait(),
    )


def make_sure_once(
    ground: Ground, name: str, headers: Mapping[str, str], wait: Callable[[], Then]
) -> None:
    """Let there be the queue of a `/queue/NAME`, the first time that this client sends there."""
    is_there = name in ground.vhost.queues
    if is_there and name in ground.declared:
        return
    if is_there:
        ground.permit.queue(CONFIGURE, name)
    else:
        make_sure(ground, name, terms_of(Kind.QUEUE, headers, subscribes=False), wait)
    if len(ground.declared) >= DECLARED_MAX:
        ground.declared.clear()
    ground.declared.add(name)

"""Dead letters: messages that a queue could not get rid of go to an exchange, with their history.

The header `x-death` tells it, the latest death first. Only what we wrote there counts: what a
client publishes with such a header begins anew, as since RabbitMQ 4.0. So the history's author is
in the message's form (`Died`), which is on disk with it.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any, Protocol

from anymq.core.errors import Refused, Unavailable
from anymq.core.message import Envelope, Form, Long, Message, Properties, Time, Traits
from anymq.core.queues.delivery import Delivery
from anymq.core.queues.queue_settings import QueueSettings
from anymq.core.queues.unwritten import Then
from anymq.core.steady import Steady
from anymq.core.taps import Taps
from anymq.observability.log import Log as News

REJECTED, EXPIRED, MAXLEN, DELIVERY_LIMIT = "rejected", "expired", "maxlen", "delivery_limit"
RETRY_MS = 5000  # what could not be stored, or must not be lost and no queue wanted
RETRIED_AT_ONCE = 500  # then others have their turn
PAUSE_MS = 20
TOLD_EVERY_MS = 60_000  # that letters were refused
DIED_NUMBERS = 32  # a form's number and this is that of its `Died`; both are below 64

Death = dict[str, Any]


news = News(__name__)


class Republish(Protocol):
    """How dead letters go out."""

    def __call__(self, exchange: str, routing_key: str, message: Message, then: Then) -> bool:
        """Publish it, except to queues in a dead-letter cycle; False: no queue wants it."""


class Died:
    """A form whose `x-death` is ours. The bytes are those of the form itself."""

    def __init__(self, form: Form) -> None:
        self.form = form
        self.number = form.number + DIED_NUMBERS

    def traits(self, properties: bytes) -> Traits:
        """As the form says."""
        return self.form.traits(properties)

    def read(self, properties: bytes) -> Properties:
        """As the form says."""
        return self.form.read(properties)

    def write(self, properties: Properties) -> bytes:
        """As the form says."""
        return self.form.write(properties)


_DIED: dict[int, Died] = {}


def died(form: Form) -> Died:
    """Return the form of messages that are of this form and died: one object for each."""
    if isinstance(form, Died):
        return form
    known = _DIED.get(form.number)
    if known is None or known.form is not form:
        known = _DIED[form.number] = Died(form)
    return known


def with_died(forms: Iterable[Form]) -> dict[int, Form]:
    """Return all forms that may be on disk, by their numbers."""
    return {one.number: one for form in forms for one in (form, died(form))}


def deaths_of(message: Message) -> list[Death]:
    """Return its history, the latest first: as far as we wrote it."""
    if not isinstance(message.envelope.form, Died):
        return []
    deaths = message.read().headers.get("x-death")
    return list(deaths) if isinstance(deaths, list) else []


def is_cycle(queue_name: str, message: Message) -> bool:
    """Did it die in this queue before, and nobody rejected it since? Then it would go on for ever.

    Asked for each queue that a dead letter would go to.
    """
    for death in deaths_of(message):
        if death.get("reason") == REJECTED:
            return False
        if death.get("queue") == queue_name:
            return True
    return False


def copies_count(message: Message) -> bool:
    """Does it still go where its CC header says? Not after it died and was given another key."""
    deaths = deaths_of(message)
    if not deaths:
        return True
    keys = deaths[0].get("routing-keys")
    return isinstance(keys, list) and keys[:1] == [message.envelope.routing_key]


def dead_letter(
    message: Message, queue_name: str, reason: str, now_ms: int, settings: QueueSettings
) -> Message:
    """Return the message as it goes on: with its history, under its new address."""
    assert settings.dead_letter_exchange is not None
    old, properties = message.envelope, message.read()
    headers = dict(properties.headers)
    deaths = deaths_of(message)
    headers["x-death"] = record_death(deaths, message, properties, queue_name, reason, now_ms)
    last = {"reason": reason, "queue": queue_name, "exchange": old.exchange}
    for name, value in last.items():
        if not deaths:
            headers[f"x-first-death-{name}"] = value
        headers[f"x-last-death-{name}"] = value
    key = settings.dead_letter_routing_key
    envelope = _envelope(
        settings.dead_letter_exchange, old.routing_key if key is None else key, died(old.form)
    )
    # Without its expiration, or it would expire again where it goes to.
    written = envelope.form.write(replace(properties, headers=headers, expiration=None))
    return Message(envelope, written, message.body, now_ms)


def record_death(
    deaths: list[Death],
    message: Message,
    properties: Properties,
    queue_name: str,
    reason: str,
    now_ms: int,
) -> list[Death]:
    """Return the history with one death more; the same one again is counted."""
    for death in deaths:
        if (death.get("queue"), death.get("reason")) == (queue_name, reason):
            again = {**death, "count": Long(death.get("count", 0) + 1)}
            return [again, *(other for other in deaths if other is not death)]
    first: Death = {
        "count": Long(1),
        "reason": reason,
        "queue": queue_name,
        "time": Time(now_ms // 1000),
        "exchange": message.envelope.exchange,
        "routing-keys": [
            message.envelope.routing_key,
            *(_copies(properties.headers) if copies_count(message) else ()),
        ],
    }
    if properties.expiration is not None:
        first = {"original-expiration": properties.expiration, **first}
    return [first, *deaths]


def _copies(headers: Mapping[str, Any]) -> list[str]:
    copies = headers.get("CC")
    return [key for key in copies if isinstance(key, str)] if isinstance(copies, list) else []


@lru_cache(maxsize=1000)
def _envelope(exchange: str, routing_key: str, form: Died) -> Envelope:
    """One object for dead letters with one address: protocols keep what they encode by it."""
    return Envelope(exchange, routing_key, form)


class DeadLetters:
    """Those of one queue that are on their way: each is settled here when it is safe there."""

    __slots__ = (
        "_due",
        "_queue_name",
        "_republish",
        "_settle",
        "_steady",
        "_stuck",
        "_taps",
        "_told_ms",
        "_waiting",
        "in_flight",
        "open",
        "refused",
        "sent",
    )

    def __init__(
        self,
        queue_name: str,
        steady: Steady,
        republish: Republish,
        settle: Callable[[list[int]], None],
        taps: Taps,
    ) -> None:
        self._queue_name = queue_name
        self._steady = steady
        self._republish = republish
        self._settle = settle
        self._taps = taps
        self._stuck: list[_Sending] = []  # to be tried again,
        self._due: list[_Sending] = []  # and those whose turn it is
        self._waiting = False  # for that time
        self._told_ms: int | None = None  # when we said last that letters were refused
        self.in_flight = 0
        self.sent = 0
        self.refused = 0  # by a queue that was full: they are gone
        self.open = True

    def send(self, deliveries: Iterable[Delivery], reason: str, settings: QueueSettings) -> None:
        """Have these go on; they are taken from the line and stay so until they are safe."""
        for delivery in deliveries:
            message = self._made(delivery.message, reason, settings)
            self.in_flight += 1
            self._send(_Sending(delivery.position, message, settings.at_least_once))

    def send_refused(self, message: Message, settings: QueueSettings) -> None:
        """Have this go on, which was never in the queue: it was full."""
        letter = self._made(message, MAXLEN, settings)
        self._republish(letter.envelope.exchange, letter.envelope.routing_key, letter, _ignore)

    def _made(self, message: Message, reason: str, settings: QueueSettings) -> Message:
        self.sent += 1
        letter = dead_letter(message, self._queue_name, reason, self._steady.now_ms(), settings)
        if (tap := self._taps.tap) is not None:
            tap.died(self._queue_name, message, letter, reason)
        return letter

    def _send(self, sending: "_Sending") -> None:
        envelope = sending.message.envelope
        then = partial(self._answered, sending)
        sending.routed = None
        routed = self._republish(envelope.exchange, envelope.routing_key, sending.message, then)
        sending.routed = routed or not sending.must_arrive
        self._look_at(sending)

    def _answered(self, sending: "_Sending", error: Exception | None) -> None:
        sending.answered = True
        sending.error = error
        self._look_at(sending)

    def _look_at(self, sending: "_Sending") -> None:
        """Both are needed, in any order: where it went, and whether it is safe there."""
        if not sending.answered or sending.routed is None or not self.open:
            return
        refused = not sending.must_arrive and _is_final(sending.error)
        if refused:
            self._note_refused(sending)
        if refused or (sending.error is None and sending.routed):
            self.in_flight -= 1
            self._settle([sending.position])
            return
        sending.answered = False
        self._stuck.append(sending)
        if not self._waiting:
            self._try_again_in(RETRY_MS)

    def _note_refused(self, sending: "_Sending") -> None:
        """As in RabbitMQ it is gone; and it is, also where another queue has taken it."""
        self.refused += 1
        now_ms = self._steady.now_ms()
        if self._told_ms is None or now_ms - self._told_ms >= TOLD_EVERY_MS:
            self._told_ms = now_ms
            news.warning(
                "dead letters were refused, and are gone",
                queue=self._queue_name,
                count=self.refused,
                reason=str(sending.error),
            )

    def _try_again_in(self, ms: int) -> None:
        self._waiting = True
        self._steady.at(self._steady.now_ms() + ms, self._again)

    def _again(self) -> None:
        """Send what is stuck, some at a time: what is stuck again waits for the next round."""
        if not self.open:
            return
        if not self._due:
            self._due, self._stuck = self._stuck, []
        due, self._due = self._due[:RETRIED_AT_ONCE], self._due[RETRIED_AT_ONCE:]
        for sending in due:
            self._send(sending)
        self._waiting = False
        if self._due or self._stuck:
            self._try_again_in(PAUSE_MS if self._due else RETRY_MS)


class _Sending:
    """One on its way."""

    __slots__ = ("answered", "error", "message", "must_arrive", "position", "routed")

    def __init__(self, position: int, message: Message, must_arrive: bool) -> None:
        self.position = position
        self.message = message
        self.must_arrive = must_arrive
        self.answered = False
        self.error: Exception | None = None
        self.routed: bool | None = None  # not known yet


def _is_final(error: Exception | None) -> bool:
    """Would it be refused again? What the disk could not keep may be tried again."""
    return isinstance(error, Refused) and not isinstance(error, Unavailable)


def _ignore(_: Exception | None) -> None:
    """Nobody waits for it."""

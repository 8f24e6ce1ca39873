"""SysTree: figures of the broker as topics below `$SYS/`, by mosquitto's names.

They are messages for subscribers of such filters only: they are on no exchange, so nobody else gets
them, and nobody can publish there.
"""

from collections.abc import Iterator, Mapping
from itertools import islice
from math import exp
from typing import TYPE_CHECKING

import anymq
from anymq.core.message import Envelope, Message, Run
from anymq.protocols.mqtt import topics
from anymq.protocols.mqtt.codec import Kind
from anymq.protocols.mqtt.form import MQTT_FORM, RETAIN, packed
from anymq.protocols.mqtt.kept import RetainedMessage
from anymq.protocols.mqtt.mailbox import Mailbox
from anymq.protocols.mqtt.properties import NOTHING
from anymq.protocols.mqtt.retained import Found

if TYPE_CHECKING:
    from anymq.protocols.mqtt.mqtt import Mqtt

MINUTES = (1, 5, 15)  # over which rates are averaged
LOOKED_AT_MAX = 10_000  # sessions: of more, what is in them is counted of these only
PROPERTIES = packed(RETAIN, "", NOTHING)
MAYBE = ("administrator", "monitoring")  # the tags of who may know all that


class SysTree:
    """One for all virtual hosts. It looks around every so often, as long as the broker runs."""

    def __init__(self, mqtt: "Mqtt") -> None:
        self._mqtt = mqtt
        self._watching: dict[Mailbox, None] = {}
        self._told: Mapping[str, str] = {}
        self._counted: Mapping[str, int] = {}
        self._loads: dict[str, float] = {}
        self._began = self._looked = mqtt.broker.clock.monotonic()
        self._most = self._expired = 0

    def begin(self) -> None:
        """From now on."""
        self._counted = self._counts()
        self._later()

    def may_read(self, user: str) -> bool:
        """May this user know what goes on everywhere?"""
        return not set(MAYBE).isdisjoint(self._mqtt.broker.users.tags_of(user))

    def watch(self, mailbox: Mailbox) -> None:
        """It is to be told what changes, while its client is there and has such filters."""
        self._watching[mailbox] = None

    def match(self, filter_: str) -> Iterator[Found | None]:
        """Yield the figures that a filter asks for, as if they were retained."""
        now_ms = self._mqtt.broker.now_ms()
        for name, value in self._values().items():
            if topics.matches(filter_, name):
                yield name, RetainedMessage.of(PROPERTIES, value.encode(), now_ms)

    def count_expired(self) -> None:
        """A session has expired."""
        self._expired += 1

    # Within

    def _later(self) -> None:
        seconds = self._mqtt.settings.sys_interval_s
        if seconds:
            self._mqtt.after(seconds, self._look)

    def _look(self) -> None:
        now = self._mqtt.broker.clock.monotonic()
        self._most = max(self._most, len(self._mqtt.connected))
        self._average(now - self._looked)
        self._looked = now
        self._watching = {one: None for one in self._watching if _is_here(one)}
        values = self._values() if self._watching else {}
        changed = {name: value for name, value in values.items() if self._told.get(name) != value}
        self._told = values
        for mailbox in self._watching:
            self._tell(mailbox, changed)
        self._mqtt.broker.turn.run()
        self._later()

    def _tell(self, mailbox: Mailbox, changed: Mapping[str, str]) -> None:
        queue, now_ms = mailbox.queue, self._mqtt.broker.now_ms()
        filters = [name for name in mailbox.subscriptions if topics.is_sys(name)]
        for name, value in changed.items():
            if queue is not None and any(topics.matches(one, name) for one in filters):
                envelope = Envelope(topics.EXCHANGE, topics.swapped(name), MQTT_FORM)
                message = Message(envelope, PROPERTIES, value.encode(), now_ms)
                queue.push(Run([message], persistent=False), None)

    def _counts(self) -> dict[str, int]:
        mqtt = self._mqtt
        packets, received, sent = mqtt.counters.packets, *mqtt.bytes_moved()
        return {
            "messages/received": sum(packets.values()),
            "publish/received": packets[Kind.PUBLISH],
            "publish/sent": mqtt.counters.delivered,
            "publish/dropped": mqtt.counters.dropped,
            "bytes/received": received,
            "bytes/sent": sent,
            "connections": packets[Kind.CONNECT],
        }

    def _average(self, seconds: float) -> None:
        """Follow the rates, per minute, as mosquitto does."""
        counts = self._counts()
        for name, count in counts.items():
            rate = (count - self._counted.get(name, 0)) * 60 / max(seconds, 1e-9)
            for minutes in MINUTES:
                key, fading = f"{name}/{minutes}min", exp(-seconds / (60 * minutes))
                self._loads[key] = rate + (self._loads.get(key, 0.0) - rate) * fading
        self._counted = counts

    def _values(self) -> dict[str, str]:
        counts, clients = self._counts(), self._clients()
        some = list(islice(self._mqtt.mailboxes.values(), LOOKED_AT_MAX))
        shared = [n for one in some for n in one.subscriptions if topics.is_shared(n)]
        every = sum(len(one.subscriptions) for one in some)
        uptime_s = int(self._mqtt.broker.clock.monotonic() - self._began)
        figures: dict[str, object] = {
            "version": f"anymq version {anymq.__version__}",
            "uptime": f"{uptime_s} seconds",
            **{f"clients/{name}": count for name, count in clients.items()},
            "messages/received": counts["messages/received"],
            "publish/messages/received": counts["publish/received"],
            "publish/messages/sent": counts["publish/sent"],
            "publish/messages/dropped": counts["publish/dropped"],
            "bytes/received": counts["bytes/received"],
            "bytes/sent": counts["bytes/sent"],
            "subscriptions/count": every,
            "shared_subscriptions/count": len(set(shared)),
            "retained messages/count": self._mqtt.room.count,
            "store/messages/count": sum(_waiting(one) for one in some),
            "store/messages/bytes": sum(_waiting_bytes(one) for one in some),
            **{f"load/{name}": f"{load:.2f}" for name, load in self._loads.items()},
        }
        return {f"{topics.SYS_PREFIX}broker/{name}": str(one) for name, one in figures.items()}

    def _clients(self) -> dict[str, int]:
        here, total = len(self._mqtt.connected), len(self._mqtt.mailboxes)
        return {
            "total": total,
            "connected": here,
            "active": here,
            "disconnected": total - here,
            "inactive": total - here,
            "maximum": max(self._most, here),
            "expired": self._expired,
        }


def _is_here(mailbox: Mailbox) -> bool:
    return mailbox.carrier is not None and any(map(topics.is_sys, mailbox.subscriptions))


def _waiting(mailbox: Mailbox) -> int:
    return 0 if mailbox.queue is None else mailbox.queue.waiting


def _waiting_bytes(mailbox: Mailbox) -> int:
    return 0 if mailbox.queue is None else mailbox.queue.ready_bytes

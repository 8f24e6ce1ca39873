"""Mqtt: what all MQTT sessions share: mailboxes, retained messages, wills."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from anymq.core.broker import Broker
from anymq.core.errors import NotAllowed, Unavailable
from anymq.core.message import Message
from anymq.core.queues.queue import Queue
from anymq.core.routing.target import Then
from anymq.core.timers import Timer
from anymq.core.vhosts.vhost import VirtualHost
from anymq.observability.log import Log
from anymq.protocols.memory import Memory
from anymq.protocols.mqtt import topics
from anymq.protocols.mqtt.counters import Counters
from anymq.protocols.mqtt.errors import Reason
from anymq.protocols.mqtt.kept import InFlight, Kept, Place, RetainedMessage, ignore
from anymq.protocols.mqtt.mailbox import NEVER, Carrier, Mailbox, share_queue_name
from anymq.protocols.mqtt.retained import Retained, Room
from anymq.protocols.mqtt.settings import MqttSettings
from anymq.protocols.mqtt.sys_tree import SysTree
from anymq.protocols.mqtt.wills import Wills
from anymq.protocols.session import Traffic
from anymq.security.gate import Gate
from anymq.security.users import Users

if TYPE_CHECKING:
    from anymq.protocols.mqtt.conversation import Conversation

log = Log("anymq.mqtt")


@dataclass(slots=True)
class Mqtt:
    """One for all listeners."""

    broker: Broker
    settings: MqttSettings  # may be replaced
    users: Users
    gate: Gate
    counters: Counters
    memory: Memory
    kept: Kept
    connected: "set[Conversation]" = field(default_factory=set)
    mailboxes: dict[Place, Mailbox] = field(default_factory=dict)
    _retained: dict[str, Retained] = field(default_factory=dict)
    room: Room = field(default_factory=lambda: Room(0, 0))
    _shares: dict[tuple[str, str], dict[Mailbox, int]] = field(default_factory=dict)
    _ends: dict[Place, Timer] = field(default_factory=dict)
    _watched: set[VirtualHost] = field(default_factory=set)
    gone: Traffic = field(default_factory=Traffic)  # of connections that are no more
    wills: Wills = field(init=False)
    sys: SysTree = field(init=False)

    def __post_init__(self) -> None:
        self.wills = Wills(self.broker, self.kept, self.counters, self.retained, self.mailboxes.get)
        self.sys = SysTree(self)

    def begin(self) -> None:
        """Find what there was before the restart."""
        self.room.count_max = self.settings.retained_max
        self.room.bytes_max = self.settings.retained_bytes_max
        for place, message in list(self.kept.retained()):
            if place[0] in self.broker.vhosts:
                self.retained(place[0]).restore(place[1], message)
            else:
                self.kept.put_retained(place, None, ignore)
        in_flight = self.kept.in_flight(self.broker.has)
        now_ms = self.broker.now_ms()
        for place, record in list(self.kept.sessions()):
            vhost = self.broker.vhosts.get(place[0])
            half_done = in_flight.pop(place, None)
            if vhost is None:
                self.kept.forget(place, half_done or InFlight())
                continue
            mailbox = Mailbox(vhost, place[1], record.user, self.settings)
            mailbox.restore(record, half_done)
            self.mailboxes[place] = mailbox
            self._watch(vhost)
            self._note_shares(mailbox)
            if not mailbox.expires_ms and mailbox.expiry_s != NEVER:
                mailbox.expires_ms = now_ms + mailbox.expiry_s * 1000
            self._await_end(mailbox)
        for place, half_done in in_flight.items():  # of sessions that are over
            self.kept.forget(place, half_done)
        self.wills.restore()
        self.sys.begin()

    def say_goodbye(self) -> None:
        """Tell everybody that the broker ends."""
        for carrier in list(self.connected):
            carrier.end(Reason.SHUTTING_DOWN, "the broker stops")

    def bytes_moved(self) -> tuple[int, int]:
        """Return how many bytes came and went, over all connections there are and were."""
        every = [self.gone, *(one.peer.traffic for one in self.connected)]
        return sum(one.received for one in every), sum(one.sent for one in every)

    def retained(self, vhost_name: str) -> Retained:
        """Return the retained messages of a virtual host."""
        found = self._retained.get(vhost_name)
        if found is None:
            found = self._retained[vhost_name] = Retained(vhost_name, self.kept, self.room)
            vhost = self.broker.vhosts.get(vhost_name)
            if vhost is not None:
                self._watch(vhost)
        return found

    def retain(self, vhost_name: str, message: Message, then: Then) -> None:
        """Retain what comes from another broker, where it is; Unavailable when it is too much."""
        topic = topics.name_of(message.envelope.routing_key)
        if topic is None:
            then(None)
            return
        kept = RetainedMessage.of(message.properties, message.body, message.timestamp_ms)
        self.retained(vhost_name).put(topic, kept if message.body else None, then)

    # Mailboxes

    def open(
        self, vhost: VirtualHost, client_id: str, user: str, carrier: Carrier, *, clean: bool
    ) -> tuple[Mailbox, bool]:
        """Return the mailbox of a client, and whether it was there. Who is there has to leave."""
        place = (vhost.name, client_id)
        found = self.mailboxes.get(place)
        if found is not None:
            if found.user != user:
                raise NotAllowed(f"client {client_id!r} is that of another user")
            if found.carrier is not None:
                found.carrier.end(Reason.TAKEN_OVER, "the same client came again")
            found = self.mailboxes.get(place)  # it may have ended with that
        if found is not None and clean:
            self.close(found)
            found = None
        if found is not None:
            self._stay(found, carrier)
            return found, True
        if len(self.mailboxes) >= self.settings.sessions_max:
            raise Unavailable(f"there are {len(self.mailboxes)} sessions, no more are allowed")
        mailbox = self.mailboxes[place] = Mailbox(vhost, client_id, user, self.settings)
        self._watch(vhost)
        mailbox.carrier = carrier
        return mailbox, False

    def save(self, mailbox: Mailbox, then: Then = ignore, changed: Iterable[str] = ()) -> None:
        """Keep what a mailbox is now. `changed`: filters that it has subscribed to, or no more."""
        if mailbox.durable and self.mailboxes.get(mailbox.place) is mailbox:
            if not mailbox.is_kept:
                mailbox.is_kept, changed = True, mailbox.subscriptions
            records = mailbox.records_of(changed)
            self.kept.put_session(mailbox.place, mailbox.record, then, records)
        else:
            then(None)

    def leave(self, mailbox: Mailbox) -> None:
        """Its client is gone, and may come back."""
        mailbox.carrier = None
        if not mailbox.lasts:
            self.close(mailbox)
            return
        if mailbox.expiry_s != NEVER:
            mailbox.expires_ms = self.broker.now_ms() + mailbox.expiry_s * 1000
        self.save(mailbox)
        self._await_end(mailbox)

    def close(self, mailbox: Mailbox) -> None:
        """It is over, and everything in it."""
        if self.mailboxes.get(mailbox.place) is not mailbox:
            return
        del self.mailboxes[mailbox.place]
        if (timer := self._ends.pop(mailbox.place, None)) is not None:
            timer.cancel()
        for name in list(mailbox.subscriptions):
            self.drop_share(mailbox, name)
        mailbox.end()
        self._forget(mailbox)
        self.wills.send_now(mailbox.place)

    def _forget(self, mailbox: Mailbox) -> None:
        if mailbox.is_kept:
            self.kept.forget(mailbox.place, mailbox.in_flight)

    def _stay(self, mailbox: Mailbox, carrier: Carrier) -> None:
        mailbox.carrier = carrier
        mailbox.expires_ms = 0
        if (timer := self._ends.pop(mailbox.place, None)) is not None:
            timer.cancel()
        self.wills.drop(mailbox.place)  # it came back in time

    def _await_end(self, mailbox: Mailbox) -> None:
        if not mailbox.expires_ms:
            return
        seconds = max(0, mailbox.expires_ms - self.broker.now_ms()) / 1000
        self._ends[mailbox.place] = self.after(seconds, partial(self._expire, mailbox))

    def _expire(self, mailbox: Mailbox) -> None:
        if mailbox.carrier is None:
            log.info("an MQTT session expired", client=mailbox.client_id)
            self.sys.count_expired()
            self.close(mailbox)
            self.broker.turn.run()

    # What is shared

    def add_share(self, mailbox: Mailbox, name: str) -> None:
        """It has this shared subscription."""
        share = topics.shared(name)
        if share is not None:
            key = (mailbox.vhost.name, share_queue_name(share))
            self._shares.setdefault(key, {})[mailbox] = 1

    def drop_share(self, mailbox: Mailbox, name: str) -> None:
        """It has it no more; the queue goes with the last."""
        share = topics.shared(name)
        if share is None:
            return
        key = (mailbox.vhost.name, share_queue_name(share))
        members = self._shares.get(key, {})
        members.pop(mailbox, None)
        if not members:
            self._shares.pop(key, None)
            queue = mailbox.vhost.queues.get(key[1])
            if isinstance(queue, Queue):
                mailbox.vhost.unmake(queue, ignore)

    def _note_shares(self, mailbox: Mailbox) -> None:
        for name in mailbox.subscriptions:
            self.add_share(mailbox, name)

    # Within

    def after(self, seconds: float, act: Callable[[], None]) -> Timer:
        """Do something later."""
        return self.broker.timers.at(self.broker.clock.monotonic() + seconds, act)

    def _watch(self, vhost: VirtualHost) -> None:
        """Hear of the end of a virtual host."""
        if vhost not in self._watched:
            self._watched.add(vhost)
            vhost.on_end[partial(self._forget_vhost, vhost)] = None

    def _forget_vhost(self, vhost: VirtualHost) -> None:
        self._watched.discard(vhost)
        for mailbox in [one for one in self.mailboxes.values() if one.vhost is vhost]:
            if mailbox.carrier is not None:
                mailbox.carrier.end(Reason.ADMINISTRATIVE, f"vhost '{vhost.name}' is deleted")
            self.mailboxes.pop(mailbox.place, None)
            self.wills.drop(mailbox.place)
            if (timer := self._ends.pop(mailbox.place, None)) is not None:
                timer.cancel()
            self._forget(mailbox)
        if (retained := self._retained.pop(vhost.name, None)) is not None:
            retained.clear()

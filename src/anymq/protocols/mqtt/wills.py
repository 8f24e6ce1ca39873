"""Wills: what is published for clients that are lost, now or after a while.

Those of sessions that are kept are on the disk from CONNECT on. So a restart knows of those that
wait for their time, and of clients that were there when the broker died: they are lost as well.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from anymq.core.broker import Broker
from anymq.core.errors import Refused
from anymq.core.taps import Origin
from anymq.core.timers import Timer
from anymq.observability.log import Log
from anymq.protocols.mqtt import properties as props
from anymq.protocols.mqtt.codec import Will
from anymq.protocols.mqtt.counters import Counters
from anymq.protocols.mqtt.incoming import Ground, Publisher
from anymq.protocols.mqtt.kept import Kept, Place, WillRecord, ignore
from anymq.protocols.mqtt.mailbox import Mailbox
from anymq.protocols.mqtt.properties import P
from anymq.protocols.mqtt.reader import Reader
from anymq.protocols.mqtt.retained import Retained
from anymq.protocols.mqtt.settings import MqttSettings
from anymq.protocols.mqtt.wire import Wire
from anymq.protocols.session import Outbox

log = Log("anymq.mqtt")


@dataclass(frozen=True, slots=True)
class Waiting:
    """A will, and when it is published unless its client comes back; not yet: it is there."""

    record: WillRecord
    is_kept: bool
    timer: Timer | None = None


class Wills:
    """All of them."""

    def __init__(
        self,
        broker: Broker,
        kept: Kept,
        counters: Counters,
        retained_of: Callable[[str], Retained],
        find: Callable[[Place], Mailbox | None],
    ) -> None:
        self._broker = broker
        self._kept = kept
        self._counters = counters
        self._retained_of = retained_of
        self._find = find
        self._wills: dict[Place, Waiting] = {}

    def restore(self) -> None:
        """Take up those of before the restart."""
        for place, record in list(self._kept.wills()):
            if self._find(place) is None:
                self._kept.put_will(place, None)
                continue
            self._wills[place] = Waiting(record, is_kept=True)
            if record.due_ms:
                self._wait(place, record.due_ms)
            else:  # its client was there when the broker died
                self.lost(place)

    def note(self, mailbox: Mailbox, will: Will, user: str, host: str) -> None:
        """A client came, and this is its will."""
        record = WillRecord(
            user,
            host,
            will.topic,
            will.payload,
            will.qos,
            will.retain,
            props.write(will.properties),
        )
        self._wills[mailbox.place] = Waiting(record, mailbox.lasts)
        if mailbox.lasts:
            self._kept.put_will(mailbox.place, record)

    def drop(self, place: Place) -> None:
        """It is not to be published."""
        waiting = self._wills.pop(place, None)
        if waiting is None:
            return
        if waiting.timer is not None:
            waiting.timer.cancel()
        if waiting.is_kept:
            self._kept.put_will(place, None)

    def lost(self, place: Place) -> None:
        """Its client is lost: publish it, after its delay if the session lasts."""
        waiting = self._wills.get(place)
        mailbox = self._find(place)
        if waiting is None:
            return
        delay_s = int(will_of(waiting.record).properties.get(P.WILL_DELAY, 0))
        if not delay_s or mailbox is None or not mailbox.lasts:
            self.send_now(place)
            return
        due_ms = self._broker.now_ms() + delay_s * 1000
        if waiting.is_kept:
            record = waiting.record.due(due_ms)
            self._wills[place] = replace(waiting, record=record)
            self._kept.put_will(place, record)
        self._wait(place, due_ms)

    def send_now(self, place: Place) -> None:
        """It has waited long enough, or its session is over."""
        waiting = self._wills.get(place)
        if waiting is not None:
            self.drop(place)
            self._send(place, waiting.record)
            self._broker.turn.run()

    def _wait(self, place: Place, due_ms: int) -> None:
        seconds = max(0, due_ms - self._broker.now_ms()) / 1000
        at = self._broker.clock.monotonic() + seconds
        timer = self._broker.timers.at(at, partial(self.send_now, place))
        self._wills[place] = replace(self._wills[place], timer=timer)

    def _send(self, place: Place, record: WillRecord) -> None:
        vhost = self._broker.vhosts.get(place[0])
        if vhost is None:
            return
        mailbox = Mailbox(vhost, place[1], record.user, MqttSettings())  # for its name
        broker = self._broker
        permit = broker.users.permit(record.user, vhost.name, client_id=place[1], host=record.host)
        ground = Ground(
            vhost,
            permit,
            mailbox,
            self._kept,
            self._retained_of(vhost.name),
            broker.now_ms,
            broker.lines.witness,
        )
        wire = Wire(Outbox(_nobody), self._counters)
        wire.who = Origin("mqtt", place[1], 0, record.user)
        publisher = Publisher(ground, wire)
        try:
            publisher.check(record.topic)
            publisher.publish(will_of(record), record.topic, ignore)
        except Refused as error:
            log.warning("a will was refused", client=place[1], reason=error)


def will_of(record: WillRecord) -> Will:
    """Return the will that was kept."""
    data = record.properties
    said = props.read(Reader(data, 0, len(data)), props.WILL_MAY)
    return Will(record.topic, record.payload, record.qos, record.retain, said)


def _nobody() -> None:
    """Nobody is connected."""

"""Half messages as RocketMQ's clients send them: kept, brought to their topics, asked about."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from anymq.core.errors import Refused, Unavailable
from anymq.core.queues.delays import LOG_ID as DELAYS_LOG_ID
from anymq.core.rights.access import Access
from anymq.core.rights.operations import Kind, Operation
from anymq.core.streams.topic import Topic
from anymq.core.taps import BROKER
from anymq.core.transactions import halves
from anymq.core.transactions.fates import Outcome
from anymq.core.transactions.half import Half
from anymq.core.transactions.open import Open
from anymq.core.transactions.transactions import Transactions
from anymq.protocols.rocketmq import layout
from anymq.protocols.rocketmq.codes import RequestCode
from anymq.protocols.rocketmq.convert import batch_of, lay_out, own_form, record_of
from anymq.protocols.rocketmq.errors import BadRequest
from anymq.protocols.rocketmq.form import Said, packed, unpacked
from anymq.protocols.rocketmq.layout import COMMIT, PREPARED, TRANSACTION_MASK
from anymq.storage import records
from anymq.storage.batch import read_header
from anymq.storage.records import Record

if TYPE_CHECKING:
    from anymq.protocols.rocketmq.rocketmq import RocketMq

HALF_TOPIC = "RMQ_SYS_TRANS_HALF_TOPIC"  # where RocketMQ keeps them; no client can read it
GIVEN_UP_TOPIC = "TRANS_CHECK_MAX_TIME_TOPIC"
TRAN_MSG, GROUP = "TRAN_MSG", "PGROUP"
_TRAN_MSG = TRAN_MSG.encode()
IMMUNITY = b"CHECK_IMMUNITY_TIME_IN_SECONDS"
IMMUNE_S_MAX = 7 * 86_400

Then = Callable[[Exception | None], None]
Ask = Callable[[Open, Half], bool]


def is_half(said: Said) -> bool:
    """Is it a message that waits for its sender's word?"""
    if said.sys_flag & TRANSACTION_MASK == PREPARED:
        return True
    if _TRAN_MSG not in said.properties:
        return False  # as of nearly all that are sent
    return layout.property_of(said.properties, _TRAN_MSG) in (b"true", b"TRUE", b"True")


def half_of(
    topic: str, queue: int, message: tuple[Said, bytes], group: str, user: str, now_ms: int
) -> Half:
    """Return what is kept of a message until it is committed."""
    said, body = message
    said = said._replace(sys_flag=said.sys_flag & ~TRANSACTION_MASK)
    key, headers = record_of(said)
    unique = layout.property_of(said.properties, layout.UNIQ_KEY.encode()) or b""
    own_group = layout.property_of(said.properties, GROUP.encode()) or b""
    return Half(
        topic=topic,
        partition=queue,
        group=own_group.decode(errors="replace") or group,
        transaction_id=unique.decode(errors="replace"),
        record=Record(body, key, records.headers_of(headers), now_ms),
        user=user,
        immune_ms=_immune_ms(said.properties),
    )


def said_of(half: Half) -> Said:
    """Return what the sender said of it."""
    form = own_form(records.encode_headers(half.record.headers))
    if form is None:  # we wrote it
        raise BadRequest("a half message that RocketMQ's clients did not write")
    return unpacked(form)


def _immune_ms(properties: bytes) -> int:
    """Return how long nobody is to ask: -1 where it does not say, or not in seconds."""
    said = layout.property_of(properties, IMMUNITY)
    if said is None or not said.isdigit() or len(said) > 9:
        return -1
    return 1000 * min(int(said), IMMUNE_S_MAX)


@runtime_checkable
class Tells(Protocol):
    """A connection by which a client can be asked."""

    store_host: bytes  # how this client calls us
    access: Access | None  # of the last user that it showed

    def tell(self, code: int, ext: Mapping[str, object], body: bytes = b"") -> None:
        """Tell the client something; it does not answer."""


class HalfMessages:
    """Where they go, and who is asked about them."""

    def __init__(self, rocketmq: "RocketMq", transactions: Transactions) -> None:
        self.transactions = transactions
        # Who else may be asked, each in this order: clients of other protocols.
        self.askers: list[Ask] = [self._ask_producer]
        self._rocketmq = rocketmq
        self._turns = 0

    def begin(self) -> None:
        """Go to work, beginning with what a restart interrupted."""
        self.transactions.begin(self._publish, self._ask)

    # Bringing them to their topics

    def _publish(self, one: Open, half: Half, then: Then) -> None:
        if one.outcome is Outcome.DISCARD:
            self._append(self._given_up_topic(), 0, one, half, then)
        elif not self._delay(one, half, then):
            self._append(self._rocketmq.broker.topic(half.topic), half.partition, one, half, then)

    def _delay(self, one: Open, half: Half, then: Then) -> bool:
        """Keep what is to come later with what else does; say whether it is. From now on."""
        delaying, witness = self._rocketmq.delaying, self._rocketmq.broker.lines.witness
        if witness.knows([DELAYS_LOG_ID]):
            then(None)  # it was there before a crash
            return True
        said = final(one, half)
        due = delaying.due(said.properties)
        if due is None:
            return False
        message = said, half.record.value or b""
        position = delaying.keep(half.topic, half.partition, message, due, then)
        witness.sends(DELAYS_LOG_ID, position)
        return True

    def _given_up_topic(self) -> Topic:
        """Return the topic for those of which nobody knew; Unavailable as long as it is made."""
        rocketmq = self._rocketmq
        if not rocketmq.making.is_there(GIVEN_UP_TOPIC):
            rocketmq.making.make(GIVEN_UP_TOPIC, 1, _ignore)
            raise Unavailable(f"the topic {GIVEN_UP_TOPIC} is being made")
        return rocketmq.broker.topic(GIVEN_UP_TOPIC)

    def _append(self, topic: Topic, queue: int, one: Open, half: Half, then: Then) -> None:
        partition = topic.partitions[queue % len(topic.partitions)]
        witness = self._rocketmq.broker.lines.witness
        if not witness.sends(partition.log.id, partition.log.end):
            then(None)  # it was there before a crash
            return
        now_ms = self._rocketmq.broker.clock.wall_ms()
        batch = batch_of([(final(one, half), half.record.value or b"")], now_ms)
        result = partition.append(batch, read_header(batch), now_ms, then)
        if topic.taps.tap is not None:
            offset = result.base_offset
            topic.taps.tap.appended(topic.name, partition.index, offset, batch, BROKER)

    # Asking

    def _ask(self, one: Open, half: Half) -> bool:
        return any(ask(one, half) for ask in self.askers)

    def _ask_producer(self, one: Open, half: Half) -> bool:
        """Ask one of the producers that are there, another one each time.

        The question has the whole message in it: only who may send it may see it.
        """
        found = self._rocketmq.clients.producers_of(one.group)
        channels = [each.channel for each in found if isinstance(each.channel, Tells)]
        producers = [each for each in channels if _may_send(each, half)]
        if not producers:
            return False
        self._turns += 1
        client = producers[self._turns % len(producers)]
        try:
            client.tell(*self._question(client, one, half))
        except Refused:
            return False
        return True

    def _question(
        self, client: Tells, one: Open, half: Half
    ) -> tuple[int, dict[str, object], bytes]:
        place = layout.physical_offset(halves.LOG_ID, one.position)
        said = {
            "topic": HALF_TOPIC,
            "tranStateTableOffset": one.position,
            "commitLogOffset": place,
            "msgId": one.transaction_id,
            "transactionId": one.transaction_id,
            "offsetMsgId": layout.message_id(client.store_host, place),
            "bname": self._rocketmq.settings.broker_name,
        }
        parts: list[bytes] = []
        teller = self._rocketmq.teller(half.topic, client.store_host)
        where = half.partition, one.position, place, half.record.timestamp
        lay_out(parts, teller, packed(said_of(half)), where, half.record.value or b"")
        return RequestCode.CHECK_TRANSACTION_STATE, said, b"".join(parts)


def _may_send(client: Tells, half: Half) -> bool:
    access = client.access
    return access is not None and access.may(Operation.WRITE, Kind.TOPIC, half.topic)


def final(one: Open, half: Half) -> Said:
    """Return what is said of it once it is committed, or given up."""
    said = said_of(half)
    return said._replace(
        properties=layout.with_properties(said.properties, **{TRAN_MSG: None}),
        sys_flag=said.sys_flag | (COMMIT if one.outcome is Outcome.COMMIT else 0),
        prepared_offset=layout.physical_offset(halves.LOG_ID, one.position),
    )


def _ignore(_error: Exception | None) -> None:
    """It is tried again until it is there."""

"""Producers and consumers of RocketMQ, at the topic that Kafka's clients have."""

from collections.abc import Callable, Mapping

from typing_extensions import override

from anymq.protocols.rocketmq.codec import ONEWAY, Decoder, Frame, encode
from anymq.protocols.rocketmq.codes import RequestCode, ResponseCode
from anymq.protocols.rocketmq.layout import (
    COMMIT,
    PREPARED,
    ROLLBACK,
    read_message_id,
    read_messages,
)
from anymq.testing.rocketmq import PULL_SUBSCRIPTION, pull_fields, send_fields
from tests.crash.check_log import Outcome, Polled, Read, Sent
from tests.simulation.actor import Actor, Place, is_of_disk
from tests.simulation.kafka import PLACE
from tests.simulation.node import TOPIC
from tests.simulation.world import World

NOTHING_THERE = (ResponseCode.PULL_NOT_FOUND, ResponseCode.PULL_RETRY_IMMEDIATELY)
DELAYS_MS = (1, 300, 3000)
WINDOW = 4
GROUP = "bank"
Hears = Callable[[Frame], None]


class RocketMqActor(Actor):
    """A connection on which answers have numbers."""

    protocol = "rocketmq"

    @override
    def greet(self) -> None:
        self._decoder = Decoder()
        self._asked: dict[int, Hears] = {}
        self._opaque = 0
        self.begin()

    def begin(self) -> None:
        """We are in."""

    def ask(
        self, code: int, ext: Mapping[str, object], body: bytes = b"", hears: Hears | None = None
    ) -> None:
        """Send a request; without `hears` nobody waits for an answer."""
        assert self.link is not None
        self._opaque += 1
        if hears is not None:
            self._asked[self._opaque] = hears
        flag = 0 if hears is not None else ONEWAY
        self.link.say(encode(code, self._opaque, flag, ext, body))

    @override
    def listen(self) -> None:
        data, self.heard = self.heard, b""
        self._decoder.feed(data)
        while self.link is not None and (frame := self._decoder.next()) is not None:
            if frame.is_answer:
                self._asked.pop(frame.opaque)(frame)
            else:
                self.on_asked(frame)

    def on_asked(self, frame: Frame) -> None:
        """The broker wants to know, or tells."""


class RocketMqSender(RocketMqActor):
    """Sends numbers: plain ones, delayed ones, and halves that are committed or rolled back.

    What was not answered it does not repeat. `later`: only plain ones are sent without it, for a
    clock that jumps over a restart takes what is due with it.
    """

    def __init__(self, world: World, place: Place, name: str, count: int, *, later: bool) -> None:
        self._left = count
        self._number = self._open = 0
        self._kinds = (self._plain, self._delayed, self._half) if later else (self._plain,)
        self.sent: dict[str, Sent] = {}
        super().__init__(world, place, name)

    @property
    @override
    def done(self) -> bool:
        return not (self._left or self._open)

    @override
    def begin(self) -> None:
        said = f'{{"clientID":"{self.name}","producerDataSet":[{{"groupName":"{GROUP}"}}],'
        self.ask(
            RequestCode.HEART_BEAT,
            {},
            (said + '"consumerDataSet":[]}').encode(),
            lambda _: self._go_on(),
        )

    def _go_on(self) -> None:
        while self._left and self._open < WINDOW and self.world.chance(0.6):
            self._left -= 1
            self._number += 1
            self.world.rng.choice(self._kinds)(f"{self.name}:{self._number}")
        if self._left:
            self.later(self.world.between(0.001, 0.2), self._go_on)

    def _plain(self, value: str) -> None:
        self._send(value, {}, lambda heard: self._note(value, int(heard.ext["queueOffset"])))

    def _delayed(self, value: str) -> None:
        delay = {"TIMER_DELAY_MS": str(self.world.rng.choice(DELAYS_MS)), "UNIQ_KEY": value}
        self._send(value, delay, lambda _: self._note(value, None))

    def _half(self, value: str) -> None:
        said = {"TRAN_MSG": "true", "PGROUP": GROUP, "UNIQ_KEY": value}

        def heard(answer: Frame) -> None:
            if fate_of(value) == COMMIT:
                self._note(value, None)
            if self.world.chance(0.7):  # else it forgets, and is asked
                place = read_message_id(answer.ext["msgId"])
                assert place is not None
                self._end(value, answer.ext["queueOffset"], place[1])

        self._send(value, said, heard, PREPARED)
        if fate_of(value) == ROLLBACK:
            self.sent[value] = self._one(value, Outcome.FAILED, None)

    def _send(self, value: str, said: Mapping[str, str], hears: Hears, flag: int = 0) -> None:
        self._open += 1
        self.sent[value] = self._one(value, Outcome.UNKNOWN, None)

        def heard(answer: Frame) -> None:
            self._open -= 1
            if answer.code == ResponseCode.SUCCESS:
                hears(answer)
            else:
                assert is_of_disk(answer), (self.name, answer)

        fields = {**send_fields(TOPIC, 0, said), "a": GROUP, "f": flag}
        self.ask(RequestCode.SEND_MESSAGE_V2, fields, value.encode(), heard)

    def _note(self, value: str, offset: int | None) -> None:
        self.sent[value] = self._one(value, Outcome.OK, offset)

    def _one(self, value: str, outcome: Outcome, offset: int | None) -> Sent:
        return Sent(self.name, PLACE, value, int(value.rpartition(":")[2]), outcome, offset)

    def _end(self, value: str, half: object, place: object) -> None:
        said = {"producerGroup": GROUP, "tranStateTableOffset": half, "commitLogOffset": place}
        names = {"msgId": value, "transactionId": value, "fromTransactionCheck": False}
        fate = {"commitOrRollback": fate_of(value)}
        self.ask(RequestCode.END_TRANSACTION, {**said, **names, **fate})

    @override
    def on_asked(self, frame: Frame) -> None:
        if frame.code == RequestCode.CHECK_TRANSACTION_STATE:
            ext = frame.ext
            self._end(ext["transactionId"], ext["tranStateTableOffset"], ext["commitLogOffset"])

    @override
    def gone(self) -> None:
        self._open = 0


def fate_of(value: str) -> int:
    """What becomes of a half message: all senders of a group know."""
    return COMMIT if int(value.rpartition(":")[2]) % 2 else ROLLBACK


class RocketMqPuller(RocketMqActor):
    """Pulls from the start to the end, and waits there."""

    def __init__(self, world: World, place: Place, name: str) -> None:
        self.at = 0
        self.polls: list[Polled] = []
        super().__init__(world, place, name)

    @override
    def begin(self) -> None:
        how = {"sysFlag": PULL_SUBSCRIPTION, "maxMsgNums": self.world.rng.choice((1, 5, 32))}
        fields = pull_fields(TOPIC, self.at, 0, self.name, **how)
        self.ask(RequestCode.PULL_MESSAGE, fields, hears=self._on_answer)

    def _on_answer(self, answer: Frame) -> None:
        if answer.code == ResponseCode.SUCCESS:
            found: list[Read] = [
                (each.offset, each.body.decode()) for each in read_messages(answer.body)
            ]
            self.at = found[-1][0] + 1
            self.polls.append(Polled(self.name, PLACE, found))
        else:
            assert answer.code in NOTHING_THERE, (self.name, answer)
        self.later(self.world.between(0.001, 0.05), self.begin)

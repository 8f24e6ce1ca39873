"""Crash images of a whole broker with transactions of RocketMQ's clients under way.

A producer stays, the broker dies at every system call; the producer is asked by what is left of it.
A queue of AMQP listens to the topic: it gets what is committed, once, too.
"""

from collections import Counter
from dataclasses import dataclass, field
from random import Random

import pytest

from anymq.protocols.rocketmq import layout
from anymq.protocols.rocketmq.codec import Frame
from anymq.protocols.rocketmq.codes import RequestCode, ResponseCode
from anymq.protocols.rocketmq.layout import COMMIT, PREPARED, ROLLBACK
from anymq.testing.rocketmq import RocketMqDialog, RocketMqRoom, send_fields
from anymq.testing.simfs import SimFiles
from tests.crash.dying import Dying
from tests.crash.seeds import EFFORT, run_loads

IMAGES = 80 * EFFORT
PARTS = 2
KILLED_SHARE = 0.5
TRANSACTIONS = 10
TOPIC, QUEUES, GROUP = "transfers", 2, "bank"
HEARTBEAT = b'{"clientID":"c","producerDataSet":[{"groupName":"bank"}],"consumerDataSet":[]}'
ASKED_SECONDS = 7  # and a moment: then everybody has been asked


@dataclass
class Ledger:
    """What the producer knows, whatever becomes of the broker."""

    decided: dict[str, int] = field(default_factory=dict)  # before anybody is told
    kept: set[str] = field(default_factory=set)  # half messages that are safe

    def copy(self) -> "Ledger":
        return Ledger(dict(self.decided), set(self.kept))


class Bank:
    """A broker from a start to an end, and the producer."""

    def __init__(self, files: SimFiles, ledger: Ledger) -> None:
        self.ledger = ledger
        self.room = RocketMqRoom(files=files)
        self.client: RocketMqDialog = self.room.client()
        self.client.ask(RequestCode.HEART_BEAT, {}, HEARTBEAT)

    def begin(self) -> None:
        self.room.make_topic(TOPIC, QUEUES)
        vhost = self.room.broker.vhost("/")
        vhost.declare_queue("audit", durable=True)
        vhost.bind("amq.topic", "audit", TOPIC)
        self.room.settle()

    def transfer(self, name: str, rng: Random) -> None:
        """Send a half message, decide, and say so; or do not."""
        said = {"TRAN_MSG": "true", "PGROUP": GROUP, "UNIQ_KEY": name}
        fields = {**send_fields(TOPIC, rng.randrange(QUEUES), said), "f": PREPARED}
        sent = self.client.ask(RequestCode.SEND_MESSAGE_V2, fields, name.encode())
        assert sent.code == ResponseCode.SUCCESS
        self.ledger.kept.add(name)
        if rng.random() < 0.1:
            return
        self.ledger.decided[name] = COMMIT if rng.random() < 0.7 else ROLLBACK
        if rng.random() < 0.7:
            place = layout.read_message_id(sent.ext["msgId"])
            assert place is not None
            self.end(sent, place[1], name)

    def end(self, said: Frame, place: object, name: str, *, asked: bool = False) -> None:
        offset = said.ext["tranStateTableOffset" if asked else "queueOffset"]
        self.client.say(
            RequestCode.END_TRANSACTION,
            {
                "producerGroup": GROUP,
                "tranStateTableOffset": offset,
                "commitLogOffset": place,
                "commitOrRollback": self.ledger.decided.get(name, 0),
                "fromTransactionCheck": asked,
            },
            oneway=True,
        )

    def send_plain(self, number: int, queue: int) -> None:
        """Others write there as well."""
        self.client.send(TOPIC, b"plain %d" % number, queue)

    def answer_all(self) -> None:
        """Let everything be asked, and answer."""
        self.room.let_pass(ASKED_SECONDS)
        for asked in self.client.told():
            place = asked.ext["commitLogOffset"]
            self.end(asked, place, asked.ext["transactionId"], asked=True)
        self.room.let_pass(1)

    def there(self) -> Counter[str]:
        """Return what is in the topic."""
        found: Counter[str] = Counter()
        for queue in range(QUEUES):
            answer = self.client.pull(TOPIC, queue=queue, maxMsgNums=1000)
            if answer.code == ResponseCode.SUCCESS:
                found.update(one.body.decode() for one in layout.read_messages(answer.body))
        return found


def check(bank: Bank, ledger: Ledger) -> None:
    there = bank.there()
    of_transactions = {name: n for name, n in there.items() if not name.startswith("plain")}
    due = {name for name in ledger.kept if ledger.decided.get(name) == COMMIT}
    assert set(of_transactions) == due, (of_transactions, due)
    assert set(of_transactions.values()) <= {1}, of_transactions
    audit = bank.room.broker.vhost("/").queues["audit"]
    plain = [name for name in there if name.startswith("plain")]
    assert len(due) <= audit.ready <= len(due) + len(plain) + 1, (audit.ready, len(due))


def crash_everywhere(seed: int, images_max: int) -> int:
    rng, ledger, files = Random(seed), Ledger(), SimFiles()
    bank = Bank(files, ledger)
    bank.begin()

    def look(image: SimFiles, rng: Random, _: bool) -> None:
        go_on(ledger.copy(), image, rng)

    dying = Dying(files, seed, images_max, look, killed=KILLED_SHARE, share=0.5)
    for number in range(TRANSACTIONS):
        bank.transfer(f"t{number}", rng)
        bank.send_plain(number, rng.randrange(QUEUES))
    count = dying.end(looking=False)
    bank.answer_all()
    check(bank, ledger)
    return count


def go_on(ledger: Ledger, image: SimFiles, rng: Random) -> None:
    """Come back to what is left; perhaps the broker dies once more."""
    bank = Bank(image, ledger)
    if rng.random() < 0.5:
        bank.send_plain(1000, rng.randrange(QUEUES))
        image = image.killed() if rng.random() < KILLED_SHARE else image.crash(rng)
        bank = Bank(image, ledger)
    bank.answer_all()
    check(bank, ledger)


@pytest.mark.timeout(240 * EFFORT)
@pytest.mark.parametrize("part", range(PARTS))
def test_a_message_comes_once_or_never_as_its_producer_decided(part: int) -> None:
    """Who moves money by RocketMQ's transactional messages relies on it."""
    run_loads(f"bank images {part}", IMAGES // PARTS, crash_everywhere)

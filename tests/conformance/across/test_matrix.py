"""Every protocol to every other: the table of anymq.protocols.across, written and read by clients.

Each client writes each sample to one address, and all clients hear them there. Then each hands on
what it read of the others, so that the way back is seen, too. The tests look at what came.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pytest

from anymq.protocols.across import (
    AMQP,
    KAFKA,
    KINDS,
    ROCKETMQ,
    ROWS,
    Cell,
    Kind,
    Place,
    Protocol,
    Row,
    Trust,
    Unit,
)
from anymq.testing import EmbeddedBroker
from tests.conformance.across.rocketmq_speaker import RocketMq
from tests.conformance.across.speakers import Amqp, AmqpStream, Kafka, Mqtt, Speaker, Spoken, Stomp
from tests.conformance.across.units import TIME, as_header, handed_on, native

# One conversation, many looks at it.
pytestmark = [pytest.mark.xdist_group("across"), pytest.mark.timeout(180)]

HERE = "across.all"
SAMPLE = "sample"  # the header that tells them apart
UNDER_TEST = "tested"  # the header whose value is
WAITED_MS_MAX = 600_000  # MQTT says how long it still is, and a machine may be slow

WRITERS: tuple[type[Speaker], ...] = (Kafka, Amqp, Mqtt, Stomp, RocketMq)
READERS: tuple[type[Speaker], ...] = (Kafka, Amqp, AmqpStream, Mqtt, Stomp, RocketMq)


class Sample(NamedTuple):
    """What is written: a value of a row, or a header of a kind."""

    name: str
    of: Row | Kind
    value: Any


SAMPLES = tuple(
    [Sample(f"{row.name} {at}", row, value) for row in ROWS for at, value in enumerate(row.samples)]
    + [Sample(kind.name, kind, kind.value) for kind in KINDS]
)


def back_by(handing: type[Speaker]) -> str:
    """Return the address to which a client hands on what it read."""
    return f"across.back-{handing.__name__.lower()}"


ADDRESSES = [HERE, *(back_by(kind) for kind in WRITERS)]


@dataclass
class Heard:
    """What one client heard, by address and name of the sample."""

    messages: dict[tuple[str, str], Spoken] = field(default_factory=dict)
    times: Counter[tuple[str, str]] = field(default_factory=Counter)

    def listen(self, speaker: Speaker, expected: set[tuple[str, str]]) -> None:
        """Listen until all came, or nothing comes any more."""
        missing = expected - self.times.keys()
        if not missing:
            return
        for address, said in speaker.read():
            name = text(said.all(SAMPLE)[0])
            self.messages[address, name] = said
            self.times[address, name] += 1
            missing.discard((address, name))
            if not missing:
                return


def text(value: str | bytes) -> str:
    """Return what says which sample it is."""
    return value.decode() if isinstance(value, bytes) else value


def name_of(writer: Protocol, sample: Sample) -> str:
    """Return what tells it apart."""
    return f"{writer.value}: {sample.name}"


def spoken(writer: Protocol, sample: Sample) -> Spoken | None:
    """Return a sample in a protocol's words; None if it has none for it."""
    name = name_of(writer, sample)
    said = Spoken(headers=as_header(writer, SAMPLE, name.encode() if writer is KAFKA else name))
    if writer is KAFKA:
        said.own["timestamp"] = TIME
    if isinstance(sample.of, Kind):
        if writer not in sample.of.writers:
            return None
        said.headers += as_header(writer, UNDER_TEST, sample.of.seen[writer])
        return said
    cell = sample.of.cells.get(writer)
    if cell is None or not is_writable(cell, sample.value):
        return None
    put(said, writer, cell, sample.value)
    return said


def is_writable(cell: Cell, value: Any) -> bool:
    """Can who uses a client say this by it?"""
    return cell.trust is not Trust.OWN and (cell.unit is not Unit.SOME or bool(value))


def put(said: Spoken, writer: Protocol, cell: Cell, value: Any) -> None:
    """Say it where this protocol says it."""
    told = native(writer, cell, value, TIME)
    if cell.place is Place.HEADER:
        said.headers.append((cell.name, told))
    else:
        said.own[cell.name] = told


def found(said: Spoken, cell: Cell) -> Any:
    """Return what a client reads where this protocol says it."""
    if cell.place is Place.OWN:
        return said.own.get(cell.name)
    values = said.all(cell.name)
    return values[0] if len(values) == 1 else values


def written() -> Iterator[tuple[type[Speaker], Sample, Spoken]]:
    """Yield all that is written at first."""
    for kind in WRITERS:
        for sample in SAMPLES:
            if (said := spoken(kind.protocol, sample)) is not None:
                yield kind, sample, said


@pytest.fixture(scope="module")
def heard() -> Iterator[dict[type[Speaker], Heard]]:
    """Have the whole conversation."""
    with EmbeddedBroker(
        settings={"mqtt": {"port": 0}, "stomp": {"port": 0}, "rocketmq": {"port": 0}}
    ) as broker:
        declare(broker, ADDRESSES)
        speakers = {kind: kind(broker, ADDRESSES) for kind in READERS}
        heard = {kind: Heard() for kind in READERS}
        try:
            expected = write_all(speakers)
            listen(speakers, heard, expected)
            expected |= hand_on(speakers, heard)
            listen(speakers, heard, expected)
            yield heard
        finally:
            for speaker in speakers.values():
                speaker.close()


def declare(broker: EmbeddedBroker, addresses: Iterable[str]) -> None:
    """Make a topic of each address, for Kafka."""
    declaring = Amqp(broker, [])
    for address in addresses:
        declaring.declare_stream(address)
    declaring.close()


def write_all(speakers: dict[type[Speaker], Speaker]) -> set[tuple[str, str]]:
    """Let each write what it can say; return what the others are to hear."""
    expected = set()
    for kind, sample, said in written():
        speakers[kind].write(HERE, said)
        expected.add((HERE, name_of(kind.protocol, sample)))
    for speaker in speakers.values():
        speaker.flush()
    return expected


def hand_on(
    speakers: dict[type[Speaker], Speaker], heard: dict[type[Speaker], Heard]
) -> set[tuple[str, str]]:
    """Let each hand on what it read, as it read it; return what is to be heard then."""
    expected = set()
    for kind in WRITERS:
        for (address, name), said in heard[kind].messages.items():
            if address == HERE:
                speakers[kind].write(back_by(kind), said)
                expected.add((back_by(kind), name))
        speakers[kind].flush()
    return expected


def listen(
    speakers: dict[type[Speaker], Speaker],
    heard: dict[type[Speaker], Heard],
    expected: set[tuple[str, str]],
) -> None:
    """Let each hear what is to be heard."""
    for kind, speaker in speakers.items():
        heard[kind].listen(speaker, expected)


def differs(reader: Protocol, sample: Sample, said: Spoken | None, expected: Any) -> str | None:
    """Say what a client should have read and did not."""
    if said is None:
        return f"{sample.name}: did not come"
    if isinstance(sample.of, Kind):
        got: Any = said.all(UNDER_TEST)
        wanted = [value for _, value in as_header(reader, UNDER_TEST, expected)]
    else:
        got, wanted = found(said, sample.of.cells[reader]), expected
        if sample.of.name == "expiry" and is_about(got, wanted, sample.of.cells[reader]):
            return None
    return None if same(got, wanted) else f"{sample.name}: {short(got)} is not {short(wanted)}"


def is_about(got: Any, wanted: Any, cell: Cell) -> bool:
    """Is it the same moment, or somewhat earlier, to a second?"""
    unit_ms = 1000 if cell.unit is Unit.SECONDS_UP else 1
    earlier_ms = (int(wanted) - int(got or 0)) * unit_ms
    return -1000 <= earlier_ms <= WAITED_MS_MAX


def same(got: Any, wanted: Any) -> bool:
    """Is it the same, of the same type?"""
    if isinstance(wanted, list) and isinstance(got, list):
        return len(got) == len(wanted) and all(map(same, got, wanted))
    return bool(got == wanted) and isinstance(got, bool) == isinstance(wanted, bool)


def short(value: Any) -> str:
    """Return a value as far as it can be shown."""
    return repr(value)[:200]


def read_of(reader: Protocol, writer: Protocol, sample: Sample, said: Spoken | None) -> Any:
    """Return what a client should read of a sample."""
    if isinstance(sample.of, Kind):
        return sample.of.seen[reader]
    record_ms = 0 if said is None else said.own.get("timestamp", 0)
    return native(reader, sample.of.cells[reader], sample.value, record_ms)


def is_sayable(sample: Sample, *protocols: Protocol) -> bool:
    """Can each of these say it, and is it believed? The first one must have a way to write it."""
    if isinstance(sample.of, Kind):
        return protocols[0] in sample.of.writers
    first, *rest = [sample.of.cells.get(protocol) for protocol in protocols]
    if first is None or first.trust is not Trust.TAKEN or not is_writable(first, sample.value):
        return False
    return all(cell is not None for cell in rest)


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("writer", WRITERS)
def test_each_reads_what_each_wrote(
    heard: dict[type[Speaker], Heard], writer: type[Speaker], reader: type[Speaker]
) -> None:
    """Where the table says, and as it says."""
    wrong = []
    for sample in SAMPLES:
        if is_sayable(sample, writer.protocol, reader.protocol):
            said = heard[reader].messages.get((HERE, name_of(writer.protocol, sample)))
            expected = read_of(reader.protocol, writer.protocol, sample, said)
            wrong.append(differs(reader.protocol, sample, said, expected))
    assert [one for one in wrong if one is not None] == []


@pytest.mark.parametrize("by", WRITERS)
@pytest.mark.parametrize("writer", WRITERS)
def test_what_is_handed_on_comes_back(
    heard: dict[type[Speaker], Heard], writer: type[Speaker], by: type[Speaker]
) -> None:
    """What both can say is the same for whoever wrote it; other values of headers are text."""
    wrong = []
    for sample in SAMPLES:
        if is_sayable(sample, writer.protocol, by.protocol) and comes_back(sample, by.protocol):
            said = heard[writer].messages.get((back_by(by), name_of(writer.protocol, sample)))
            expected = back(writer.protocol, by.protocol, sample, said)
            wrong.append(differs(writer.protocol, sample, said, expected))
    assert [one for one in wrong if one is not None] == []


def comes_back(sample: Sample, by: Protocol) -> bool:
    """Is it more than shown to the one that hands it on?"""
    if isinstance(sample.of, Kind):
        return by is not ROCKETMQ or sample.of.seen[by] != ""
    if not is_writable(sample.of.cells[by], sample.value):
        return False
    return sample.of.name != "address" and sample.of.cells[by].trust is Trust.TAKEN


def back(writer: Protocol, by: Protocol, sample: Sample, said: Spoken | None) -> Any:
    """Return what its writer should read in the end."""
    if isinstance(sample.of, Kind) and by not in (KAFKA, AMQP, writer):
        return handed_on(writer, sample.of.seen[by])
    return read_of(writer, writer, sample, said)


@pytest.mark.parametrize("reader", READERS)
def test_nothing_comes_twice(heard: dict[type[Speaker], Heard], reader: type[Speaker]) -> None:
    """Neither by the topic and by its address, nor by what is handed on."""
    assert {where: times for where, times in heard[reader].times.items() if times != 1} == {}


@pytest.mark.parametrize("writer", WRITERS)
def test_nobody_is_believed_who_says_who_wrote_it(
    heard: dict[type[Speaker], Heard], writer: type[Speaker]
) -> None:
    """What clients say that the broker cannot check is but a header."""
    for sample in SAMPLES:
        if isinstance(sample.of, Row):
            cell = sample.of.cells.get(writer.protocol)
            if cell is not None and cell.trust is Trust.SHOWN:
                said = heard[Amqp].messages[HERE, name_of(writer.protocol, sample)]
                assert said.own.get(sample.of.cells[AMQP].name) is None
                assert said.all(cell.name) == [sample.value]

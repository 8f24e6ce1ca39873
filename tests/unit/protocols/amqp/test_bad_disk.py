"""A disk that fails under queues: refused is refused, and what is there can be consumed."""

import errno

import pytest

from anymq.core.queues.journal import LOG_ID as JOURNAL
from anymq.protocols.amqp import methods
from anymq.protocols.amqp.methods import Method
from anymq.testing.amqp import AmqpDialog, AmqpRoom, published
from anymq.testing.simfs import SimFiles

DECLARE = methods.QueueDeclare("q", False, True, False, False, False, {})


def begin(files: SimFiles) -> tuple[AmqpRoom, AmqpDialog, str]:
    """A publisher with confirms, a queue with one message, and where its log is."""
    room = AmqpRoom(files=files)
    client = room.dialog().log_in().open()
    client >> (1, DECLARE) >> (1, methods.ConfirmSelect(nowait=True))
    room.go_on(client)
    client >> published(body=b"before")
    room.go_on(client)
    client.raw()
    log_id = max(log_id for log_id in room.store.ids() if log_id < 1 << 30)
    return room, client, f"logs/{log_id}"


def methods_of(client: AmqpDialog) -> list[Method]:
    return [methods.decode(payload) for kind, _, payload in client.frames() if kind == 1]


def answer_to(room: AmqpRoom, client: AmqpDialog, queue: str = "q") -> tuple[type[Method], int]:
    client >> published(body=b"later", routing_key=queue)
    room.go_on(client)
    (answer,) = methods_of(client)
    assert isinstance(answer, methods.BasicAck | methods.BasicNack)
    return type(answer), answer.delivery_tag


def get(room: AmqpRoom, client: AmqpDialog) -> type[Method]:
    client >> (1, methods.BasicGet("q", no_ack=True))
    room.go_on(client)
    return type(methods_of(client)[0])


@pytest.mark.parametrize("op", ["pwritev", "sync"])
def test_nothing_is_confirmed_after_the_disk_reported_an_error(op: str) -> None:
    """fsyncgate: the next sync would say yes, and the data would not be there."""
    files = SimFiles()
    room, client, log = begin(files)
    files.fault(op, errno.EIO, when=lambda path: log in path)
    for tag in (2, 3):
        assert answer_to(room, client) == (methods.BasicNack, tag)
    assert get(room, client) is methods.BasicGetOk
    other = methods.QueueDeclare("another", False, True, False, False, False, {})
    client >> (1, other)
    room.go_on(client)
    assert methods_of(client) == [methods.QueueDeclareOk("another", 0, 0)]
    assert answer_to(room, client, "another") == (methods.BasicAck, 4), "others are unharmed"


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EMFILE])
def test_what_passes_is_refused_only_while_it_lasts(error: int) -> None:
    files = SimFiles()
    room, client, log = begin(files)
    where = "pwritev" if error == errno.ENOSPC else "open"
    if error == errno.EMFILE:
        room.store._disk.handles.clear()
    files.fault(where, error, when=lambda path: log in path)
    assert answer_to(room, client) == (methods.BasicNack, 2)
    for work in room.store.maintenance(room.clock.wall_ms()):
        work.run()
        work.done()
    assert answer_to(room, client) == (methods.BasicAck, 3)
    assert get(room, client) is methods.BasicGetOk
    assert get(room, client) is methods.BasicGetOk, "the one that was confirmed"


def test_settlement_that_cannot_be_written_is_no_success() -> None:
    """Who is told that a transaction is done must not see its messages again."""
    files = SimFiles()
    room, client, _ = begin(files)
    client.open(2)
    client >> (2, methods.TxSelect()) >> (2, methods.BasicGet("q", no_ack=False))
    room.go_on(client)
    client.raw()
    files.fault("pwritev", errno.EIO, when=lambda path: f"logs/{JOURNAL}/" in path)
    client >> (2, methods.BasicAck(1, False)) >> (2, methods.TxCommit())
    room.go_on(client)
    text = "PRECONDITION_FAILED - partial tx completion"
    assert methods_of(client) == [methods.ChannelClose(406, text, 90, 20)]

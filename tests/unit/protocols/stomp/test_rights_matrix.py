"""Every frame by every combination of rights: who may is answered, who may not is refused.

What a frame needs stands here, in words; the same as AMQP asks for the same thing. A command of
STOMP that is missing here fails a test.
"""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.unit.protocols.amqp.rights_matrix import PASSWORD
from tests.unit.protocols.rights import Person, Trusting, everybody, let_in, needs

from anymq.core.message import Envelope, Message, Run
from anymq.protocols.stomp.activemq import ACTIVEMQ
from anymq.protocols.stomp.codec import Frame
from anymq.protocols.stomp.dialect import RABBITMQ, Dialect
from anymq.protocols.stomp.form import STOMP_FORM
from anymq.protocols.stomp.talk import _HANDLERS
from anymq.testing.stomp import StompDialog, StompRoom

DEFAULT, TOPIC = "write amq.default", "write amq.topic"
OUR_OWN = "stomp-subscription-"  # how queues are called that a client does not name
DURABLE = {"durable": "true", "auto-delete": "false"}


class Operation(NamedTuple):
    """What is said, and what it needs. `said`: the last frame has the receipt."""

    needs: str
    said: Sequence[Frame]
    dialect: Dialect = RABBITMQ


def send(destination: str, **headers: str) -> Frame:
    said = {name.replace("_", "-"): value for name, value in headers.items()}
    return Frame("SEND", {"destination": destination, **said})


def subscribe(destination: str, **headers: str) -> Frame:
    said = {name.replace("_", "-"): value for name, value in headers.items()}
    return Frame("SUBSCRIBE", {"id": "1", "destination": destination, **said})


READS = subscribe("/amq/queue/q", ack="client")
ITS_OWN = {"x_queue_name": "qown"}
KEEPS = subscribe("/topic/a", x_queue_name="qown", durable="true", auto_delete="false")
LEAVES = Frame("UNSUBSCRIBE", {"id": "1", "durable": "true"})
BEGIN, COMMIT, ABORT = (Frame(name, {"transaction": "t"}) for name in ("BEGIN", "COMMIT", "ABORT"))
OWN = "configure qown, write qown, read qown"
UNNAMED = f"configure {OUR_OWN}, write {OUR_OWN}, read {OUR_OWN}"

OPERATIONS: Mapping[str, Operation] = {
    "SEND to a queue": Operation(f"configure q, {DEFAULT}", [send("/queue/q")]),
    "SEND to a new queue": Operation(f"configure qnew, {DEFAULT}", [send("/queue/qnew")]),
    "SEND to a queue that has to be there": Operation(DEFAULT, [send("/amq/queue/q")]),
    "SEND an answer": Operation(DEFAULT, [send("/reply-queue/q")]),
    "SEND to an exchange": Operation("write x", [send("/exchange/x/k")]),
    "SEND to a topic": Operation(TOPIC, [send("/topic/a")]),
    "SEND with dead letters": Operation(
        f"configure qnew, read qnew, write x, {DEFAULT}",
        [send("/queue/qnew", x_dead_letter_exchange="x")],
    ),
    "SEND and ask for an answer": Operation(
        "configure stomp.gen-, read stomp.gen-, write x",
        [send("/exchange/x/k", reply_to="/temp-queue/t")],
    ),
    "SUBSCRIBE to a queue": Operation("configure q, read q", [subscribe("/queue/q")]),
    "SUBSCRIBE to a new queue": Operation("configure qnew, read qnew", [subscribe("/queue/qnew")]),
    "SUBSCRIBE to a queue that has to be there": Operation("read q", [READS]),
    "SUBSCRIBE with a selector": Operation("read q", [subscribe("/amq/queue/q", selector="a=1")]),
    "SUBSCRIBE to an exchange": Operation(f"{UNNAMED}, read x", [subscribe("/exchange/x/k")]),
    "SUBSCRIBE to a topic": Operation(f"{UNNAMED}, read amq.topic", [subscribe("/topic/a")]),
    "SUBSCRIBE to an exchange by a queue": Operation(
        f"{OWN}, read x", [subscribe("/exchange/x/k", **ITS_OWN)]
    ),
    "SUBSCRIBE to a topic by a queue": Operation(
        f"{OWN}, read amq.topic", [subscribe("/topic/a", **ITS_OWN)]
    ),
    "SUBSCRIBE to a topic with a selector": Operation(
        f"{OWN}, read amq.topic", [subscribe("/topic/a", selector="a=1", **ITS_OWN)]
    ),
    "SUBSCRIBE for good": Operation(f"{OWN}, read amq.topic", [KEEPS]),
    "UNSUBSCRIBE": Operation("read q", [READS, Frame("UNSUBSCRIBE", {"id": "1"})]),
    "UNSUBSCRIBE for good": Operation(f"{OWN}, read amq.topic", [KEEPS, LEAVES]),
    "ACK": Operation("read q", [READS, Frame("ACK")]),
    "NACK": Operation("read q", [READS, Frame("NACK")]),
    "BEGIN": Operation("", [BEGIN]),
    "COMMIT": Operation("", [BEGIN, COMMIT]),
    "ABORT": Operation("", [BEGIN, ABORT]),
    "SEND in a transaction": Operation(
        f"configure q, {DEFAULT}", [BEGIN, send("/queue/q", transaction="t"), COMMIT]
    ),
    "ACK in a transaction": Operation(
        "read q", [READS, BEGIN, Frame("ACK", {"transaction": "t"}), COMMIT]
    ),
    "DISCONNECT": Operation("", [Frame("DISCONNECT")]),
    # As clients of ActiveMQ say it.
    "activemq: SEND to a list": Operation(
        f"configure q, {DEFAULT}, write x, {TOPIC}",
        [send("/queue/q,/exchange/x/k,/topic/a")],
        ACTIVEMQ,
    ),
    "activemq: SEND and ask for an answer": Operation(
        "configure activemq.temp., write x",
        [send("/exchange/x/k", reply_to="/temp-queue/t")],
        ACTIVEMQ,
    ),
    "activemq: SUBSCRIBE to a list": Operation(
        "configure q, read q, configure qnew, read qnew",
        [subscribe("/queue/q,/queue/qnew")],
        ACTIVEMQ,
    ),
    "activemq: SUBSCRIBE to a temporary queue": Operation(
        "configure activemq.temp., read activemq.temp.", [subscribe("/temp-queue/t")], ACTIVEMQ
    ),
    "activemq: SUBSCRIBE for good": Operation(
        "configure activemq.durable., write activemq.durable., read activemq.durable.,"
        " read amq.topic",
        [subscribe("/topic/a", durable_subscription_name="s")],
        ACTIVEMQ,
    ),
}
EVERYBODY = list(everybody(queues="^q", exchanges=r"^(x|amq\.)"))
RECORDED = json.loads(Path(__file__).with_name("rights_matrix.json").read_text())["may"]
# RabbitMQ lets everybody read the queue that it makes for answers; and confirms the COMMIT of a
# message that it then refuses.
STRICTER = {"SEND and ask for an answer", "SEND in a transaction"}
# These need no rights, but for the one to be in the virtual host: see below.
WITHOUT_RIGHTS = {"CONNECT", "STOMP"}


def test_no_command_is_forgotten() -> None:
    tried = {frame.command for operation in OPERATIONS.values() for frame in operation.said}
    assert tried | WITHOUT_RIGHTS == set(_HANDLERS)


@cache
def full_room() -> StompRoom:
    """Everybody is known here, and believed."""
    room = StompRoom(gate=Trusting())
    for user in EVERYBODY:
        let_in(room.broker, user)
    return room


def _tried(room: StompRoom, user: Person, operation: Operation) -> str:
    """Say it: "" is a receipt, anything else is what an ERROR said."""
    _lay_out(room)
    client = room.stomp_dialog(dialect=operation.dialect)
    client.connect(login=user.name, passcode=PASSWORD, client_id="c")
    *before, last = operation.said
    out: list[Frame] = []
    for frame in before:
        client >> _about(frame, out)
        out += client.frames()
    client >> _about(Frame(last.command, {**last.headers, "receipt": "r"}), out)
    heard = out + client.frames()
    errors = [frame for frame in heard if frame.command == "ERROR"]
    receipts = [frame for frame in heard if frame.command == "RECEIPT"]
    _gone(client)
    room.dialogs.clear()
    assert bool(errors) != bool(receipts), (operation, heard)
    return errors[0].body.decode() if errors else ""


def _about(frame: Frame, heard: list[Frame]) -> Frame:
    """ACK and NACK are about the message that came, if one did."""
    if frame.command not in ("ACK", "NACK"):
        return frame
    came = [one.headers["ack"] for one in heard if one.command == "MESSAGE"]
    return Frame(frame.command, {"id": came[0] if came else "none@@none@@0", **frame.headers})


def _lay_out(room: StompRoom) -> None:
    """There are an exchange x, and a queue q with one message; and nothing else."""
    vhost = room.broker.vhosts["/"]
    for name in list(vhost.queues):
        vhost.delete_queue(name)
    if "x" not in vhost.topology.exchanges:
        vhost.declare_exchange("x", "direct")
    queue = vhost.declare_queue("q", durable=True)
    message = Message(Envelope("", "q", STOMP_FORM), b"", b"", room.broker.now_ms())
    queue.push(Run([message], persistent=False), None)
    room.settle()


@pytest.mark.parametrize("name", OPERATIONS)
def test_who_may_and_who_may_not(name: str) -> None:
    asked = needs(OPERATIONS[name].needs)
    for user in EVERYBODY:
        said = _tried(full_room(), user, OPERATIONS[name])
        assert (said == "") is user.has(asked), (user, said)
        assert said == "" or "refused for user" in said or "access to" in said, (user, said)


@pytest.mark.parametrize("name", RECORDED)
def test_rabbitmq_asks_for_the_same(name: str) -> None:
    """As tests/differential/stomp/record_rights.py heard it. Nobody comes in only here."""
    asked = needs(OPERATIONS[name].needs)
    ours = {user.name for user in EVERYBODY if user.has(asked)}
    theirs = set(RECORDED[name])
    assert ours <= theirs
    assert ours == theirs or name in STRICTER


@pytest.mark.parametrize("command", sorted(WITHOUT_RIGHTS))
def test_who_may_not_be_here_does_not_come_in(command: str) -> None:
    room = StompRoom()
    room.broker.users.put("ann", password="secret")
    client = room.stomp_dialog()
    headers = {"accept-version": "1.2", "host": "/", "login": "ann", "passcode": "secret"}
    client >> Frame(command, headers)
    assert client.only().body == b"Virtual host '/' access denied"


def test_a_pattern_of_queues_finds_those_one_may_read() -> None:
    """Nobody is refused for what others have."""
    room = StompRoom(dialect=ACTIVEMQ)
    room.broker.users.put("ann", password="secret")
    room.broker.users.set_permissions("ann", "/", "^$", ".*", r"^orders\.eu$")
    writer = room.connect()
    writer >> send("/queue/orders.eu") >> send("/queue/orders.us")
    client = room.connect(login="ann", passcode="secret")
    client >> subscribe("/queue/orders.>")
    assert [frame.headers["destination"] for frame in client.frames()] == ["/queue/orders.eu"]


@pytest.mark.parametrize("dialect", [RABBITMQ, ACTIVEMQ])
@pytest.mark.parametrize("may_write", [True, False])
@pytest.mark.parametrize("may_read", [True, False])
def test_rights_on_topics(dialect: Dialect, may_write: bool, may_read: bool) -> None:
    """Whose keys are whose, by patterns with the name of the user."""
    room = StompRoom(dialect=dialect)
    room.broker.users.put("ann", password="secret")
    room.broker.users.set_permissions("ann", "/", ".*", ".*", ".*")
    mine = r"^{username}\."
    room.broker.users.set_topic_permissions("ann", "/", "amq.topic", mine, mine)
    client = room.connect(login="ann", passcode="secret")
    name = "ann" if may_read else "bob"
    client >> Frame("SUBSCRIBE", {"id": "1", "destination": f"/topic/{name}.a", "receipt": "r"})
    assert client.only().command == ("RECEIPT" if may_read else "ERROR")
    client = room.connect(login="ann", passcode="secret")
    name = "ann" if may_write else "bob"
    client >> Frame("SEND", {"destination": f"/topic/{name}.a", "receipt": "r"})
    assert client.only().command == ("RECEIPT" if may_write else "ERROR")
    _gone(client)


def _gone(client: StompDialog) -> None:
    if not client.session.closed:
        client.hang_up()

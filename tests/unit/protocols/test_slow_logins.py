"""While a password is looked at, the connection waits, and nothing else does."""

from struct import pack
from typing import Any

import pytest
from aiokafka.conn import ScramAuthenticator

from anymq.protocols.amqp import methods
from anymq.protocols.amqp.codec import method_frame
from anymq.protocols.kafka.error_codes import ErrorCode
from anymq.protocols.kafka.schema.generated import list_groups
from anymq.protocols.kafka.schema.generated.sasl_authenticate import SaslAuthenticateRequest
from anymq.protocols.kafka.schema.generated.sasl_handshake import SaslHandshakeRequest
from anymq.protocols.kafka.settings import KafkaSettings
from anymq.security.passwords import proofs_of
from anymq.security.users import Users
from anymq.testing.amqp import AmqpRoom
from anymq.testing.gate import SlowGate
from anymq.testing.http import HttpRoom, basic
from anymq.testing.kafka import KafkaDialog, KafkaRoom

ADA = {"ada": proofs_of("secret")}
RIGHT, WRONG = b"\0ada\0secret", b"\0ada\0wrong"


@pytest.fixture
def gate() -> SlowGate:
    return SlowGate()


# AMQP


@pytest.fixture
def amqp(gate: SlowGate) -> AmqpRoom:
    return AmqpRoom(users=Users(ADA), gate=gate)


def test_amqp(amqp: AmqpRoom, gate: SlowGate) -> None:
    client = amqp.dialog()
    client.greet()
    client.start_ok(response=RIGHT)
    assert client.answers() == []

    gate.work()

    assert isinstance(client.only(), methods.ConnectionTune)


def test_amqp_with_the_wrong_password(amqp: AmqpRoom, gate: SlowGate) -> None:
    client = amqp.dialog()
    client.greet()
    client.start_ok(response=WRONG)
    gate.work()

    close = client.only()
    assert isinstance(close, methods.ConnectionClose)
    assert close.reply_code == 403


def test_who_does_not_wait_for_the_answer_is_answered_in_order(
    amqp: AmqpRoom, gate: SlowGate
) -> None:
    """Nothing it says is looked at before it is known who it is."""
    client = amqp.dialog()
    client.greet()
    client.start_ok(response=RIGHT)
    client >> (0, methods.ConnectionTuneOk(10, 131_072, 0))
    client >> (0, methods.ConnectionOpen("/"))
    assert client.answers() == []
    assert not client.session.reading
    assert not client.session.more, "it has nothing to do for now"

    gate.work()
    amqp.go_on(client)

    tune, opened = client.answers()
    assert isinstance(tune[1], methods.ConnectionTune)
    assert isinstance(opened[1], methods.ConnectionOpenOk)


def test_who_says_all_in_one_piece(amqp: AmqpRoom, gate: SlowGate) -> None:
    client = amqp.dialog()
    client.greet()
    client.session.receive(
        memoryview(
            start_ok(RIGHT)
            + frame(methods.ConnectionTuneOk(10, 131_072, 0))
            + frame(methods.ConnectionOpen("/"))
        )
    )
    assert client.answers() == []
    gate.work()
    amqp.go_on(client)
    assert len(client.answers()) == 2


def test_who_leaves_meanwhile(amqp: AmqpRoom, gate: SlowGate) -> None:
    client = amqp.dialog()
    client.greet()
    client.start_ok(response=RIGHT)
    client.hang_up()

    gate.work()

    assert client.raw() == b""
    assert not amqp.amqp.conversations


def test_who_is_guessing_learns_nothing_more(amqp: AmqpRoom, gate: SlowGate) -> None:
    """Not even that it has to wait: the answer is that of a wrong password."""
    answers = set()
    for n in range(12):
        client = amqp.dialog()
        client.greet()
        client.start_ok(response=b"\0ada\0guess %d" % n)
        gate.work()
        answers.add(client.only())

    assert len(answers) == 1
    client = amqp.dialog()
    client.greet()
    client.start_ok(response=RIGHT)
    assert {client.only()} == answers
    assert amqp.amqp.counters.logins_failed == 13


def start_ok(response: bytes) -> bytes:
    return frame(methods.ConnectionStartOk({}, "PLAIN", response, "en_US"))


def frame(method: methods.Method) -> bytes:
    return method_frame(0, method)


# Kafka


@pytest.fixture
def kafka(gate: SlowGate) -> KafkaDialog:
    settings = KafkaSettings(sasl_mechanisms=("PLAIN", "SCRAM-SHA-256"), login_required=True)
    return KafkaRoom(settings, users=Users(ADA), gate=gate).dialog()


def test_kafka(kafka: KafkaDialog, gate: SlowGate) -> None:
    kafka.ask(SaslHandshakeRequest("PLAIN"))
    kafka >> SaslAuthenticateRequest(RIGHT) >> list_groups.ListGroupsRequest()
    assert not kafka.answers()

    gate.work()

    assert kafka.answer().error_code == 0
    assert kafka.answer().error_code == 0


def test_kafka_with_the_wrong_password(kafka: KafkaDialog, gate: SlowGate) -> None:
    kafka.ask(SaslHandshakeRequest("PLAIN"))
    kafka >> SaslAuthenticateRequest(WRONG) >> list_groups.ListGroupsRequest()
    gate.work()

    assert kafka.answer().error_code == ErrorCode.SASL_AUTHENTICATION_FAILED
    assert kafka.closed
    assert not kafka.answers(), "what was asked besides is not answered"


def test_kafka_with_raw_tokens(kafka: KafkaDialog, gate: SlowGate) -> None:
    kafka.ask(SaslHandshakeRequest("PLAIN"), 0)
    kafka.send(pack(">i", len(RIGHT)) + RIGHT)
    kafka.send(kafka.encode(list_groups.ListGroupsRequest()))
    assert kafka.taken() == b""

    gate.work()

    assert kafka.taken() == pack(">i", 0)
    assert kafka.answer().error_code == 0


def test_a_client_of_kafka_that_leaves_meanwhile(kafka: KafkaDialog, gate: SlowGate) -> None:
    kafka.ask(SaslHandshakeRequest("PLAIN"))
    kafka >> SaslAuthenticateRequest(RIGHT)
    kafka.hang_up()

    gate.work()

    assert kafka.taken() == b""


def test_scram_is_limited_as_well(kafka: KafkaDialog, gate: SlowGate) -> None:
    """There we see no password: each failure is a guess."""
    room = kafka.room
    for _ in range(10):
        assert scram(room.dialog(), "wrong") == ErrorCode.SASL_AUTHENTICATION_FAILED
    assert scram(room.dialog(), "secret") == ErrorCode.SASL_AUTHENTICATION_FAILED
    gate.clock.seconds += 10
    assert scram(room.dialog(), "secret") == 0
    assert gate.attempts.by_protocol["kafka"].failed == 11


def scram(client: KafkaDialog, password: str) -> int:
    client.ask(SaslHandshakeRequest("SCRAM-SHA-256"))
    authenticator: Any = ScramAuthenticator(
        loop=None,
        sasl_plain_password=password,
        sasl_plain_username="ada",
        sasl_mechanism="SCRAM-SHA-256",
    )
    steps = authenticator.authenticator_scram()
    token, _ = next(steps)
    while True:
        answer = client.ask(SaslAuthenticateRequest(token))
        if answer.error_code:
            return int(answer.error_code)
        try:
            token, _ = steps.send(answer.auth_bytes)
        except StopIteration:
            return 0


# HTTP


@pytest.fixture
def http(gate: SlowGate) -> HttpRoom:
    return HttpRoom(users=Users(ADA), gate=gate)


def test_http(http: HttpRoom, gate: SlowGate) -> None:
    browser = http.browser()
    browser.say("GET", "/api/whoami", Authorization=basic("ada:secret"))
    browser.say("GET", "/api/nothing", Authorization=basic("ada:secret"))
    assert browser.heard() is None
    assert not browser.session.more

    gate.work()

    said = browser.heard()
    assert said is not None
    assert said.status == 200
    assert b"HTTP/1.1 404" in said.body, "the second is answered after it"


def test_large_bodies_are_taken_when_it_is_known_from_whom(http: HttpRoom, gate: SlowGate) -> None:
    browser = http.browser()
    browser.say(
        "PUT", "/api/queues/%2F/q", b"{}" + b" " * 100_000, Authorization=basic("ada:secret")
    )
    assert browser.heard() is None
    assert not browser.session.reading

    gate.work()

    said = browser.heard()
    assert said is not None
    assert said.status == 201


def test_large_bodies_of_strangers(http: HttpRoom, gate: SlowGate) -> None:
    browser = http.browser()
    browser.say("PUT", "/api/queues/%2F/q", b" " * 100_000, Authorization=basic("ada:wrong"))
    gate.work()

    said = browser.heard()
    assert said is not None
    assert said.status == 413


def test_a_form(http: HttpRoom, gate: SlowGate) -> None:
    browser = http.browser()
    body = {"username": "ada", "password": "secret"}
    browser.say("POST", "/api/login", body, Authorization="")
    assert browser.heard() is None

    gate.work()

    said = browser.heard()
    assert said is not None
    assert said.json["csrf_token"]


def test_a_browser_that_leaves_meanwhile(http: HttpRoom, gate: SlowGate) -> None:
    browser = http.browser()
    browser.say("PUT", "/api/queues/%2F/q", {}, Authorization=basic("ada:secret"))
    browser.session.peer_gone()

    gate.work()

    assert browser.heard() is None


def test_too_many_guesses(http: HttpRoom, gate: SlowGate) -> None:
    for n in range(10):
        browser = http.browser()
        browser.say("GET", "/api/whoami", Authorization=basic(f"ada:guess{n}"))
        gate.work()
        browser.heard()

    said = http.get("/api/whoami", Authorization=basic("ada:secret"))

    assert said.status == 429
    assert said.json["error"] == "too_many_requests"
    assert int(said.headers["Retry-After"]) == 10


def test_what_is_kept_of_a_new_password_is_made_apart(gate: SlowGate) -> None:
    room = HttpRoom(gate=gate)
    browser = room.browser()
    browser.say("PUT", "/api/users/eve", {"password": "secret", "tags": "management"})
    assert browser.heard() is None
    assert "eve" not in room.broker.users

    gate.work()

    said = browser.heard()
    assert said is not None
    assert said.status == 201
    proofs = room.broker.users.proofs("eve")
    assert proofs is not None
    assert proofs[0].startswith("$argon2id$")


def test_who_tried_to_log_in(gate: SlowGate) -> None:
    """As RabbitMQ shows it."""
    room = HttpRoom()
    room.get("/api/whoami", Authorization=basic("eve:x"))
    node = room.site.node

    [row] = room.get(f"/api/auth/attempts/{node}").json
    assert row["protocol"] == "http"
    assert (row["auth_attempts_failed"], row["auth_attempts_succeeded"]) == (1, 1)
    rows = room.get(f"/api/auth/attempts/{node}/source").json
    assert {(one["remote_address"], one["username"]) for one in rows} == {
        ("127.0.0.1", "eve"),
        ("127.0.0.1", "guest"),
    }
    assert room.delete(f"/api/auth/attempts/{node}").status == 204
    assert room.get("/api/auth/attempts/other").status == 404

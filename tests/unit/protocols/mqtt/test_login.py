"""Logins of more than a user and a password: AUTH with SCRAM, and certificates."""

import base64
import hashlib
import hmac
from dataclasses import replace

import pytest

from anymq.protocols.mqtt.codec import Auth, Connack, Connect, Disconnect, Pingreq, Pingresp
from anymq.protocols.mqtt.errors import Reason
from anymq.protocols.mqtt.properties import P, Props
from anymq.testing.mqtt import PEER, MqttDialog, MqttRoom

METHODS = ("SCRAM-SHA-256", "SCRAM-SHA-512")
PASSWORD = "pencil"


class ScramClient:
    """The client's side of RFC 5802, straight from its text."""

    def __init__(self, method: str, user: str = "ann", password: str = PASSWORD) -> None:
        self.method = method
        self._hash = method.removeprefix("SCRAM-").replace("-", "").lower()
        self._bare = f"n={user},r=abc"
        self._password = password
        self.expected = b""

    @property
    def first(self) -> Props:
        return {P.AUTH_METHOD: self.method, P.AUTH_DATA: f"n,,{self._bare}".encode()}

    def final(self, said: bytes) -> Props:
        fields = dict(part.split("=", 1) for part in said.decode().split(","))
        salted = hashlib.pbkdf2_hmac(
            self._hash, self._password.encode(), base64.b64decode(fields["s"]), int(fields["i"])
        )
        key, server_key = (
            hmac.digest(salted, b, self._hash) for b in (b"Client Key", b"Server Key")
        )
        unproved = f"c=biws,r={fields['r']}"
        signed = f"{self._bare},{said.decode()},{unproved}".encode()
        signature = hmac.digest(hashlib.new(self._hash, key).digest(), signed, self._hash)
        proof = bytes(a ^ b for a, b in zip(key, signature, strict=True))
        self.expected = b"v=" + base64.b64encode(hmac.digest(server_key, signed, self._hash))
        data = f"{unproved},p={base64.b64encode(proof).decode()}".encode()
        return {P.AUTH_METHOD: self.method, P.AUTH_DATA: data}


@pytest.fixture
def room() -> MqttRoom:
    room = MqttRoom()
    for name in ("ann", "bob"):
        room.broker.users.put(name, password=PASSWORD)
        room.broker.users.set_permissions(name, "/", ".*", ".*", ".*")
    return room


def begun(room: MqttRoom, scram: ScramClient) -> tuple[MqttDialog, bytes]:
    """Return a client that has said its first message, and what it heard."""
    client = room.mqtt_dialog() >> Connect(5, "c", properties=scram.first)
    answer = client.only()
    assert isinstance(answer, Auth)
    assert (answer.code, answer.properties[P.AUTH_METHOD]) == (Reason.CONTINUE, scram.method)
    return client, answer.properties[P.AUTH_DATA]


def logged_in(room: MqttRoom, scram: ScramClient) -> MqttDialog:
    client, said = begun(room, scram)
    client >> Auth(Reason.CONTINUE, scram.final(said))
    connack = client.only()
    assert isinstance(connack, Connack)
    assert connack.code == 0
    assert connack.properties[P.AUTH_DATA] == scram.expected
    return client


@pytest.mark.parametrize("method", METHODS)
def test_scram(room: MqttRoom, method: str) -> None:
    """The password is never said, and the broker proves that it knows it, too."""
    client = logged_in(room, ScramClient(method))
    client >> Pingreq()
    assert client.only() == Pingresp()
    assert client.session.conversation.user == "ann"


def test_first_message_may_come_later(room: MqttRoom) -> None:
    """CONNECT need not bear data."""
    scram = ScramClient(METHODS[0])
    client = room.mqtt_dialog() >> Connect(5, "c", properties={P.AUTH_METHOD: scram.method})
    assert client.only() == Auth(Reason.CONTINUE, {P.AUTH_METHOD: scram.method})
    client >> Auth(Reason.CONTINUE, scram.first)
    answer = client.only()
    assert isinstance(answer, Auth)
    client >> Auth(Reason.CONTINUE, scram.final(answer.properties[P.AUTH_DATA]))
    assert isinstance(client.only(), Connack)


def test_wrong_password_and_unknown_user(room: MqttRoom) -> None:
    """Nobody can tell one from the other."""
    for scram in (ScramClient(METHODS[0], password="no"), ScramClient(METHODS[0], "nobody")):
        client, said = begun(room, scram)
        client >> Auth(Reason.CONTINUE, scram.final(said))
        assert client.only() == Connack(False, Reason.BAD_LOGIN)
        assert client.session.closed


def test_methods_that_are_not_offered(room: MqttRoom) -> None:
    """It is told so at once."""
    client = room.mqtt_dialog() >> Connect(5, "c", properties={P.AUTH_METHOD: "GS2-KRB5"})
    connack = client.only()
    assert isinstance(connack, Connack)
    assert connack.code == Reason.BAD_AUTH_METHOD


def test_nothing_else_in_the_middle_of_a_login(room: MqttRoom) -> None:
    """Nobody subscribes before he has proved who he is."""
    client, _ = begun(room, ScramClient(METHODS[0]))
    client >> Pingreq()
    connack = client.only()
    assert isinstance(connack, Connack)
    assert connack.code == Reason.PROTOCOL_ERROR
    client, _ = begun(room, ScramClient(METHODS[0]))
    client >> Disconnect()
    assert client.session.closed


def test_guesses_are_slowed_down(room: MqttRoom) -> None:
    """SCRAM is no way around the limit of wrong passwords."""
    for _ in range(200):
        scram = ScramClient(METHODS[0], password="guess")
        client = room.mqtt_dialog() >> Connect(5, "c", properties=scram.first)
        answer = client.only()
        if isinstance(answer, Connack):
            assert answer.code == Reason.BAD_LOGIN
            return
        assert isinstance(answer, Auth)
        client >> Auth(Reason.CONTINUE, scram.final(answer.properties[P.AUTH_DATA]))
        client.packets()
    raise AssertionError("it may guess for ever")


def test_again(room: MqttRoom) -> None:
    """A client proves itself again, and goes on where it was."""
    client = logged_in(room, ScramClient(METHODS[0]))
    scram = ScramClient(METHODS[0])
    client >> Auth(Reason.AUTHENTICATE_AGAIN, scram.first)
    answer = client.only()
    assert isinstance(answer, Auth)
    client >> Auth(Reason.CONTINUE, scram.final(answer.properties[P.AUTH_DATA]))
    assert client.only() == Auth(
        Reason.SUCCESS, {P.AUTH_METHOD: scram.method, P.AUTH_DATA: scram.expected}
    )


@pytest.mark.parametrize(
    "scram", [ScramClient(METHODS[0], password="no"), ScramClient(METHODS[0], "bob")]
)
def test_again_and_wrong(room: MqttRoom, scram: ScramClient) -> None:
    """Neither with a wrong password nor as somebody else."""
    client = logged_in(room, ScramClient(METHODS[0]))
    client >> Auth(Reason.AUTHENTICATE_AGAIN, scram.first)
    answer = client.only()
    assert isinstance(answer, Auth)
    client >> Auth(Reason.CONTINUE, scram.final(answer.properties[P.AUTH_DATA]))
    end = client.only()
    assert isinstance(end, Disconnect)
    assert end.code == Reason.NOT_AUTHORIZED


def test_auth_without_a_method(room: MqttRoom) -> None:
    """Who came by a password has nothing to go on with."""
    client = room.connect("c") >> Auth(Reason.AUTHENTICATE_AGAIN, ScramClient(METHODS[0]).first)
    end = client.only()
    assert isinstance(end, Disconnect)
    assert end.code == Reason.PROTOCOL_ERROR


@pytest.mark.parametrize(("name", "code"), [("ann", 0), ("nobody", Reason.BAD_LOGIN)])
def test_certificate(room: MqttRoom, name: str, code: int) -> None:
    """Who shows a certificate, which TLS has checked, is the user that it names."""
    shown = {"subject": ((("commonName", name),),)}
    client = MqttDialog(room, 5, replace(PEER, certificate=lambda: shown))
    assert client.connect("c").code == code
    assert client.session.conversation.user == ("ann" if not code else "")


def test_a_password_goes_before_a_certificate(room: MqttRoom) -> None:
    """Many devices share one certificate, and say who they are."""
    shown = {"subject": ((("commonName", "ann"),),)}
    client = MqttDialog(room, 5, replace(PEER, certificate=lambda: shown))
    assert client.connect("c", user="bob", password=PASSWORD.encode()).code == 0
    assert client.session.conversation.user == "bob"

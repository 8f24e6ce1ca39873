"""Addresses, property files, logins: what stands before the first request."""

from collections.abc import Generator
from pathlib import Path

import pytest

from anymq.cli.errors import CommandFailed
from anymq.cli.kafka.address import Address, parse_addresses
from anymq.cli.kafka.errors import LoginFailed
from anymq.cli.kafka.properties import load_properties, pairs, parse_properties
from anymq.cli.kafka.sasl import exchange
from anymq.cli.kafka.security import Login, security_from
from anymq.security.passwords import Mechanism
from anymq.security.scram import AuthenticationFailed, ScramServer
from anymq.security.users import Users

JAAS = 'org.apache.kafka.common.security.plain.PlainLoginModule required username="a" password="b";'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("localhost:9092", [Address("localhost", 9092)]),
        ("a:1, b:2", [Address("a", 1), Address("b", 2)]),
        ("broker", [Address("broker", 9092)]),
        ("[::1]:9093", [Address("::1", 9093)]),
        ("::1", [Address("::1", 9092)]),
        ("PLAINTEXT://host:9094", [Address("host", 9094)]),
    ],
)
def test_addresses(text: str, expected: list[Address]) -> None:
    assert parse_addresses(text) == expected


@pytest.mark.parametrize("text", ["", ",", "host:port", "host:0", "host:99999"])
def test_no_addresses(text: str) -> None:
    with pytest.raises(CommandFailed, match="--bootstrap-server"):
        parse_addresses(text)


def test_properties_as_java_reads_them() -> None:
    text = """
# a comment
! another
plain=value
 spaced : other value
empty=
long = one \\
       two
tab=a\\tb\\u00e9\\=c
bare
"""
    assert parse_properties(text) == {
        "plain": "value",
        "spaced": "other value",
        "empty": "",
        "long": "one two",
        "tab": "a\tbé=c",
        "bare": "",
    }


def test_a_missing_property_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match=r"nothing\.properties"):
        load_properties(tmp_path / "nothing.properties")


def test_words_of_flags_are_key_and_value() -> None:
    assert pairs(["a=1", "b=x=y", "c="], "--property") == {"a": "1", "b": "x=y", "c": ""}
    with pytest.raises(CommandFailed, match="--property takes KEY=VALUE"):
        pairs(["a"], "--property")


def test_a_login_as_the_java_client_and_librdkafka_name_it() -> None:
    java = {
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": "PLAIN",
        "sasl.jaas.config": JAAS,
    }
    other = {
        "security.protocol": "sasl_plaintext",
        "sasl.mechanisms": "PLAIN",
        "sasl.username": "a",
        "sasl.password": "b",
    }

    assert security_from(java) == security_from(other)
    assert security_from(java).login == Login("PLAIN", "a", "b")
    assert "b" not in repr(security_from(java).login).partition("user=")[2]


@pytest.mark.parametrize(
    ("properties", "reason"),
    [
        ({"security.protocol": "MAGIC"}, "security.protocol"),
        ({"security.protocol": "SASL_SSL", "sasl.mechanism": "GSSAPI"}, "sasl.mechanism"),
        ({"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "PLAIN"}, "sasl.jaas.config"),
        ({"security.protocol": "SSL", "ssl.truststore.location": "trust.jks"}, "is not PEM"),
    ],
)
def test_what_cannot_be_done_is_said(properties: dict[str, str], reason: str) -> None:
    with pytest.raises(CommandFailed, match=reason):
        security_from(properties)


def test_tls_that_checks_no_name() -> None:
    properties = {
        "security.protocol": "SSL",
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": "ca.anything",
        "ssl.endpoint.identification.algorithm": "",
    }
    tls = security_from(properties).tls

    assert tls is not None
    assert (tls.authorities_file, tls.check_host, tls.verify) == ("ca.anything", False, True)


# --- logins ------------------------------------------------------------------------------------


def converse(client: Generator[bytes, bytes, None], server: ScramServer) -> None:
    message = next(client)
    try:
        while True:
            message = client.send(server.step(message))
    except StopIteration:
        return


@pytest.mark.parametrize("mechanism", [Mechanism.SHA_256, Mechanism.SHA_512])
def test_scram_convinces_our_own_server(mechanism: Mechanism) -> None:
    users = Users({"a=b,c": ["pass word"]})
    server = ScramServer(users, mechanism)

    converse(exchange(Login(mechanism.value, "a=b,c", "pass word")), server)

    assert server.user == "a=b,c"


def test_scram_with_a_wrong_password_does_not() -> None:
    server = ScramServer(Users({"ada": ["right"]}), Mechanism.SHA_256)

    with pytest.raises(AuthenticationFailed):
        converse(exchange(Login("SCRAM-SHA-256", "ada", "wrong")), server)


def test_scram_as_rfc_7677_shows_it() -> None:
    client = exchange(Login("SCRAM-SHA-256", "user", "pencil"), "rOprNGfwEbeRWgbNEkqO")

    assert next(client) == b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO"
    nonce = b"rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
    proof = b"dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
    answer = client.send(b"r=" + nonce + b",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096")
    assert answer == b"c=biws,r=" + nonce + b",p=" + proof
    with pytest.raises(StopIteration):
        client.send(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")


@pytest.mark.parametrize(
    "challenge",
    [b"", b"r=other,s=AA==,i=4096", b"r=mine1,s=AA==,i=-1", b"r=mine1,s=AA==,i=9999999999"],
)
def test_a_server_that_makes_no_sense_is_refused(challenge: bytes) -> None:
    client = exchange(Login("SCRAM-SHA-256", "ada", "x"), "mine")
    next(client)

    with pytest.raises(LoginFailed):
        client.send(challenge)


def test_a_server_that_does_not_know_the_password_is_refused() -> None:
    client = exchange(Login("SCRAM-SHA-256", "ada", "x"), "mine")
    next(client)
    client.send(b"r=mine1,s=AAAA,i=4096")

    with pytest.raises(LoginFailed, match="does not know"):
        client.send(b"v=AAAA")

"""Logging in, as the dialogue that every client has. The client's half of SCRAM is aiokafka's."""

from collections.abc import Generator
from struct import pack
from typing import Any

import pytest
from aiokafka.conn import ScramAuthenticator

from anymq.protocols.kafka.error_codes import ErrorCode
from anymq.protocols.kafka.schema.generated import (
    api_versions,
    describe_user_scram_credentials,
    list_groups,
)
from anymq.protocols.kafka.schema.generated.sasl_authenticate import (
    SaslAuthenticateRequest,
    SaslAuthenticateResponse,
)
from anymq.protocols.kafka.schema.generated.sasl_handshake import (
    SaslHandshakeRequest,
    SaslHandshakeResponse,
)
from anymq.protocols.kafka.settings import KafkaSettings
from anymq.security.passwords import Mechanism, derive, to_text
from anymq.security.users import Users
from anymq.testing.kafka import KafkaDialog, KafkaRoom

OFFERED = ["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"]
RIGHT = b"\0ann\0secret"


def make_room(*, login_required: bool = True) -> KafkaRoom:
    users = Users({"ann": ["secret"], "bob": [to_text(derive("hush", Mechanism.SHA_256))]})
    settings = KafkaSettings(sasl_mechanisms=OFFERED, login_required=login_required)
    return KafkaRoom(settings, users=users)


@pytest.fixture
def client() -> KafkaDialog:
    return make_room().dialog()


def is_let_in(client: KafkaDialog) -> bool:
    return isinstance(client.ask(list_groups.ListGroupsRequest()), list_groups.ListGroupsResponse)


def scram(mechanism: str, name: str, password: str) -> Generator[tuple[bytes, bool], bytes, None]:
    authenticator: Any = ScramAuthenticator(
        loop=None,
        sasl_plain_username=name,
        sasl_plain_password=password,
        sasl_mechanism=mechanism,
    )
    steps: Generator[tuple[bytes, bool], bytes, None] = authenticator.authenticator_scram()
    return steps


# -- PLAIN


def test_plain(client: KafkaDialog) -> None:
    client.ask(api_versions.ApiVersionsRequest("tester", "1"))
    client >> SaslHandshakeRequest("PLAIN") << SaslHandshakeResponse(0, OFFERED)
    client >> SaslAuthenticateRequest(RIGHT) << SaslAuthenticateResponse()
    assert is_let_in(client)


@pytest.mark.parametrize(
    "token",
    [b"\0ann\0wrong", b"\0eve\0secret", b"", b"ann\0secret", b"bob\0ann\0secret", b"\xff\0\0"],
)
def test_who_proves_nothing_is_told_so_and_hung_up_on(client: KafkaDialog, token: bytes) -> None:
    client.ask(SaslHandshakeRequest("PLAIN"))
    answer = client.ask(SaslAuthenticateRequest(token))
    assert answer.error_code == ErrorCode.SASL_AUTHENTICATION_FAILED
    assert answer.error_message.startswith("Authentication failed")
    assert answer.auth_bytes == b""
    assert client.closed
    assert client.session.kafka.counters.logins_failed == 1


def test_a_mechanism_we_do_not_offer(client: KafkaDialog) -> None:
    """The answer lists what there is."""
    refusal = SaslHandshakeResponse(ErrorCode.UNSUPPORTED_SASL_MECHANISM, OFFERED)
    client >> SaslHandshakeRequest("GSSAPI") << refusal
    assert client.closed


def test_a_token_before_the_handshake(client: KafkaDialog) -> None:
    answer = client.ask(SaslAuthenticateRequest(RIGHT))
    assert answer.error_code == ErrorCode.ILLEGAL_SASL_STATE
    assert client.closed


def test_who_is_in_stays_who_it_is(client: KafkaDialog) -> None:
    """Nobody becomes somebody else, or nobody, on the way."""
    client.ask(SaslHandshakeRequest("PLAIN"))
    client.ask(SaslAuthenticateRequest(RIGHT))
    again = client.ask(SaslHandshakeRequest("PLAIN"))
    assert again.error_code == ErrorCode.ILLEGAL_SASL_STATE
    token = client.ask(SaslAuthenticateRequest(b"\0bob\0hush"))
    assert token.error_code == ErrorCode.ILLEGAL_SASL_STATE
    assert client.session.authentication.user == "ann"
    assert is_let_in(client)


def test_where_nobody_has_to_log_in_one_still_can() -> None:
    client = make_room(login_required=False).dialog()
    assert is_let_in(client)
    client.ask(SaslHandshakeRequest("PLAIN"))
    client >> SaslAuthenticateRequest(RIGHT) << SaslAuthenticateResponse()
    assert is_let_in(client)


def test_where_nobody_can_log_in() -> None:
    client = KafkaRoom().dialog()
    answer = client.ask(SaslHandshakeRequest("PLAIN"))
    assert answer.error_code == ErrorCode.ILLEGAL_SASL_STATE


# -- SCRAM


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_scram(client: KafkaDialog, mechanism: str) -> None:
    client.ask(SaslHandshakeRequest(mechanism))
    steps = scram(mechanism, "ann", "secret")
    token, _ = next(steps)
    while True:
        answer = client.ask(SaslAuthenticateRequest(token))
        assert answer.error_code == 0
        try:
            token, _ = steps.send(answer.auth_bytes)
        except StopIteration:
            break
    assert is_let_in(client)


@pytest.mark.parametrize(("name", "password"), [("ann", "wrong"), ("eve", "secret")])
def test_scram_with_the_wrong_password_or_name(
    client: KafkaDialog, name: str, password: str
) -> None:
    """A name nobody has looks like a wrong password until the end."""
    client.ask(SaslHandshakeRequest("SCRAM-SHA-256"))
    steps = scram("SCRAM-SHA-256", name, password)
    first = client.ask(SaslAuthenticateRequest(next(steps)[0]))
    assert first.error_code == 0
    final = client.ask(SaslAuthenticateRequest(steps.send(first.auth_bytes)[0]))
    assert final.error_code == ErrorCode.SASL_AUTHENTICATION_FAILED
    assert client.closed


def test_scram_in_the_middle_is_nobody_yet(client: KafkaDialog) -> None:
    client.ask(SaslHandshakeRequest("SCRAM-SHA-256"))
    client.ask(SaslAuthenticateRequest(next(scram("SCRAM-SHA-256", "ann", "secret"))[0]))
    client >> list_groups.ListGroupsRequest()
    assert client.closed
    assert not client.answers()


# -- the old way: after a handshake of version 0, tokens without a request around them


def raw(client: KafkaDialog, token: bytes) -> bytes:
    client.send(pack(">i", len(token)) + token)
    return client.taken()


def test_raw_plain_token(client: KafkaDialog) -> None:
    client.ask(SaslHandshakeRequest("PLAIN"), 0)
    assert raw(client, RIGHT) == pack(">i", 0)
    assert is_let_in(client)


def test_a_raw_token_may_be_shorter_than_any_request(client: KafkaDialog) -> None:
    client.ask(SaslHandshakeRequest("PLAIN"), 0)
    assert raw(client, b"\0a\0b") == b""
    assert client.closed


def test_raw_scram_tokens(client: KafkaDialog) -> None:
    client.ask(SaslHandshakeRequest("SCRAM-SHA-512"), 0)
    steps = scram("SCRAM-SHA-512", "ann", "secret")
    first = raw(client, next(steps)[0])
    final = raw(client, steps.send(first[4:])[0])
    with pytest.raises(StopIteration):
        steps.send(final[4:])
    assert is_let_in(client)


def test_after_raw_tokens_frames_are_requests_again(client: KafkaDialog) -> None:
    client.ask(SaslHandshakeRequest("PLAIN"), 0)
    raw(client, RIGHT)
    client.send(pack(">i", 4) + b"none")
    assert client.closed


# -- what administrators see


def test_users_and_how_they_log_in() -> None:
    """bob has one verifier, ann a password: she can use both mechanisms. Nothing secret shows."""
    client = make_room(login_required=False).dialog()
    ask = describe_user_scram_credentials
    answer = client.ask(ask.DescribeUserScramCredentialsRequest())
    said = {one.user: [info.mechanism for info in one.credential_infos] for one in answer.results}
    assert said == {"ann": [1, 2], "bob": [1]}


def test_users_nobody_has_heard_of_or_named_twice() -> None:
    client = make_room(login_required=False).dialog()
    ask = describe_user_scram_credentials
    names = [ask.UserName("eve"), ask.UserName("ann"), ask.UserName("ann")]
    answer = client.ask(ask.DescribeUserScramCredentialsRequest(names))
    codes = {one.user: one.error_code for one in answer.results}
    assert codes == {"eve": ErrorCode.RESOURCE_NOT_FOUND, "ann": ErrorCode.DUPLICATE_RESOURCE}

"""Passwords and SCRAM, against the vectors of the RFCs and against a client nobody here wrote."""

import base64
import hashlib
import hmac

import pytest
from aiokafka.conn import ScramAuthenticator

from anymq.security.passwords import Mechanism, derive, from_text, to_text
from anymq.security.scram import AuthenticationFailed, ScramServer
from anymq.security.users import Users


@pytest.fixture
def users() -> Users:
    verifier = to_text(derive("pencil", Mechanism.SHA_512))
    return Users({"ann": ("secret",), "bob": (verifier,)})


@pytest.mark.parametrize("mechanism", list(Mechanism))
def test_a_client_with_the_right_password_is_let_in(users: Users, mechanism: Mechanism) -> None:
    server = ScramServer(users, mechanism)
    log_in(server, mechanism, "ann", "secret")
    assert server.user == "ann"


def test_a_stored_verifier_is_enough(users: Users) -> None:
    server = ScramServer(users, Mechanism.SHA_512)
    log_in(server, Mechanism.SHA_512, "bob", "pencil")
    assert server.user == "bob"


@pytest.mark.parametrize(
    ("name", "password"), [("ann", "wrong"), ("nobody", "secret"), ("bob", "x")]
)
def test_anyone_else_learns_only_that_it_failed(users: Users, name: str, password: str) -> None:
    """An unknown name gets a challenge too, and the same refusal."""
    server = ScramServer(users, Mechanism.SHA_256)
    with pytest.raises(AuthenticationFailed, match="wrong user name or password"):
        log_in(server, Mechanism.SHA_256, name, password)
    assert server.user is None


@pytest.mark.parametrize(
    "first",
    [
        b"",
        b"\xff",
        b"n,,",
        b"p=tls-unique,,n=ann,r=x",
        b"n,a=bob,n=ann,r=x",
        b"n,,r=x",
        b"x" * 9999,
    ],
)
def test_nonsense_is_refused(users: Users, first: bytes) -> None:
    with pytest.raises(AuthenticationFailed):
        ScramServer(users, Mechanism.SHA_256).step(first)


@pytest.mark.parametrize("final", [b"", b"c=biws,r=x,p=eA==", b"c=%%,r=,p=", b"p=", b"c=biws,p=x"])
def test_a_nonsensical_proof_is_refused(users: Users, final: bytes) -> None:
    server = ScramServer(users, Mechanism.SHA_256)
    server.step(b"n,,n=ann,r=abc")
    with pytest.raises(AuthenticationFailed):
        server.step(final)


def test_the_example_of_rfc_7677() -> None:
    """The stored and server keys that the RFC's exchange implies."""
    import base64
    import hashlib
    import hmac

    verifier = derive(
        "pencil", Mechanism.SHA_256, base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ=="), 4096
    )
    exchanged = (
        b"n=user,r=rOprNGfwEbeRWgbNEkqO,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
        b"s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,"
        b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
    )
    signature = hmac.digest(verifier.server_key, exchanged, hashlib.sha256)
    assert base64.b64encode(signature) == b"6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="


@pytest.mark.parametrize("mechanism", list(Mechanism))
def test_a_verifier_survives_being_written_down(mechanism: Mechanism) -> None:
    verifier = derive("s€cret", mechanism)
    assert from_text(to_text(verifier)) == verifier
    assert verifier.matches("s€cret")
    assert not verifier.matches("secret")


def test_plain_passwords(users: Users) -> None:
    assert users.check("ann", "secret")
    assert users.check("ann", "secret")
    assert users.check("bob", "pencil")
    assert not users.check("ann", "pencil")
    assert not users.check("nobody", "")


@pytest.mark.parametrize("before", ["", "mine"], ids=["as it should", "as old librdkafka does"])
def test_a_nonce_may_have_the_clients_before_it_once_more(users: Users, before: str) -> None:
    """kcat of the distributions logs in with a librdkafka before 2.6.1."""
    server = ScramServer(users, Mechanism.SHA_256)
    assert finish(server, before=before).startswith(b"v=")
    assert server.user == "ann"


@pytest.mark.parametrize("before", ["other", "minemine"])
def test_any_other_nonce_is_refused(users: Users, before: str) -> None:
    with pytest.raises(AuthenticationFailed, match="nonce differs"):
        finish(ScramServer(users, Mechanism.SHA_256), before=before)


def finish(server: ScramServer, *, before: str) -> bytes:
    """Log ann in by hand, with something before the nonce of the last message."""
    first = "n=ann,r=mine"
    told = server.step(f"n,,{first}".encode()).decode()
    nonce, salt, count = (part[2:] for part in told.split(","))
    salted = hashlib.pbkdf2_hmac("sha256", b"secret", base64.b64decode(salt), int(count))
    unproved = f"c=biws,r={before}{nonce}"
    key = hmac.digest(salted, b"Client Key", "sha256")
    signed = f"{first},{told},{unproved}".encode()
    signature = hmac.digest(hashlib.sha256(key).digest(), signed, "sha256")
    proof = base64.b64encode(bytes(a ^ b for a, b in zip(key, signature, strict=True)))
    return server.step(f"{unproved},p={proof.decode()}".encode())


def log_in(server: ScramServer, mechanism: Mechanism, name: str, password: str) -> None:
    client = ScramAuthenticator(
        loop=None,
        sasl_plain_username=name,
        sasl_plain_password=password,
        sasl_mechanism=mechanism.value,
    )
    steps = client._authenticator
    message = next(steps)
    while message is not None:
        answer = server.step(message[0])
        try:
            message = steps.send(answer)
        except StopIteration:
            return

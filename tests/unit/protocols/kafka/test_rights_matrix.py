"""Every request, every right, every version: who may is served, who may not changes nothing."""

import base64
import hashlib
import hmac
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from tests.unit.protocols.kafka import rights_matrix as matrix
from tests.unit.protocols.kafka.rights_matrix import OPERATIONS, Asked, User

from anymq.protocols.kafka.api.registry import Api
from anymq.protocols.kafka.schema.generated.sasl_authenticate import SaslAuthenticateRequest
from anymq.protocols.kafka.schema.generated.sasl_handshake import SaslHandshakeRequest
from anymq.protocols.kafka.settings import KafkaSettings
from anymq.security import passwords
from anymq.security.passwords import Mechanism
from anymq.security.users import Users
from anymq.testing.kafka import KafkaDialog, KafkaRoom

LOCKED = KafkaSettings(sasl_mechanisms=("SCRAM-SHA-256",), login_required=True)
BEFORE_LOGIN = {"ApiVersions", "SaslHandshake", "SaslAuthenticate"}
VERIFIER = passwords.derive("secret", Mechanism.SHA_256, b"salt")
SALTED = hashlib.pbkdf2_hmac("sha256", b"secret", b"salt", passwords.ITERATIONS)
CLIENT_KEY = hmac.digest(SALTED, b"Client Key", "sha256")


class World:
    """A broker that is as it was again after everything that was allowed."""

    def __init__(self) -> None:
        self._furnish()

    def _furnish(self) -> None:
        self.room = room = KafkaRoom(LOCKED)
        accounts = room.broker.users
        room.kafka.users = Users(stored=accounts, kept=("SCRAM-SHA-256",))
        accounts.put_verifier("there", VERIFIER)
        for user in matrix.users():
            accounts.put_verifier(user.name, VERIFIER)
            accounts.set_tags(user.name, [user.tag])
            configure, write, read = (matrix.PATTERNS[one] for one in user[:3])
            accounts.set_permissions(user.name, "/", configure, write, read)
        matrix.furnish(room.broker)
        room.write_to_disk()
        self.state = matrix.state(room.broker)
        self._dialogs: dict[str, KafkaDialog] = {}

    @contextmanager
    def unchanged(self) -> Iterator[None]:
        """What happens here must change nothing."""
        yield
        assert matrix.state(self.room.broker) == self.state

    def restore(self) -> None:
        if matrix.state(self.room.broker) != self.state:
            self._furnish()

    def dialog(self, user: User) -> KafkaDialog:
        """Return a connection of this user, logged in by its password."""
        if user.name not in self._dialogs:
            dialog = self._dialogs[user.name] = self.room.dialog()
            _log_in(dialog, user.name)
        return self._dialogs[user.name]

    def leave(self, user: User) -> None:
        self._dialogs.pop(user.name).hang_up()


def _log_in(dialog: KafkaDialog, name: str) -> None:
    """By SCRAM: its slow part is the same for all, and done once."""
    dialog.ask(SaslHandshakeRequest("SCRAM-SHA-256"))
    first = f"n={name},r=nonce"
    challenge = dialog.ask(SaslAuthenticateRequest(f"n,,{first}".encode())).auth_bytes.decode()
    last = f"c=biws,{challenge.partition(',')[0]}"
    said = f"{first},{challenge},{last}".encode()
    signature = hmac.digest(VERIFIER.stored_key, said, "sha256")
    proof = bytes(a ^ b for a, b in zip(CLIENT_KEY, signature, strict=True))
    last += f",p={base64.b64encode(proof).decode()}"
    assert not dialog.ask(SaslAuthenticateRequest(last.encode())).error_code, name


@pytest.fixture(scope="module")
def world() -> World:
    return World()


def api_of(name: str) -> Api:
    kind = name.partition(",")[0]
    (api,) = [one for one in KafkaRoom().kafka.apis.values() if one.name == kind]
    return api


def test_no_request_is_forgotten() -> None:
    """Who adds a request says which right it takes."""
    named = {name.partition(",")[0] for name in OPERATIONS}
    assert {api.name for api in KafkaRoom().kafka.apis.values()} - BEFORE_LOGIN == named


@pytest.mark.parametrize("name", OPERATIONS)
def test_who_may_do_it(world: World, name: str) -> None:
    operation = OPERATIONS[name]
    for version in operation.versions or api_of(name).versions:
        for user in matrix.users():
            _try(world, name, version, user)


def _try(world: World, name: str, version: int, user: User) -> None:
    operation = OPERATIONS[name]
    dialog = world.dialog(user)
    dialog.at(version) >> operation.ask(Asked(version, world.room.broker))
    if not operation.needs(user):
        with world.unchanged():
            response = dialog.answer()
        assert not operation.seen(response), f"{user} may not, and did in version {version}"
        if operation.lists:
            assert not response.topics, "not even that there is something"
        return
    # Who joins a group waits for others: it is let in.
    if dialog.answers() or name != "JoinGroup":
        response = dialog.answer()
        assert operation.seen(response), f"{user} may, and did not in {version}: {response}"
    if name == "JoinGroup":
        world.leave(user)
        world.room.pass_time(60)
    world.restore()

"""Who may send to a topic may decide about half messages for it, and be asked; nobody else."""

import hmac
import json
from base64 import b64encode

import pytest

from anymq.core.transactions import halves
from anymq.protocols.rocketmq import layout
from anymq.protocols.rocketmq.codec import Frame
from anymq.protocols.rocketmq.codes import RequestCode, ResponseCode
from anymq.protocols.rocketmq.layout import COMMIT, PREPARED
from anymq.protocols.rocketmq.settings import RocketMqSettings
from anymq.security.users import Users
from anymq.testing.rocketmq import RocketMqDialog, RocketMqRoom, send_fields

SECRET = "secret"
TOPIC, GROUP = "transfers", "bank-a"
BANK, THIEF = "bank", "thief"


@pytest.fixture
def room() -> RocketMqRoom:
    """The bank may send; the thief may read, and do everything with other topics."""
    users = Users({BANK: (SECRET,), THIEF: (SECRET,)})
    room = RocketMqRoom(RocketMqSettings(require_login=True), users=users)
    room.broker.users.set_permissions(BANK, "/", "", "^transfers$", "")
    room.broker.users.set_permissions(THIEF, "/", "^other", "^other", ".*")
    room.make_topic(TOPIC)
    return room


def ask(
    client: RocketMqDialog, user: str, code: int, ext: dict[str, object], body: bytes = b""
) -> Frame:
    """Ask with the signature of a user."""
    said = {name: _text(value) for name, value in ext.items()} | {"AccessKey": user}
    content = "".join(said[name] for name in sorted(said)).encode() + body
    signature = b64encode(hmac.digest(SECRET.encode(), content, "sha1")).decode()
    return client.ask(code, {**said, "Signature": signature}, body)


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def prepare(client: RocketMqDialog, user: str) -> Frame:
    said = {"TRAN_MSG": "true", "PGROUP": GROUP, "UNIQ_KEY": "t1"}
    fields = {**send_fields(TOPIC, 0, said), "a": GROUP, "f": PREPARED}
    return ask(client, user, RequestCode.SEND_MESSAGE_V2, fields, b"10 euro")


def commit(client: RocketMqDialog, user: str, position: int = 0) -> Frame:
    said: dict[str, object] = {
        "producerGroup": GROUP,
        "tranStateTableOffset": position,
        "commitLogOffset": layout.physical_offset(halves.LOG_ID, position),
        "commitOrRollback": COMMIT,
        "fromTransactionCheck": False,
    }
    return ask(client, user, RequestCode.END_TRANSACTION, said)


def show(client: RocketMqDialog, user: str) -> None:
    """Say that there is a producer of the group."""
    producers = [{"groupName": GROUP}]
    said = {"clientID": user, "producerDataSet": producers, "consumerDataSet": []}
    ask(client, user, RequestCode.HEART_BEAT, {}, json.dumps(said).encode())


def test_who_may_not_send_may_not_prepare(room: RocketMqRoom) -> None:
    assert prepare(room.client(), THIEF).code == ResponseCode.NO_PERMISSION
    assert len(room.transactions) == 0


def test_who_may_not_send_decides_nothing(room: RocketMqRoom) -> None:
    """Where half messages are can be guessed: they are counted."""
    client = room.client()
    assert prepare(client, BANK).code == ResponseCode.SUCCESS
    assert commit(room.client(), THIEF).code == ResponseCode.NO_PERMISSION
    assert len(room.transactions) == 1
    assert commit(client, BANK).code == ResponseCode.SUCCESS
    assert len(room.transactions) == 0


def test_who_may_not_send_is_not_asked(room: RocketMqRoom) -> None:
    """The question has the message in it, which nobody may see yet."""
    thief = room.client()
    show(thief, THIEF)
    prepare(room.client(), BANK)
    room.let_pass(60)
    assert thief.told() == []
    bank = room.client()
    show(bank, BANK)
    room.let_pass(31)
    assert [one.code for one in bank.told()] == [RequestCode.CHECK_TRANSACTION_STATE]
    assert thief.told() == []

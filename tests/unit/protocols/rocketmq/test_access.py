"""ACL 2.0: who signs, with what, and what policies let one do."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

import pytest

from anymq.protocols.rocketmq.codes import RequestCode, ResponseCode
from anymq.protocols.rocketmq.settings import RocketMqSettings
from anymq.protocols.session import Peer
from anymq.security.sealing import Seal
from anymq.security.users import Users
from anymq.testing.rocketmq import RocketMqDialog, RocketMqRoom, pull_fields, send_fields

CREATE_USER, UPDATE_USER = RequestCode.AUTH_CREATE_USER, RequestCode.AUTH_UPDATE_USER
CREATE_ACL = RequestCode.AUTH_CREATE_ACL
FAR_AWAY = Peer("192.0.2.7", 50_000, "192.0.2.1", 10911)


class Signer:
    """A client that signs what it asks."""

    def __init__(self, client: RocketMqDialog, user: str, secret: str) -> None:
        self.client = client
        self.user = user
        self.secret = secret

    def ask(self, code: int, ext: Mapping[str, object] | None = None, body: bytes = b"") -> Any:
        said = {name: _text(value) for name, value in (ext or {}).items()}
        said["AccessKey"] = self.user
        content = "".join(said[name] for name in sorted(said)).encode() + body
        digest = hmac.digest(self.secret.encode(), content, hashlib.sha1)
        signature = base64.b64encode(digest).decode()
        return self.client.ask(code, {**said, "Signature": signature}, body)

    def send(self, topic: str) -> int:
        code: int = self.ask(RequestCode.SEND_MESSAGE_V2, send_fields(topic, 0, {}), b"hello").code
        return code

    def pull(self, topic: str, group: str = "G") -> int:
        code: int = self.ask(RequestCode.PULL_MESSAGE, pull_fields(topic, 0, 0, group)).code
        return code


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


@pytest.fixture
def room() -> RocketMqRoom:
    room = RocketMqRoom(RocketMqSettings(require_login=True, loopback_users=("root",)))
    room.broker.users.secrets.seal = Seal(bytes(32))
    room.broker.users.kept = ("SCRAM-SHA-256",)  # others take longer
    room.broker.users.give({"root"})
    room.rocketmq.users = Users({"root": ("a-secret",)}, stored=room.broker.users)
    room.make_topic("orders")
    room.broker.create_topic("orders-old", 1)
    room.settle()
    return room


@pytest.fixture
def root(room: RocketMqRoom) -> Signer:
    return Signer(room.client(), "root", "a-secret")


def make_user(root: Signer, name: str = "ada", kind: str = "Normal") -> Signer:
    body = json.dumps({"password": f"of {name}", "userType": kind}).encode()
    answer = root.ask(CREATE_USER, {"username": name}, body)
    assert answer.code == ResponseCode.SUCCESS, answer
    return Signer(root.client.room.client(), name, f"of {name}")


def say(root: Signer, resource: str, *actions: str, decision: str = "Allow", **more: object) -> Any:
    entry = {"resource": resource, "actions": actions, "decision": decision, **more}
    body = json.dumps({"policies": [{"entries": [entry]}]}).encode()
    return root.ask(CREATE_ACL, {"subject": "User:ada"}, body)


# Who signs


def test_who_signs_is_let_in(root: Signer) -> None:
    assert root.send("orders") == ResponseCode.SUCCESS


def test_who_does_not_sign_is_not(room: RocketMqRoom) -> None:
    assert room.client().send("orders").code == ResponseCode.NO_PERMISSION


@pytest.mark.parametrize(("user", "secret"), [("root", "wrong"), ("nobody", "a-secret")])
def test_a_wrong_secret_and_an_unknown_name_are_told_the_same(
    room: RocketMqRoom, user: str, secret: str
) -> None:
    answer = Signer(room.client(), user, secret).ask(RequestCode.GET_MAX_OFFSET, {"topic": "x"})
    assert answer.code == ResponseCode.NO_PERMISSION
    assert answer.remark == f"check signature failed: the user {user}, or its secret, is wrong"


def test_each_request_is_signed_by_itself(root: Signer) -> None:
    """One right signature does not let in what follows on the same connection."""
    assert root.send("orders") == ResponseCode.SUCCESS
    assert root.client.send("orders").code == ResponseCode.NO_PERMISSION
    root.secret = "wrong"
    assert root.send("orders") == ResponseCode.NO_PERMISSION


def test_who_guesses_has_to_wait(room: RocketMqRoom) -> None:
    guesser = Signer(room.client(), "root", "wrong")
    remarks = {guesser.ask(RequestCode.GET_MAX_OFFSET, {"topic": "x"}).remark for _ in range(200)}
    assert "too many wrong signatures: it has to wait" in remarks


def test_users_of_this_machine_do_not_come_from_elsewhere(room: RocketMqRoom) -> None:
    far = Signer(room.client(FAR_AWAY), "root", "a-secret")
    answer = far.ask(RequestCode.GET_MAX_OFFSET, {"topic": "orders", "queueId": 0})
    assert (answer.code, "localhost" in answer.remark) == (ResponseCode.NO_PERMISSION, True)


def test_where_nobody_need_sign_a_wrong_signature_is_refused_all_the_same(
    room: RocketMqRoom,
) -> None:
    room.rocketmq.settings = RocketMqSettings()
    assert room.client().send("orders").code == ResponseCode.SUCCESS
    assert Signer(room.client(), "root", "wrong").send("orders") == ResponseCode.NO_PERMISSION


# Users


def test_a_new_user_may_do_nothing(root: Signer) -> None:
    ada = make_user(root)
    assert ada.send("orders") == ResponseCode.NO_PERMISSION
    assert ada.pull("orders") == ResponseCode.NO_PERMISSION


def test_a_super_user_may_do_everything(root: Signer) -> None:
    ada = make_user(root, kind="Super")
    assert ada.send("orders") == ResponseCode.SUCCESS
    assert make_user(ada, "bob").send("orders") == ResponseCode.NO_PERMISSION


def test_a_user_has_its_password_everywhere(room: RocketMqRoom, root: Signer) -> None:
    """Who was made by mqadmin logs in by every other protocol, too."""
    make_user(root)
    assert room.rocketmq.users.check("ada", "of ada")


def test_only_a_super_user_makes_one(root: Signer) -> None:
    ada = make_user(root)
    assert say(root, "Cluster:*", "Update", "Get").code == ResponseCode.SUCCESS
    body = json.dumps({"password": "x", "userType": "Super"}).encode()
    assert ada.ask(CREATE_USER, {"username": "eve"}, body).code == ResponseCode.NO_PERMISSION
    assert ada.ask(UPDATE_USER, {"username": "root"}, body).code == ResponseCode.NO_PERMISSION
    assert make_user(ada, "bob").send("orders") == ResponseCode.NO_PERMISSION


def test_a_new_password_holds_and_the_old_one_does_not(root: Signer) -> None:
    ada = make_user(root)
    say(root, "Topic:*", "Pub")
    assert ada.send("orders") == ResponseCode.SUCCESS
    root.ask(UPDATE_USER, {"username": "ada"}, json.dumps({"password": "new"}).encode())
    assert ada.send("orders") == ResponseCode.NO_PERMISSION
    ada.secret = "new"
    assert ada.send("orders") == ResponseCode.SUCCESS


def test_a_password_changed_by_other_means_ends_the_secret(
    room: RocketMqRoom, root: Signer
) -> None:
    """It may have been changed because somebody knew it."""
    ada = make_user(root)
    say(root, "Topic:*", "Pub")
    room.broker.users.put("ada", password="another")
    assert ada.send("orders") == ResponseCode.NO_PERMISSION
    assert "ada" not in room.broker.users.secrets


def test_a_secret_may_be_another_one_than_the_password(room: RocketMqRoom, root: Signer) -> None:
    ada = make_user(root)
    say(root, "Topic:*", "Pub")
    room.broker.users.put_signing_secret("ada", "only for signatures")
    assert ada.send("orders") == ResponseCode.NO_PERMISSION
    ada.secret = "only for signatures"
    assert ada.send("orders") == ResponseCode.SUCCESS
    assert room.rocketmq.users.check("ada", "of ada")


def test_without_the_key_no_secret_opens(room: RocketMqRoom, root: Signer) -> None:
    """Who has the definitions only, an export or a backup, cannot sign."""
    ada = make_user(root)
    say(root, "Topic:*", "Pub")
    secrets = room.broker.users.secrets
    secrets.seal = Seal(bytes([1] * 32))
    secrets._opened.clear()
    assert ada.send("orders") == ResponseCode.NO_PERMISSION


def test_a_deleted_user_is_out(root: Signer) -> None:
    ada = make_user(root)
    say(root, "Topic:*", "Pub")
    assert ada.send("orders") == ResponseCode.SUCCESS
    assert root.ask(RequestCode.AUTH_DELETE_USER, {"username": "ada"}).code == 0
    assert ada.send("orders") == ResponseCode.NO_PERMISSION
    assert make_user(root).send("orders") == ResponseCode.NO_PERMISSION  # the policies went, too


def test_users_are_told_without_their_passwords(root: Signer) -> None:
    make_user(root)
    found = json.loads(root.ask(RequestCode.AUTH_GET_USER, {"username": "ada"}).body)
    expected = {"username": "ada", "password": "******", "userType": "Normal"}
    assert found == {**expected, "userStatus": "enable"}
    assert root.ask(RequestCode.AUTH_GET_USER, {"username": "x"}).body == b""
    listed = json.loads(root.ask(RequestCode.AUTH_LIST_USER, {"filter": "oo"}).body)
    assert [one["username"] for one in listed] == ["root"]
    assert listed[0]["userType"] == "Super"


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({}, "password can not be blank"),
        ({"password": "x", "userType": "Odd"}, "a user is Super or Normal"),
        ({"password": "x", "userStatus": "disable"}, "not disabled here"),
        ({"password": "x" * 300}, "a secret has from 1 to 255 bytes"),
    ],
)
def test_a_user_that_makes_no_sense_is_refused(
    room: RocketMqRoom, root: Signer, said: dict[str, str], why: str
) -> None:
    answer = root.ask(CREATE_USER, {"username": "ada"}, json.dumps(said).encode())
    assert answer.code != ResponseCode.SUCCESS
    assert why in answer.remark
    assert "ada" not in room.broker.users


# Policies


def test_publishing_and_subscribing_are_two_things(root: Signer) -> None:
    ada = make_user(root)
    say(root, "Topic:orders", "Pub")
    assert ada.send("orders") == ResponseCode.SUCCESS
    assert ada.pull("orders") == ResponseCode.NO_PERMISSION
    say(root, "Topic:orders", "Sub")  # what was said of it before goes
    assert ada.send("orders") == ResponseCode.NO_PERMISSION
    assert ada.pull("orders") == ResponseCode.NO_PERMISSION
    say(root, "Group:G", "Sub")
    assert ada.pull("orders") == ResponseCode.SUCCESS
    assert ada.pull("orders", "H") == ResponseCode.NO_PERMISSION


def test_a_prefix_and_a_denial_in_it(root: Signer) -> None:
    ada = make_user(root)
    say(root, "Topic:orders*", "Pub")
    assert ada.send("orders-old") == ResponseCode.SUCCESS
    say(root, "Topic:orders-old", "Pub", decision="Deny")
    assert ada.send("orders-old") == ResponseCode.NO_PERMISSION
    assert ada.send("orders") == ResponseCode.SUCCESS


def test_everything_is_topics_groups_and_the_cluster(root: Signer) -> None:
    ada = make_user(root)
    say(root, "*", "All")
    assert ada.send("orders") == ResponseCode.SUCCESS
    assert ada.pull("orders") == ResponseCode.SUCCESS
    assert ada.ask(RequestCode.GET_BROKER_CONFIG).code == ResponseCode.SUCCESS


def test_a_rule_for_one_address(room: RocketMqRoom, root: Signer) -> None:
    ada = make_user(root)
    say(root, "Topic:orders", "Pub", sourceIps=["192.0.2.7"])
    assert ada.send("orders") == ResponseCode.NO_PERMISSION
    assert Signer(room.client(FAR_AWAY), "ada", "of ada").send("orders") == ResponseCode.SUCCESS


def test_retry_topics_are_their_groups(root: Signer) -> None:
    ada = make_user(root)
    say(root, "Group:G", "Sub")
    assert ada.ask(RequestCode.GET_ROUTEINFO_BY_TOPIC, {"topic": "%RETRY%G"}).code == 0
    assert ada.ask(RequestCode.GET_ROUTEINFO_BY_TOPIC, {"topic": "%RETRY%H"}).code == 16


def test_policies_are_listed_and_deleted(root: Signer) -> None:
    make_user(root)
    say(root, "Topic:orders*", "Sub", "Pub", "Get", "Update")
    say(root, "Group:G", "All", decision="Deny", sourceIps=["192.0.2.7"])
    found = json.loads(root.ask(RequestCode.AUTH_GET_ACL, {"subject": "User:ada"}).body)
    [policy] = found["policies"]
    assert policy["entries"] == [
        {
            "resource": "Group:G",
            "actions": ["All"],
            "sourceIps": ["192.0.2.7"],
            "decision": "Deny",
        },
        {
            "resource": "Topic:orders*",
            "actions": ["Pub", "Sub", "Update", "Get"],
            "sourceIps": [],
            "decision": "Allow",
        },
    ]
    fields = {"subjectFilter": "User:ad", "resourceFilter": "Topic"}
    [listed] = json.loads(root.ask(RequestCode.AUTH_LIST_ACL, fields).body)
    assert len(listed["policies"][0]["entries"]) == 1
    fields = {"subject": "User:ada", "resource": "Topic:orders*"}
    assert root.ask(RequestCode.AUTH_DELETE_ACL, fields).code == 0
    assert root.ask(RequestCode.AUTH_DELETE_ACL, {"subject": "User:ada"}).code == 0
    assert root.ask(RequestCode.AUTH_GET_ACL, {"subject": "User:ada"}).body == b""


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        ({"resource": "Namespace:n"}, "for a namespace say Topic:NAMESPACE%*"),
        ({"resource": "Topic:"}, "has no name"),
        ({"resource": None}, "a resource is"),
        ({"actions": []}, "The actions is empty"),
        ({"actions": ["Fly"]}, "an action is one of"),
        ({"decision": "Maybe"}, "The decision is null or illegal"),
        ({"sourceIps": ["10.0.0.0/8"]}, "not a network"),
    ],
)
def test_what_our_rights_cannot_say_is_refused_in_words(
    root: Signer, entry: dict[str, object], why: str
) -> None:
    make_user(root)
    whole = {"resource": "Topic:t", "actions": ["Pub"], "decision": "Allow", **entry}
    body = json.dumps({"policies": [{"entries": [whole]}]}).encode()
    answer = root.ask(CREATE_ACL, {"subject": "User:ada"}, body)
    assert (answer.code, why in answer.remark) == (ResponseCode.INVALID_PARAMETER, True)


def test_policies_are_for_users_that_there_are(root: Signer) -> None:
    assert say(root, "Topic:t", "Pub").code == ResponseCode.NO_PERMISSION


def test_who_is_no_administrator_changes_nothing(root: Signer) -> None:
    ada = make_user(root)
    say(root, "Topic:*", "All")
    for code in (
        *(CREATE_USER, UPDATE_USER, RequestCode.AUTH_DELETE_USER, RequestCode.AUTH_LIST_USER),
        *(CREATE_ACL, RequestCode.AUTH_DELETE_ACL, RequestCode.AUTH_LIST_ACL),
    ):
        fields = {"username": "root", "subject": "User:ada"}
        assert ada.ask(code, fields, b'{"policies":[]}').code == ResponseCode.NO_PERMISSION

"""Half messages, as operators see them: who waits, since when; ended by force."""

from collections.abc import Callable

import pytest

from anymq.core.transactions.half import Half
from anymq.core.transactions.open import Open
from anymq.security import passwords
from anymq.security.passwords import Mechanism
from anymq.storage.records import Record
from anymq.testing.http import HttpRoom, basic


class Room(HttpRoom):
    """A broker with half messages for two topics; what is committed is noted."""

    def __init__(self) -> None:
        super().__init__()
        self.published: list[str] = []
        for name in ("transfers", "hidden"):
            self.put(f"/api/topics/{name}", {"partitions": 2})
        self.transactions.begin(self._publish, lambda *_: False)

    def _publish(self, one: Open, half: Half, then: Callable[[Exception | None], None]) -> None:
        self.published.append(one.transaction_id)
        then(None)

    def prepare(self, name: str, topic: str = "transfers", group: str = "bank-a") -> str:
        """Have one; return its id."""
        half = Half(
            topic=topic,
            partition=1,
            group=group,
            transaction_id=name,
            record=Record(b"10 euro", timestamp=self.broker.now_ms()),
            user="alice",
        )
        position = self.transactions.prepare(half, lambda _: None)
        self.write_to_disk()
        return str(position)


@pytest.fixture
def room() -> Room:
    return Room()


def test_who_waits_is_listed_oldest_first(room: Room) -> None:
    first = room.prepare("t1")
    room.prepare("t2", group="bank-b")
    said = room.get("/api/transactions/%2F").json
    assert [one["transaction_id"] for one in said["transactions"]] == ["t1", "t2"]
    one = said["transactions"][0]
    assert (one["id"], one["group"], one["topic"], one["partition"]) == (
        *(first, "bank-a", "transfers", 1),
    )
    assert (one["bytes"], one["checks"], one["state"], one["user"]) == (7, 0, "open", "alice")
    assert (said["total"], said["next"]) == (2, None)


def test_lists_are_read_in_pages_and_by_group_and_topic(room: Room) -> None:
    for number in range(4):
        room.prepare(f"t{number}", group=f"g{number % 2}")
    first = room.get("/api/transactions/%2F?count=3").json
    rest = room.get(f"/api/transactions/%2F?after={first['next']}").json
    assert [one["transaction_id"] for one in rest["transactions"]] == ["t3"]
    of_group = room.get("/api/transactions/%2F?group=g1").json["transactions"]
    assert [one["transaction_id"] for one in of_group] == ["t1", "t3"]
    assert room.get("/api/transactions/%2F?topic=other").json["transactions"] == []


def test_an_operator_decides(room: Room) -> None:
    one, other = room.prepare("t1"), room.prepare("t2")
    assert room.post(f"/api/transactions/%2F/{one}/commit", {}).status == 204
    assert room.post(f"/api/transactions/%2F/{other}/rollback", {}).status == 204
    assert room.published == ["t1"]
    assert room.get("/api/transactions/%2F").json["transactions"] == []
    assert room.post(f"/api/transactions/%2F/{one}/commit", {}).status == 404


def test_who_may_not_read_a_topic_does_not_see_what_waits_for_it(room: Room) -> None:
    room.prepare("t1")
    hidden = room.prepare("t2", "hidden")
    accounts = room.broker.users
    accounts.put_verifier("bob", passwords.derive("secret", Mechanism.SHA_256, b"salt"))
    accounts.set_tags("bob", ("management",))
    accounts.set_permissions("bob", "/", "^transfers$", "^transfers$", "^transfers$")
    bob = basic("bob:secret")
    seen = room.browser().ask("GET", "/api/transactions/%2F", Authorization=bob).json
    assert [one["transaction_id"] for one in seen["transactions"]] == ["t1"]
    refused = room.browser().ask(
        "POST", f"/api/transactions/%2F/{hidden}/commit", {}, Authorization=bob
    )
    assert refused.status in (401, 403)
    assert room.published == []

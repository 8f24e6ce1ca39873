"""Every route by every tag and right: made of the table of routes, so none can be forgotten.

What there is in the virtual host "/" is called hidden-…: who may not see it must not hear the word.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from anymq.core.rights.permit import EVERYTHING
from anymq.core.streams.group_calls import CommitRequest, NewOffset
from anymq.core.transactions.half import Half
from anymq.management.api.api import all_routes
from anymq.management.api.guard import TAGS
from anymq.management.api.routes import ANYBODY, MANAGEMENT, POLICYMAKER, USER, Route
from anymq.security import passwords
from anymq.security.passwords import Mechanism
from anymq.storage.records import Record
from anymq.testing.http import HttpRoom, Said, basic

ROUTES = list(all_routes())
REFUSED = (401, 403, 404)
VERIFIER = passwords.derive("secret", Mechanism.SHA_256, b"salt")
NAMES = {
    "vhost": "%2F",
    "node": "anymq@0",
    "queue": "hidden-q",
    "exchange": "hidden-x",
    "source": "hidden-x",
    "dtype": "q",
    "destination": "hidden-q",
    "props": "hidden-k",
    "user": "hidden-u",
    "username": "hidden-u",
    "topic": "hidden-t",
    "partition": "0",
    "group": "hidden-g",
    "component": "hidden-c",
    "name": "hidden-n",
    "connection": "hidden-connection",
    "channel": "hidden-connection%20(1)",
    "port": "5672",
    "protocols": "amqp",
    "password": "hidden",
    "stream": "hidden-stream",
    "id": "hidden-job",
    "pattern": "hidden",
    "within": "1",
    "unit": "days",
}
# What a request says where an empty object would be refused for itself.
BODIES: dict[str, Any] = {
    "/exchanges/:vhost/:exchange": {"type": "direct"},
    "/exchanges/:vhost/:exchange/publish": {
        "properties": {},
        "routing_key": "hidden-k",
        "payload": "x",
        "payload_encoding": "string",
    },
    "/queues/:vhost/:queue/get": {
        "count": 1,
        "ackmode": "ack_requeue_false",
        "encoding": "auto",
    },
    "/bindings/:vhost/e/:source/:dtype/:destination": {"routing_key": "another"},
    "/topics/:topic": {"partitions": 2},
    "/topics/:topic/configs": {"retention.ms": "77777"},
    "/groups/:group/offsets": {"to": "latest"},
    "/jobs": {"action": "purge", "source": {"vhost": "/", "queue": "hidden-q"}},
    "/policies/:vhost/:name": {"pattern": "^x", "definition": {"max-length": 7}},
}
# About what is the caller's own, or what somebody else began: not by rights in a virtual host.
OWN = ("/events/:stream", "/jobs/:id")
ALONE = ("management", "policymaker", "impersonator")  # tags that show no virtual host of others


class World:
    """A broker with something of every kind in "/", and users who may not see or change it."""

    def __init__(self) -> None:
        self.room = room = HttpRoom()
        room.put("/api/queues/%2F/hidden-q")
        room.put("/api/exchanges/%2F/hidden-x", {"type": "direct"})
        room.post("/api/bindings/%2F/e/hidden-x/q/hidden-q", {"routing_key": "hidden-k"})
        room.post(
            "/api/exchanges/%2F/hidden-x/publish", BODIES["/exchanges/:vhost/:exchange/publish"]
        )
        room.put("/api/topics/hidden-t", {"partitions": 1})
        policy = {"pattern": "^hidden-policy", "definition": {"max-length": 9}}
        room.put("/api/policies/%2F/hidden-n", policy)
        offsets = [NewOffset("hidden-t", 0, 0, -1, "")]
        room.broker.groups.commit(CommitRequest(group="hidden-g", offsets=offsets), lambda _: None)
        room.put("/api/vhosts/own")
        room.put("/api/users/hidden-u", {"password": "", "tags": ""})
        later = {"headers": {"x-delay": 3_600_000}}
        publish = BODIES["/exchanges/:vhost/:exchange/publish"]
        room.post("/api/exchanges/%2F/hidden-x/publish", {**publish, "properties": later})
        room.write_to_disk()
        (waiting,) = room.get("/api/delayed/%2F").json["messages"]
        self.delayed = str(waiting["id"])
        room.transactions.begin(lambda _one, _half, then: then(None), lambda *_: False)
        half = Half(
            topic="hidden-t",
            partition=0,
            group="hidden-g",
            transaction_id="hidden-id",
            record=Record(b"hidden", timestamp=room.broker.now_ms()),
        )
        self.half = str(room.transactions.prepare(half, lambda _: None))
        room.write_to_disk()

    def user(self, name: str, *tags: str, **vhosts: tuple[str, str, str]) -> str:
        """Make a user with these tags, and these rights; `here` is the virtual host "/"."""
        accounts = self.room.broker.users
        accounts.put_verifier(name, VERIFIER)
        accounts.set_tags(name, tags)
        for vhost, (configure, write, read) in vhosts.items():
            where = "/" if vhost == "here" else vhost
            accounts.set_permissions(name, where, configure, write, read)
        return name

    def ask(self, user: str, route: Route) -> Said:
        names = dict(NAMES)
        if "/delayed/" in route.path:
            names["id"] = self.delayed
        elif "/transactions/" in route.path:
            names["id"] = self.half
        path = "/api" + re.sub(r":(\w+)", lambda found: names[found[1]], route.path)
        body = BODIES.get(route.path, {}) if route.method in ("PUT", "POST") else None
        said = basic(f"{user}:secret") if user else ""
        return self.room.browser().ask(route.method, path, body, Authorization=said)

    def state(self) -> Any:
        """Return all that a request could change."""
        room = self.room
        offsets: list[Any] = []
        room.broker.groups.committed("hidden-g", offsets.append)
        definitions = room.get("/api/definitions").json
        for user in definitions["users"]:
            user.pop("verifiers", None)  # a login may better them
        queues = room.broker.vhosts["/"].queues
        return (
            definitions,
            {name: queues[name].ready for name in sorted(queues)},
            len(room.transactions),
            {name: len(topic.partitions) for name, topic in room.broker.topics.items()},
            {name: dict(topic.config.overrides) for name, topic in room.broker.topics.items()},
            [{topic: dict(kept) for topic, kept in one.items()} for one in offsets],
        )


@pytest.fixture(scope="module")
def shared() -> Iterator[World]:
    """One for all who change nothing; if they did, it is seen at the end, too."""
    world = World()
    world.user("outside", *ALONE, own=(".*", ".*", ".*"))
    world.user("inside", *ALONE, here=("", "", ""))
    for tag in TAGS:
        world.user(f"tag-{tag}", tag)
    before = world.state()
    yield world
    assert world.state() == before


def named(route: Route) -> str:
    return f"{route.method} {route.path}"


def each(chosen: Callable[[Route], bool]) -> pytest.MarkDecorator:
    """Try each of these routes."""
    return pytest.mark.parametrize("route", [one for one in ROUTES if chosen(one)], ids=named)


def is_guarded(route: Route) -> bool:
    return route.needs != ANYBODY


def is_inside(route: Route) -> bool:
    """Is it about something in the virtual host "/", for those who may work there?"""
    inside = ":vhost" in route.path or re.search("/:(topic|group)", route.path) is not None
    if "without-elected-leaders" in route.path:  # all is well, whatever is there, or is not
        return False
    return inside and route.needs in (USER, MANAGEMENT, POLICYMAKER)


def is_list(route: Route) -> bool:
    return is_guarded(route) and "/:" not in route.path and route.method == "GET"


def changes(route: Route) -> bool:
    by_rights = route.needs == MANAGEMENT and route.path not in OWN
    return by_rights and route.method != "GET"


def test_every_name_in_a_path_is_tried() -> None:
    """Who adds a route with another name in its path says what it is called here."""
    names = {name for route in ROUTES for name in re.findall(r":(\w+)", route.path)}
    assert names <= NAMES.keys()


@each(is_guarded)
def test_nobody_gets_anything(shared: World, route: Route) -> None:
    for who in ("", "tag-administrator-not", "outside "):
        assert shared.ask(who, route).status == 401


@each(is_guarded)
def test_who_has_not_the_tag_is_refused(shared: World, route: Route) -> None:
    for tag, uses in TAGS.items():
        if route.needs not in uses:
            assert shared.ask(f"tag-{tag}", route).status == 401, tag


@each(is_list)
def test_lists_do_not_say_what_is_in_virtual_hosts_of_others(shared: World, route: Route) -> None:
    said = shared.ask("outside", route)
    assert b"hidden" not in said.body, said.body


@each(is_inside)
def test_what_is_in_virtual_hosts_of_others_is_not_there(shared: World, route: Route) -> None:
    """Also for who may do everything in another one. That nothing changed is seen at the end."""
    assert shared.ask("outside", route).status in REFUSED


@each(changes)
def test_who_may_only_enter_changes_nothing(shared: World, route: Route) -> None:
    """The empty pattern matches no name."""
    assert shared.ask("inside", route).status in REFUSED


@each(changes)
def test_who_may_everything_there_is_let(route: Route) -> None:
    """So it was the rights for which the others were refused."""
    world = World()
    everything = (EVERYTHING.configure, EVERYTHING.write, EVERYTHING.read)
    everybody = world.user("everybody", "management", here=everything)
    assert world.ask(everybody, route).status in (200, 201, 204)

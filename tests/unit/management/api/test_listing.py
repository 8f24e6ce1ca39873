"""Lists: pages, filters, order, columns; and that none takes long at once."""

import pytest

from anymq.management.api import queues
from anymq.management.api.call import Call
from anymq.management.api.guard import Caller
from anymq.management.http import Request
from anymq.testing.http import HttpRoom

COUNT = 120


@pytest.fixture(scope="module")
def room() -> HttpRoom:
    room = HttpRoom()
    vhost = room.broker.vhost("/")
    for number in range(COUNT):
        vhost.declare_queue(f"q{number:03}", arguments={"x-max-length": number})
    return room


def names(room: HttpRoom, query: str) -> list[str]:
    said = room.get(f"/api/queues?columns=name&{query}").json
    return [row["name"] for row in (said if isinstance(said, list) else said["items"])]


def test_pages(room: HttpRoom) -> None:
    said = room.get("/api/queues?page=2&page_size=50").json

    assert [row["name"] for row in said.pop("items")] == [f"q{n:03}" for n in range(50, 100)]
    assert said == {
        "filtered_count": COUNT,
        "item_count": 50,
        "page": 2,
        "page_count": 3,
        "page_size": 50,
        "total_count": COUNT,
    }


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ("page=4&page_size=50", "page_out_of_range"),
        ("page=0", "invalid_pagination_parameters"),
        ("page=1&page_size=501", "invalid_pagination_parameters"),
        ("page=x", "bad_request"),
    ],
)
def test_pages_that_are_none(room: HttpRoom, query: str, error: str) -> None:
    said = room.get(f"/api/queues?{query}")

    assert (said.status, said.json["error"]) == (400, error)


def test_names(room: HttpRoom) -> None:
    assert names(room, "page=1&name=Q11") == [f"q11{n}" for n in range(10)]
    assert names(room, "page=1&use_regex=true&name=%5EQ..7%24")[:2] == ["q007", "q017"]
    assert names(room, "page=1&name=nothing") == []


@pytest.mark.parametrize(
    "pattern",
    [
        "(aa|a)" * 7,
        "(a%2B)%2B%24",
        "(a|a)*",
        "a*a*a*a*",
        "%5C1",
        "(",
        "[",
        "a" * 201,
        "(?:a*)*",
        "x{9}{9}{9}{9}",
    ],
)
def test_patterns_that_could_take_long_are_refused(room: HttpRoom, pattern: str) -> None:
    """Python's patterns cannot be stopped, and nothing else would run meanwhile."""
    assert room.get(f"/api/queues?page=1&use_regex=true&name={pattern}").status == 400


def test_order(room: HttpRoom) -> None:
    assert names(room, "sort=arguments.x-max-length&sort_reverse=true")[0] == "q119"
    assert names(room, "sort=name&page=1&page_size=2") == ["q000", "q001"]
    assert len(names(room, "sort=no.such.thing")) == COUNT


def test_columns(room: HttpRoom) -> None:
    said = room.get("/api/queues/%2F/q007?columns=name,arguments.x-max-length,nope,name.x").json

    assert said == {"name": "q007", "arguments": {"x-max-length": 7}}


def test_a_long_list_takes_many_turns(room: HttpRoom) -> None:
    """In between, messages go on."""
    browser = room.browser()

    assert len(browser.ask("GET", "/api/queues").json) == COUNT
    assert browser.turns >= COUNT / 50


def test_nothing_is_an_empty_list(room: HttpRoom) -> None:
    assert room.get("/api/connections").json == []


def test_slim_lists(room: HttpRoom) -> None:
    row = room.get("/api/queues?disable_stats=true").json[0]
    assert "messages" not in row
    row = room.get("/api/queues?disable_stats=true&enable_queue_totals=true").json[0]
    assert row["messages"] == 0


@pytest.mark.parametrize(
    "path",
    [
        *("overview", "whoami", "cluster-name", "extensions", "version", "nodes", "nodes/anymq"),
        *("vhosts", "vhosts/%2F", "exchanges", "exchanges/%2F", "exchanges/%2F/amq.direct"),
        *("bindings", "bindings/%2F", "channels", "consumers", "consumers/%2F", "queues/detailed"),
        *("definitions", "definitions/%2F", "aliveness-test/%2F", "health/checks/alarms"),
        *("health/checks/port-listener/5672", "health/checks/protocol-listener/amqp"),
        *("vhosts/%2F/connections", "connections/username/guest", "exchanges/%2F/amq.default"),
    ],
)
def test_every_place_answers(room: HttpRoom, path: str) -> None:
    assert room.get(f"/api/{path}").status == 200


def test_overview_adds_up(room: HttpRoom) -> None:
    said = room.get("/api/overview").json

    assert said["object_totals"]["queues"] == COUNT
    assert said["queue_totals"]["messages"] == 0


def test_checks_fail_with_a_reason(room: HttpRoom) -> None:
    room.broker.flow.set("memory", True)
    said = room.get("/api/health/checks/alarms")
    room.broker.flow.set("memory", False)

    assert (said.status, said.json["alarms"][0]["resource"]) == (503, "memory")
    assert room.get("/api/health/checks/port-listener/1").json["missing"] == 1
    assert room.get("/api/health/checks/protocol-listener/mqtt").status == 503


def test_columns_that_are_told_without_a_row_are_those_of_the_row(room: HttpRoom) -> None:
    """Else a list would be in another order than the one that it shows."""
    call = Call(Request("GET", "/"), Caller("guest"), {}, room.site)
    one = room.broker.vhost("/").queue("q007")
    row = queues.row(call, one)
    for name, told in queues.cheap_columns(call).items():
        assert told(one) == row.get(name), name


@pytest.mark.parametrize("pattern", ["[a-z]*[a-z]*x", "%5Ea*b*a*x", "(aa|a)(aa|a)(aa|a)a*x"])
def test_a_pattern_that_takes_long_for_a_long_name_is_refused(pattern: str) -> None:
    """Who may declare queues chooses their names, and the pattern: a second for each, and more."""
    room = HttpRoom()
    room.put("/api/queues/%2F/short")
    assert room.get(f"/api/queues?name={pattern}&use_regex=true").json == []

    room.put(f"/api/queues/%2F/{'a' * 255}")

    said = room.get(f"/api/queues?name={pattern}&use_regex=true")
    assert (said.status, said.json["error"]) == (400, "bad_request")


def test_a_pattern_with_anything_at_its_ends_costs_nothing_for_that(room: HttpRoom) -> None:
    long = HttpRoom()
    long.put(f"/api/queues/%2F/{'a' * 255}")
    for pattern in (".*aa.*", "^.*aa.*$", ".*", "^.*aa", "^aa.*a$"):
        said = long.get(f"/api/queues?columns=name&name={pattern}&use_regex=true")
        assert len(said.json) == 1, pattern
    assert names(room, "name=.*0.5.*&use_regex=true") == [f"q0{n}5" for n in range(10)]
    assert names(room, "name=q%5C..*&use_regex=true") == []  # a point, and there is none


def test_looking_for_a_pattern_in_many_names_takes_turns(room: HttpRoom) -> None:
    browser = room.browser()
    pattern = "%5E[a-z]*[0-9]*[0-9]*%24"
    query = f"page=1&page_size=1&name={pattern}&use_regex=true"
    assert browser.ask("GET", f"/api/queues?{query}").json["filtered_count"] == COUNT
    assert browser.turns > 2

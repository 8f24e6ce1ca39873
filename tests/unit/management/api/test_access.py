"""Who may use the API, and from where."""

import pytest

from anymq.protocols.session import Peer
from anymq.security.users import Users
from anymq.testing.http import HttpRoom, basic

FAR = Peer("192.0.2.7", 50_000, "192.0.2.1", 15672)
QUEUE = "/api/queues/%2F/q"


@pytest.fixture
def room() -> HttpRoom:
    return HttpRoom()


def test_who_says_nothing_is_asked_for_a_name(room: HttpRoom) -> None:
    """A browser shows its form."""
    said = room.get("/api/overview", Authorization="")

    assert said.status == 401
    assert said.headers["WWW-Authenticate"].startswith("Basic ")
    assert said.body == b""


@pytest.mark.parametrize(
    "said",
    [basic("guest:wrong"), basic("nobody:guest"), "Basic ???", "Basic Og==", "Bearer x", "Basic x"],
)
def test_who_says_something_wrong_is_not_asked_again(room: HttpRoom, said: str) -> None:
    answer = room.get("/api/overview", Authorization=said)

    assert answer.status == 401
    assert answer.json == {"error": "not_authorized", "reason": "Not_Authorized"}
    assert "WWW-Authenticate" not in answer.headers


def test_who_lacks_a_tag_is_told_which() -> None:
    """In RabbitMQ's words: the password was right, so it is no secret."""
    room = HttpRoom(users=Users({"guest": ("guest",), "ada": ("secret",), "bob": ("secret",)}))
    room.put("/api/users/ada", {"tags": "management"})
    room.put("/api/users/bob", {"tags": ""})

    def reason(path: str, name: str) -> str:
        said = room.get(path, Authorization=basic(f"{name}:secret"))
        assert (said.status, said.json["error"]) == (401, "not_authorised")
        return str(said.json["reason"])

    assert reason("/api/queues", "bob") == "Not management user"
    assert reason("/api/users", "bob") == "Not management user"
    assert reason("/api/users", "ada") == "Not administrator user"
    assert reason("/api/nodes", "ada") == "Not monitor user"


def test_wrong_passwords_are_counted_once(room: HttpRoom) -> None:
    room.browser().ask("PUT", QUEUE, {}, Authorization=basic("guest:wrong"))

    assert room.guard.logins_failed == 1


def test_guest_comes_only_from_this_machine(room: HttpRoom) -> None:
    """As with AMQP: everybody knows that password."""
    assert room.browser(FAR).ask("GET", "/api/whoami").status == 401


def test_others_come_from_anywhere() -> None:
    room = HttpRoom(users=Users({"ada": ("secret",)}))

    said = room.browser(FAR).ask(
        "GET", "/api/whoami", Authorization=basic("ada:secret"), Host="broker.example:15672"
    )

    assert (said.status, said.json["name"]) == (200, "ada")


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:15672", 200),
        ("127.0.0.1:15672", 200),
        ("[::1]:15672", 200),
        ("evil.example:15672", 421),
        ("localhost.evil.example", 421),
        ("[", 421),
    ],
)
def test_a_page_whose_name_points_here_does_not_get_in_as_guest(
    room: HttpRoom, host: str, status: int
) -> None:
    """DNS rebinding: its scripts would know the password, and be of our own origin."""
    assert room.get("/api/whoami", Host=host).status == status


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost:8080", "x"])
def test_a_page_of_another_origin_changes_nothing(room: HttpRoom, origin: str) -> None:
    said = room.browser().ask("PUT", QUEUE, {}, Origin=origin)

    assert said.status == 403
    assert not room.broker.vhost("/").queues


def test_a_form_of_another_site_changes_nothing(room: HttpRoom) -> None:
    assert room.browser().ask("PUT", QUEUE, {}, Sec_Fetch_Site="cross-site").status == 403


def test_our_own_page_may(room: HttpRoom) -> None:
    said = room.browser().ask(
        "PUT", QUEUE, {}, Origin="http://localhost", Sec_Fetch_Site="same-origin"
    )

    assert said.status == 201


def test_paths_that_are_not_there(room: HttpRoom) -> None:
    """Strangers do not learn which there are."""
    assert room.get("/api/nonsense").json == {"error": "Object Not Found", "reason": "Not Found"}
    assert room.get("/api/nonsense", Authorization="").status == 401


def test_methods(room: HttpRoom) -> None:
    said = room.post("/api/queues")

    assert (said.status, said.headers["Allow"]) == (405, "HEAD, GET, OPTIONS")
    said = room.browser().ask("OPTIONS", QUEUE)
    assert (said.status, said.headers["Allow"]) == (200, "HEAD, GET, PUT, DELETE, OPTIONS")


def test_head_is_get_without_the_body(room: HttpRoom) -> None:
    said = room.browser().ask("HEAD", "/api/whoami")

    assert said.status == 200
    assert int(said.headers["Content-Length"]) > 10
    assert said.body == b""


def test_health_for_machines_needs_no_password(room: HttpRoom) -> None:
    assert room.get("/api/health/checks/is-in-service", Authorization="").status == 200
    assert room.get("/api/health/checks/alarms", Authorization="").status == 401


def test_strangers_may_not_send_much(room: HttpRoom) -> None:
    """Bodies are held in memory until they are whole."""
    said = room.browser().ask("PUT", QUEUE, b" " * 100_000, Authorization="")
    assert said.status == 413

    assert room.browser().ask("PUT", QUEUE, b" " * 100_000).status == 201

"""Call: one request to the API, and what its handler may use."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus
from typing import Any, TypeVar
from urllib.parse import parse_qsl

import msgspec

from anymq.core.broker import Broker
from anymq.core.errors import Refused
from anymq.core.rights.permit import Permit
from anymq.core.routing.exchange import Exchange
from anymq.core.taps import Origin
from anymq.core.vhosts.kinds import AnyQueue
from anymq.core.vhosts.vhost import VirtualHost
from anymq.management.api.faults import REFUSALS, Fault, bad_request, fault_of, no_object
from anymq.management.api.guard import PROTOCOL, Caller
from anymq.management.api.listing import Row, Rows, listed, shown
from anymq.management.api.numbers import Counted
from anymq.management.api.site import Site
from anymq.management.history import Span
from anymq.management.http import Answer, Later, Request, Response
from anymq.observability.audit import Actor

DEFAULT_EXCHANGE = "amq.default"  # how paths name the one without a name
DEPTH_MAX = 100

AGE_MAX_S = 86_400
DIGITS_MAX = 18
LENGTHS_OF = "lengths"  # how the query asks for samples of these
MESSAGES_OF = "msg_rates"
DATA_OF = "data_rates"
NODE_OF = "node_stats"

T = TypeVar("T")
Then = Callable[[Exception | None], None]


@dataclass
class Call:
    """One request."""

    request: Request
    caller: Caller
    names: Mapping[str, str]  # in the path
    site: Site

    @property
    def broker(self) -> Broker:
        """Who does it."""
        return self.site.broker

    @property
    def who(self) -> Origin:
        """Who asks, for whoever traces messages."""
        return Origin("http", self.request.host, 0, self.caller.name)

    @cached_property
    def query(self) -> Mapping[str, str]:
        """What is behind the question mark."""
        return dict(parse_qsl(self.request.query, keep_blank_values=True))

    def flag(self, name: str) -> bool:
        """Does the query say `name=true`?"""
        return self.query.get(name) == "true"

    @cached_property
    def body(self) -> Mapping[str, Any]:
        """The JSON object that came; an empty one if nothing did."""
        if not self.request.body.strip():
            return {}
        try:
            content = msgspec.json.decode(self.request.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise bad_request("not_json") from None
        if not isinstance(content, dict):
            raise bad_request("not_json")
        return content

    def need(self, *keys: str) -> None:
        """Refuse a body without one of these."""
        missing = [key for key in keys if key not in self.body]
        if missing:
            said = ",".join(f"{{key_missing,{key}}}" for key in missing)
            raise bad_request(f"[{said}]")

    def boolean(self, key: str, default: bool = False) -> bool:
        """Return what the body says; some clients write booleans as text."""
        value = self.body.get(key, default)
        if isinstance(value, str) and value in ("true", "false"):
            return value == "true"
        if value is None:
            return default
        if not isinstance(value, bool):
            raise bad_request(["not_boolean", value])
        return value

    def text(self, key: str, default: str = "") -> str:
        """Return what the body says."""
        value = self.body.get(key, default)
        if not isinstance(value, str):
            raise bad_request(["not_string", key])
        return value

    def table(self, key: str) -> Mapping[str, Any]:
        """Return the object in the body; [] is an empty one to PHP and Erlang."""
        value = self.body.get(key) or {}
        if not isinstance(value, dict):
            raise bad_request(["not_object", key])
        return value

    @property
    def permit(self) -> Permit:
        """What this caller may do in the virtual host in the path."""
        return self.caller.permit(self.names["vhost"])

    # What the path names

    @property
    def vhost(self) -> VirtualHost:
        """The virtual host in the path."""
        return self.vhost_named(self.names["vhost"])

    def vhost_named(self, name: str) -> VirtualHost:
        """Return a virtual host that this caller may enter."""
        found = self.broker.vhosts.get(name)
        if found is None or not self.caller.may_enter(name):
            raise no_object()
        return found

    @property
    def vhosts(self) -> list[VirtualHost]:
        """The one in the path, or all that this caller may see, by their names."""
        if "vhost" in self.names:
            return [self.vhost]
        every = self.broker.vhosts
        return [every[name] for name in sorted(every) if self.caller.may_enter(name)]

    @property
    def vhosts_to_see(self) -> list[VirtualHost]:
        """The same, with those that he may only look at from outside."""
        every = self.broker.vhosts
        names = [self.names["vhost"]] if "vhost" in self.names else sorted(every)
        found = [every[name] for name in names if name in every and self.caller.may_see(name)]
        if "vhost" in self.names and not found:
            raise no_object()
        return found

    @property
    def queue(self) -> AnyQueue:
        """The queue in the path."""
        found = self.vhost.queues.get(self.names["queue"])
        if found is None:
            raise no_object()
        return found

    @property
    def exchange(self) -> Exchange:
        """The exchange in the path."""
        found = self.vhost.exchanges.get(exchange_name(self.names["exchange"]))
        if found is None:
            raise no_object()
        return found

    # Numbers

    def span(self, of: str) -> Span | None:
        """Which samples of these numbers are wanted? None: none."""
        age, step = self.query.get(of + "_age"), self.query.get(of + "_incr")
        if age is None or step is None:
            return None
        span = number_of(age), number_of(step)
        if span[0] is None or not span[1]:
            raise bad_request(f"{of}_age and {of}_incr are numbers of seconds")
        return Span(min(span[0], AGE_MAX_S) * 1000, min(span[1], AGE_MAX_S) * 1000)

    def rated(
        self, thing: Any, numbers: Mapping[str, int], counted: Counted, of: str
    ) -> dict[str, Any]:
        """Return numbers of a thing with their rates, and samples if they are wanted."""
        span = self.span(of)
        series = self.site.sampler.series(thing, counted, wanted=span is not None)
        return self.site.rates.with_rates(thing, numbers, series, span)

    def rated_of_all(self, numbers: Mapping[str, float], of: str) -> dict[str, Any]:
        """The same for numbers of the broker as a whole."""
        broker = self.broker
        series = self.site.sampler.history.of(broker)
        return self.site.rates.with_rates(broker, numbers, series, self.span(of))

    @property
    def actor(self) -> Actor:
        """Who asks, for the audit log."""
        return Actor(self.caller.name, self.request.host, PROTOCOL)

    def acting(self, act: Callable[[], T]) -> T:
        """Do something in the name of who asks."""
        changes = self.broker.changes
        changes.actor = self.actor
        try:
            return act()
        finally:
            changes.actor = None

    # Answers

    def then(self, act: Callable[[], Answer]) -> Answer:
        """Go on after something that took a while: refuse as a handler does."""
        try:
            return self.acting(act)
        except (Fault, *REFUSALS) as error:
            return failed(error)
        finally:
            self.broker.turn.run()

    def listed(
        self,
        things: list[T],
        row: Callable[[T], Row],
        name: Callable[[T], str] = str,
        columns: Mapping[str, Callable[[T], Any]] | None = None,
    ) -> Response:
        """Answer with a list. `columns` are those that can be told without the whole row."""
        return listed(self.query, Rows(things, row, name, columns or {}))

    def shown(self, row: Row) -> Response:
        """Answer with one thing."""
        return shown(self.query, row)


def number_of(text: str) -> int | None:
    """Return the number that a text is; None: none, or one that nobody means.

    Python takes other scripts for digits, and refuses to read very many of them.
    """
    plain = text.isascii() and text.isdigit() and len(text) <= DIGITS_MAX
    return int(text) if plain else None


def exchange_name(name: str) -> str:
    """Return the name that is meant."""
    return "" if name == DEFAULT_EXCHANGE else name


def when_safe(begin: Callable[[Then], Any], response: Callable[[], Response]) -> Answer:
    """Begin something; answer when a restart would find it done."""
    later = Later()

    def then(error: Exception | None) -> None:
        later.answer(response() if error is None else failed(error))

    begin(then)
    return later


def failed(error: Exception) -> Response:
    """Say what went wrong in the end."""
    if isinstance(error, Fault):
        return error.response()
    if isinstance(error, Refused):
        return fault_of(error).response()
    return Fault(HTTPStatus.SERVICE_UNAVAILABLE, "unavailable", str(error)).response()


def created(location: str = "") -> Response:
    """It is there now."""
    headers = (("Location", location),) if location else ()
    return Response(HTTPStatus.CREATED, b"", "", headers)


def done() -> Response:
    """It is so; there is nothing to say about it."""
    return Response(HTTPStatus.NO_CONTENT, b"", "")

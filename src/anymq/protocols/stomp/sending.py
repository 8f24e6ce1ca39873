"""Sending: SEND becomes a message of the broker."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from anymq.core.errors import PreconditionFailed
from anymq.core.message import Envelope, Message, Run
from anymq.core.rights.permit import WRITE
from anymq.core.routing.target import Then
from anymq.core.routing.topic import TOPIC
from anymq.protocols.stomp import destinations
from anymq.protocols.stomp.codec import Frame
from anymq.protocols.stomp.destinations import Destination, Kind
from anymq.protocols.stomp.errors import StompError
from anymq.protocols.stomp.form import BETWEEN_US, EXPIRATION, JSON, STOMP_FORM, packed
from anymq.protocols.stomp.ground import Ground
from anymq.protocols.stomp.making import make_sure_once

PLACES_MAX = 1000  # destinations that a connection remembers

Wait = Callable[[], Then]  # one thing more to wait for


@dataclass(frozen=True, slots=True)
class Place:
    """A destination that was looked at, and may be sent to."""

    destination: Destination
    envelope: Envelope


@dataclass(frozen=True, slots=True)
class Prepared:
    """What headers mean, once it is known that they may."""

    place: Place
    properties: bytes
    persistent: bool


class Sender:
    """Publishes for one client. Refusals come out where they are."""

    def __init__(self, ground: Ground, temp_queue: Callable[[str], str]) -> None:
        self._ground = ground
        self._temp_queue = temp_queue  # a queue for answers: its name
        self._places: dict[str, Place] = {}
        self._permitted = -1  # the version of the rights by which they are good
        # What was sent last: frames with the same headers say the same.
        self._headers: Mapping[str, str] | None = None
        self._last: Prepared | None = None

    def prepare(self, frame: Frame, wait: Wait) -> Run:
        """Return what a SEND publishes, once it is known that it may. Its queue is made."""
        prepared = self._last
        if frame.headers is not self._headers or self._permitted != self._ground.permit.version:
            prepared = None
        if prepared is None:
            prepared = self._prepared(frame.headers)
        destination = prepared.place.destination
        if destination.kind is Kind.QUEUE:
            make_sure_once(self._ground, destination.name, frame.headers, wait)
        now_ms = self._ground.broker.now_ms()
        message = Message(prepared.place.envelope, prepared.properties, frame.body, now_ms)
        return Run([message], persistent=prepared.persistent)

    def _prepared(self, headers: Mapping[str, str]) -> "Prepared":
        self._headers = None
        if "message-id" in headers:
            raise StompError("Invalid header", "'message-id' is not allowed on 'SEND'.\n")
        text = headers.get("destination")
        if text is None:
            raise StompError(
                "Missing destination", "\"SEND\" must include a 'destination' header\n"
            )
        place = self._place(text)
        properties = self._properties(headers)
        prepared = Prepared(place, properties, STOMP_FORM.traits(properties).persistent)
        if "reply-to" not in headers:  # whose queue may be another by then
            self._headers, self._last = headers, prepared
        return prepared

    def publish(self, run: Run, then: Then | None) -> None:
        """Bring it to its queues. `then`: it is as safe as promised."""
        ground = self._ground
        ground.vhost.publish(run, then, returned=self._dropped, who=ground.wire.who)

    def _place(self, text: str) -> Place:
        permit = self._ground.permit
        if self._permitted != permit.version:
            self._permitted = permit.version
            self._places.clear()
        place = self._places.get(text)
        if place is None:
            place = self._looked_at(text)
            if len(self._places) >= PLACES_MAX:
                self._places.clear()
            self._places[text] = place
        return place

    def _looked_at(self, text: str) -> Place:
        """Refuse what this client may not send to."""
        vhost, permit = self._ground.vhost, self._ground.permit
        destination = destinations.parse(text)
        if destination.kind is Kind.TEMP_QUEUE:
            raise StompError(
                "Invalid destination", f"'{text}' is not a valid destination for 'SEND'\n"
            )
        name, key = destination.exchange, destination.routing_key
        permit.exchange(WRITE, name)
        exchange = vhost.exchange(name)
        if permit.has_topics and exchange.declaration.type == TOPIC:
            permit.topics(WRITE, name, (key,))
        return Place(destination, Envelope(name, key, STOMP_FORM))

    def _properties(self, headers: Mapping[str, str]) -> bytes:
        """Return what the message says: everything that is not between the client and us."""
        user = headers.get("user-id")
        if user is not None:
            self._check_user(user)
        said = [pair for pair in headers.items() if pair[0] not in BETWEEN_US]
        if EXPIRATION in headers or "reply-to" in headers:
            said = [self._checked(*pair) for pair in said]
        return packed(pair for pair in said if not pair[0].startswith(JSON))

    def _checked(self, name: str, value: str) -> tuple[str, str]:
        if name == EXPIRATION and not (value.isascii() and value.isdecimal()):
            raise PreconditionFailed(f"invalid expiration '{value}': no_integer")
        if name == "reply-to" and value.startswith(destinations.TEMP_QUEUE):
            return name, destinations.REPLY_QUEUE + self._temp_queue(value)
        return name, value

    def _check_user(self, claimed: str) -> None:
        permit = self._ground.permit
        if claimed != permit.user and not permit.may_pose:
            raise PreconditionFailed(
                f"user_id property set to '{claimed}' but authenticated user was '{permit.user}'"
            )

    def _dropped(self, _message: Message) -> None:
        self._ground.wire.counters.dropped += 1

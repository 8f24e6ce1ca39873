"""Which topic a stream is, and which stream a topic is.

In the virtual host "/" a stream is the topic of its name. Names that no topic can have, and those
of other virtual hosts, become `anymq--<vhost>--<name>`, where all but ASCII letters and digits is
written as `-` and two hexadecimal digits for each byte. So no two streams are the same topic, and
the name says which stream it is.
"""

import re

from anymq.core.errors import PreconditionFailed
from anymq.core.streams.errors import InvalidName
from anymq.core.streams.naming import NAME_LENGTH_MAX, check_any_name

DEFAULT_VHOST = "/"
PREFIX = "anymq--"
_SEPARATOR = "--"
_QUOTED = re.compile(r"([A-Za-z0-9]|-[0-9A-F]{2})+")
_OTHER = re.compile(rb"[^A-Za-z0-9]")


def topic_of(vhost: str, name: str) -> str:
    """Return the topic's name; refuse one that would be too long."""
    if vhost == DEFAULT_VHOST and _is_plain(name):
        return name
    topic = f"{PREFIX}{_quoted(vhost)}{_SEPARATOR}{_quoted(name)}"
    if len(topic) > NAME_LENGTH_MAX:
        raise PreconditionFailed(
            f"the name of the stream '{name[:64]}' in vhost '{vhost[:64]}' is too long: "
            f"as a topic it has {len(topic)} characters, at most {NAME_LENGTH_MAX} are allowed"
        )
    return topic


def stream_of(topic: str) -> tuple[str, str]:
    """Return the virtual host and the name of the stream that a topic is."""
    vhost, separator, name = topic.removeprefix(PREFIX).partition(_SEPARATOR)
    quoted = topic.startswith(PREFIX) and separator and _QUOTED.fullmatch(vhost)
    if quoted and _QUOTED.fullmatch(name):
        try:
            found = _unquoted(vhost), _unquoted(name)
        except UnicodeDecodeError:  # none of ours
            return DEFAULT_VHOST, topic
        # A Kafka client may have made a topic of such a name that no stream would have.
        if topic_of(*found) == topic:
            return found
    return DEFAULT_VHOST, topic


def _is_plain(name: str) -> bool:
    try:
        check_any_name(name)
    except InvalidName:
        return False
    return not name.startswith(PREFIX)


def _quoted(text: str) -> str:
    content = text.encode(errors="surrogateescape")
    return _OTHER.sub(lambda found: b"-%02X" % found[0][0], content).decode()


def _unquoted(text: str) -> str:
    whole = re.sub(r"-([0-9A-F]{2})", lambda found: chr(int(found[1], 16)), text)
    return whole.encode("latin-1").decode(errors="surrogateescape")

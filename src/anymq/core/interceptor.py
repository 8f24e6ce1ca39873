"""Interceptor: somebody else's code that sees each message before it is routed.

A plugin: a class of a package of its own, see docs/how-to/write-a-plugin.md.
"""

from dataclasses import dataclass, replace
from typing import Any

from anymq.core.message import Message
from anymq.core.taps import Origin


@dataclass(frozen=True, slots=True)
class Publication:
    """Where a message is published, and by whom."""

    vhost: str
    who: Origin


class Interceptor:
    """Inherit from it. There is one object of each class for the whole broker."""

    def wants(self, vhost: str) -> bool:
        """Is it to see the messages of this virtual host? The others cost nothing then."""
        return True

    def publish(self, message: Message, publication: Publication) -> Message | None:
        """Return the message as it is to go on; None: not at all, and nobody is told.

        Raise what `anymq.core.errors` has to refuse it: its publisher is told why. It is called on
        the broker's thread, which waits: no input or output here.
        """
        return message


def changed(message: Message, **properties: Any) -> Message:
    """Return a message that says something else: `headers` are added, the other ones replaced."""
    headers = properties.pop("headers", {})
    said = replace(message.read(), **properties).with_headers(**headers)
    return message._replace(properties=message.envelope.form.write(said))

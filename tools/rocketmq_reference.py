"""The page of RocketMQ's requests: which are answered, and how; which are not."""

import inspect
from collections.abc import Callable

from anymq.protocols.rocketmq.api import registry
from anymq.protocols.rocketmq.call import Call
from anymq.protocols.rocketmq.codes import RequestCode

HEAD = """<!-- Made by ./dev docs from src/anymq/protocols/rocketmq/api: change it there. -->

# RocketMQ requests

What is answered of RocketMQ's remoting protocol, at each of its ports.
[What the answers mean](../protocols/rocketmq.md).

| code | request | what it does |
|---|---|---|
"""
TAIL = """
## Not answered

These are answered with 3, `REQUEST_CODE_NOT_SUPPORTED`: they are of replicas, controllers, cold data
and other parts that there are none of here, or we ask them ourselves.

| code | request |
|---|---|
"""


def rocketmq_requests_page() -> str:
    """List every request that RocketMQ knows."""
    handlers = registry.load()
    answered = "".join(
        f"| {code} | {code.name} | {_what(handlers[code])} |\n"
        for code in sorted(RequestCode)
        if code in handlers
    )
    missing = "".join(
        f"| {code} | {code.name} |\n" for code in sorted(RequestCode) if code not in handlers
    )
    return HEAD + answered + TAIL + missing


def _what(handler: Callable[[Call], None]) -> str:
    """Return the first sentence of what a handler says of itself."""
    paragraph = (inspect.getdoc(handler) or "").partition("\n\n")[0]
    return " ".join(paragraph.split()).replace("|", "\\|")

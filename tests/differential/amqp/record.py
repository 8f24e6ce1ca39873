"""Ask a RabbitMQ everything and keep its answers: `python -m tests.differential.amqp.record`.

ANYMQ_RABBITMQ=system asks the installed one; what it says otherwise than the newest is kept beside.
`--anymq` keeps what ours says otherwise, for the dialogues that chosen.toml has a reason for.
"""

import argparse
import os
import sys
import time

from tests.differential.amqp import book
from tests.peers import choose

SLOW_SECONDS = 1.0


def main() -> int:
    """Record one broker."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--anymq", action="store_true")
    parser.add_argument("--newest", action="store_true", help="this RabbitMQ is the measure")
    parser.add_argument(
        "--show", metavar="PART", help="only print dialogues with this in their name"
    )
    arguments = parser.parse_args()
    with choose.chosen_amqp_server("anymq" if arguments.anymq else "rabbitmq") as server:
        asked = book.Asked(server.amqp_port)
        said = {
            name: had(asked, name)
            for name, _ in book.all_dialogues()
            if (arguments.show or "") in name
        }
    if arguments.show:
        show(said)
    elif arguments.newest:
        book.write(book.NEWEST, said)
        (book.GOLDEN / book.NEWEST / "version").write_text(f"{server.version}\n")
    else:
        keep_differences(said, "anymq" if arguments.anymq else book.overlay(server.version))
    return 0


def had(asked: book.Asked, name: str) -> list[str]:
    """Have one dialogue; a slow one waits for what does not come."""
    begun = time.monotonic()
    lines = asked.said(name)
    if (took := time.monotonic() - begun) > SLOW_SECONDS:
        print(f"{name}: {took:.1f} s", flush=True)
    return lines


def show(said: book.Transcripts) -> None:
    """Print them."""
    for name, lines in said.items():
        print(os.linesep.join([f"== {name}", *lines, ""]))


def keep_differences(said: book.Transcripts, layer: str) -> None:
    """Write what differs from the newest RabbitMQ; of ours, only what was chosen."""
    newest = book.expected()
    wanted = book.chosen() if layer == "anymq" else said
    book.write(layer, {n: lines for n, lines in said.items() if n in wanted and lines != newest[n]})


if __name__ == "__main__":
    sys.exit(main())

"""Commands in processes of their own, as a person starts them."""

import os
import subprocess
import sys
import threading
import time

SECONDS = 40


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "anymq", *words]


def run(*words: str, types: str | bytes = b"", **variables: str) -> "Done":
    typed = types.encode() if isinstance(types, str) else types
    done = subprocess.run(
        command(*words),
        input=typed,
        capture_output=True,
        timeout=SECONDS,
        check=False,
        env={**os.environ, **variables},
    )
    return Done(done.returncode, done.stdout.decode(), done.stderr.decode())


class Done:
    """How a command ended."""

    def __init__(self, status: int, out: str, err: str) -> None:
        self.status, self.out, self.err = status, out, err


class Tools:
    """Commands that know where the broker is."""

    def __init__(self, servers: str) -> None:
        self.servers = servers
        self._started: list[subprocess.Popen[bytes]] = []

    def __call__(self, words: str, *more: str, types: str | bytes = b"") -> Done:
        done = run(*self.words(words, *more), types=types)
        assert done.status == 0, done.out + done.err
        return done

    def refused(self, words: str) -> Done:
        done = run(*self.words(words))
        assert done.status == 1, done.out + done.err
        return done

    def words(self, words: str, *more: str) -> list[str]:
        return [*words.split(), *more, "--bootstrap-server", self.servers]

    def start(self, words: str) -> "subprocess.Popen[bytes]":
        process = subprocess.Popen(
            command(*self.words(words)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self._started.append(process)
        return process

    def stop(self) -> None:
        """End what a failed test left."""
        for process in self._started:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout, process.stderr):
                if pipe is not None:
                    pipe.close()


def until(there: str, tools: Tools, words: str) -> str:
    """Ask until the answer has it."""
    deadline = time.monotonic() + SECONDS
    while there not in (out := run(*tools.words(words)).out):
        assert time.monotonic() < deadline, out
    return out


def line_of(process: "subprocess.Popen[bytes]") -> bytes:
    """The next line, or an end to the wait."""
    assert process.stdout is not None
    watch = threading.Timer(SECONDS, process.kill)
    watch.start()
    try:
        return process.stdout.readline()
    finally:
        watch.cancel()

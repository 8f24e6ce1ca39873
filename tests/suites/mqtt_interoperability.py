"""Eclipse Paho's interoperability tests, of MQTT 3.1.1 and 5.

They are in no package: ANYMQ_SUITE_PAHO names a checkout of paho.mqtt.testing, or a bare
repository. Each test gets a broker of its own, and most of their time they wait.
"""

import io
import os
import re
import shutil
import subprocess
import sys
import tarfile
import time
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from json import dumps
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.request import Request, urlopen

import anymq
from anymq.testing import EmbeddedBroker
from tests.suites.pytest_suite import SUITES_ROOT, SuiteUnavailable
from tests.suites.result import Case, Result

NAME = "paho-interoperability"
VARIABLE = "ANYMQ_SUITE_PAHO"
FILES = ("client_test.py", "client_test5.py")
FOLDER = "interoperability"
AT_ONCE = 6
TEST_SECONDS = 150
TEST = re.compile(r"def (test\w+)\(self")
# What they take for granted: a topic that nobody may subscribe to, and, of MQTT 5, a keep-alive.
NO_SUBSCRIBE = "^(?!test.nosubscribe$).*"
KEEP_ALIVE_S = 60
# Where they are wrong themselves, the same test runs once more with that put right.
CORRECTED = ("client_test5.py", "test_subscribe_failure", "with 0x87 allowed, as in 3.9.3")
CORRECTIONS = (
    ("mqtt/formats/MQTTV5/MQTTV5.py", "in [0, 1, 2, 0x80]", "in [0, 1, 2, 0x80, 0x87]"),
    ("client_test5.py", ".value == 0x80", ".value == 0x87"),
)


def run() -> Result:
    """All of them."""
    folder = _checkout()
    tests = [(file, name) for file in FILES for name in TEST.findall((folder / file).read_text())]
    begun = time.monotonic()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        cases = (*pool.map(lambda test: _run_one(folder, *test), tests), _run_corrected(folder))
    broker = f"anymq {anymq.__version__}"
    return Result(NAME, _commit(), broker, time.monotonic() - begun, cases)


def _run_one(folder: Path, file: str, name: str) -> Case:
    keep_alive = KEEP_ALIVE_S if "5" in file else 0
    with EmbeddedBroker(settings={"mqtt": {"port": 0, "keep_alive_s_max": keep_alive}}) as broker:
        _limit_guest(broker.management)
        script = _with_port(folder, file, broker.ports["mqtt"])
        said = f"{file.removesuffix('.py')}::{name}"
        try:
            done = subprocess.run(
                [sys.executable, "-c", script, f"Test.{name}"],
                cwd=folder,
                capture_output=True,
                text=True,
                timeout=TEST_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return Case(said, "failed", f"it did not end within {TEST_SECONDS} s")
    lines = done.stderr.strip().splitlines()
    errors = [line for line in lines if "Error" in line]
    return Case(said, "failed", errors[0][:200]) if done.returncode else Case(said, "passed")


def _run_corrected(folder: Path) -> Case:
    file, name, how = CORRECTED
    with TemporaryDirectory() as copied:
        copy = Path(shutil.copytree(folder, copied, dirs_exist_ok=True))
        for path, wrong, right in CORRECTIONS:
            text = (copy / path).read_text()
            assert text.count(wrong) == 1, path
            (copy / path).write_text(text.replace(wrong, right))
        case = _run_one(copy, file, name)
    return replace(case, name=f"{case.name}, {how}")


def _with_port(folder: Path, file: str, port: int) -> str:
    """Return what runs a test at our port: the older of the two has no flag that works."""
    text = (folder / file).read_text().replace("1883", str(port))
    return f"exec(compile({text!r}, {file!r}, 'exec'))"


def _limit_guest(management: str) -> None:
    rights = {"exchange": "amq.topic", "write": ".*", "read": NO_SUBSCRIBE}
    login = b64encode(b"guest:guest").decode()
    headers = {"Authorization": f"Basic {login}", "Content-Type": "application/json"}
    url = f"{management}/api/topic-permissions/%2F/guest"
    urlopen(Request(url, dumps(rights).encode(), headers, method="PUT")).close()


def _checkout() -> Path:
    root = SUITES_ROOT / NAME
    if (root / FOLDER).is_dir():
        return root / FOLDER
    git = ["git", "-C", _source()]
    archive = subprocess.run([*git, "archive", "HEAD", FOLDER], capture_output=True, check=False)
    if archive.returncode:
        raise SuiteUnavailable(f"{VARIABLE}: {archive.stderr.decode().strip()}")
    root.mkdir(parents=True, exist_ok=True)
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as tar:
        tar.extractall(root, filter="data")
    head = subprocess.run([*git, "rev-parse", "--short", "HEAD"], capture_output=True, check=True)
    (root / "commit").write_bytes(head.stdout)
    return root / FOLDER


def _commit() -> str:
    return (SUITES_ROOT / NAME / "commit").read_text().strip()


def _source() -> str:
    source = os.environ.get(VARIABLE)
    if not source:
        raise SuiteUnavailable(f"{VARIABLE} names no checkout of its repository")
    return source

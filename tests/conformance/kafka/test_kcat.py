"""kcat, the tool people reach for first."""

import json
import shutil
import subprocess

import pytest

from tests.conformance.kafka.conftest import MakeTopic

KCAT = shutil.which("kcat") or shutil.which("kafkacat")
TALK_SECONDS = 30
pytestmark = pytest.mark.skipif(KCAT is None, reason="no kcat on PATH")


def kcat(kafka: str, *argv: str, said: str = "") -> str:
    done = subprocess.run(
        [KCAT or "kcat", "-b", kafka, *argv],
        input=said,
        capture_output=True,
        text=True,
        timeout=TALK_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_lines_go_in_and_come_out(kafka: str, topic: str) -> None:
    kcat(kafka, "-P", "-t", topic, said="one\ntwo\nthree\n")
    assert kcat(kafka, "-C", "-t", topic, "-e", "-q") == "one\ntwo\nthree\n"


def test_keys_and_headers_are_shown(kafka: str, topic: str) -> None:
    kcat(kafka, "-P", "-t", topic, "-K:", "-H", "colour=red", said="k1:v1\nk2:v2\n")
    shown = kcat(kafka, "-C", "-t", topic, "-e", "-q", "-f", "%k=%s %h %o\n")
    assert shown == "k1=v1 colour=red 0\nk2=v2 colour=red 1\n"


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
def test_compressed_lines_come_out_as_they_went_in(kafka: str, topic: str, codec: str) -> None:
    lines = "".join(f"line {number}\n" for number in range(500))
    kcat(kafka, "-P", "-t", topic, "-z", codec, said=lines)
    assert kcat(kafka, "-C", "-t", topic, "-e", "-q") == lines


def test_the_last_lines_only(kafka: str, topic: str) -> None:
    kcat(kafka, "-P", "-t", topic, said="a\nb\nc\nd\n")
    assert kcat(kafka, "-C", "-t", topic, "-o", "-2", "-e", "-q") == "c\nd\n"


def test_a_group_reads_all_partitions(kafka: str, make_topic: MakeTopic, name: str) -> None:
    topic = make_topic(partitions=3)
    for partition in "012":
        kcat(kafka, "-P", "-t", topic, "-p", partition, said=f"in {partition}\n")
    start = ("-X", "auto.offset.reset=earliest", "-c", "3", "-q")
    assert sorted(kcat(kafka, "-G", name, *start, topic).split("\n")) == [
        "",
        "in 0",
        "in 1",
        "in 2",
    ]


def test_the_listing_shows_the_topic_and_its_broker(kafka: str, make_topic: MakeTopic) -> None:
    topic = make_topic(partitions=2)
    listing = json.loads(kcat(kafka, "-L", "-J", "-t", topic))
    assert [broker["name"] for broker in listing["brokers"]] == [kafka]
    (shown,) = listing["topics"]
    assert (shown["topic"], len(shown["partitions"])) == (topic, 2)

"""Whoever logs never waits for whoever reads."""

import json
import logging
import os
from collections.abc import Iterator
from itertools import islice

import pytest

from sidecar.server.process.logs import JsonLines, Unhurried

LONG = "x" * 1000


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """A pipe as a game opens it for our stderr: the end to read, the end to write."""
    ends = os.pipe()
    yield ends
    for end in ends:
        os.close(end)


def logger(descriptor: int, waiting_entries: int) -> tuple[logging.Logger, Unhurried]:
    handler = Unhurried(descriptor, waiting_entries)
    handler.setFormatter(JsonLines())
    log = logging.Logger("of a test")
    log.addHandler(handler)
    return log, handler


def lines_of(reader: int) -> Iterator[dict]:
    with open(reader, encoding="utf-8", closefd=False) as stream:
        for line in stream:
            yield json.loads(line)


def test_entries_come_out_in_order_and_whole(pipe: tuple[int, int]):
    log, handler = logger(pipe[1], 100)
    for number in range(50):
        log.info("entry", extra={"number": number})
    handler.flush()
    assert [line["number"] for line in islice(lines_of(pipe[0]), 50)] == list(range(50))


def test_logging_goes_on_while_nobody_reads_and_says_later_what_was_lost(pipe: tuple[int, int]):
    log, _ = logger(pipe[1], 20)
    for number in range(500):  # a pipe holds 64 KiB
        log.info(LONG, extra={"number": number})
    said, lost = lines_of(pipe[0]), 0
    kept = list[int]()
    while len(kept) + lost < 500:
        line = next(said)
        if "number" in line:
            kept.append(line["number"])
        else:
            lost += int(line["message"].split()[0])
    assert kept == sorted(kept) and kept[0] == 0
    assert len(kept) + lost == 500 and lost > 300


def test_a_reader_that_is_gone_is_no_error():
    reader, writer = os.pipe()
    os.close(reader)
    log, handler = logger(writer, 20)
    log.info("to nobody")
    handler.flush()
    os.close(writer)

# SPDX-License-Identifier: GPL-3.0-or-later

"""Texts of virsh and errors of libvirt of any kind: nothing but our own error, in linear time, with counts printed."""

from __future__ import annotations

import json
import os
import time
import typing as t
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.virtops.live_migration.plugins.module_utils._core.diagnosis.diagnosis import diagnose
from ansible_collections.virtops.live_migration.plugins.module_utils._core.job.domjobinfo import (
    ParseError,
    parse_domjobinfo,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.libvirt_errors.all_meanings import meaning_of
from ansible_collections.virtops.live_migration.plugins.module_utils._core.libvirt_errors.codes import Err
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.errors import translate
from ansible_collections.virtops.live_migration.tests.unit.plugins.captured_texts import captured
from ansible_collections.virtops.live_migration.tests.unit.plugins.fake_libvirt import libvirtError

EXAMPLES = 2 * int(os.environ.get("VIRTOPS_FUZZ_EXAMPLES", "200"))
LONG = 100_000  # characters
LONGEST_S = 10.0  # of a processor for so many characters; what grows with their square takes minutes

REPORT = """\
Job type:         Unbounded
Operation:        Outgoing migration
Time elapsed:     294154       ms
Data processed:   32.196 GiB
Memory processed: 32.196 GiB
Memory remaining: 26.287 GiB
Memory total:     32.009 GiB
Memory bandwidth: 101.960 MiB/s
Dirty rate:       31340        pages/s
Page size:        4096         bytes
Iteration:        5
Postcopy requests: 0
File processed:   1.000 GiB
File remaining:   1.000 GiB
File total:       2.000 GiB
Expected downtime: 264000      ms
Auto converge throttle: 40
"""
RAW = "Job type: 2\n\noperation: 5\ntime_elapsed: 5\nmemory_total: 9\nmemory_processed: 3\nmemory_remaining: 6\n"

pieces = st.sampled_from(
    [*REPORT.split("\n"), *REPORT.split(), *RAW.split("\n"), "\n", "> ", ": ", "\u00a0", "\uff1a", "\u0661", "1e9", "-"]
)


@st.composite
def reports(draw: st.DrawFn) -> str:
    """A report in which pieces were put in, taken out, doubled or exchanged."""
    lines = draw(st.sampled_from([REPORT, RAW])).split("\n")
    for _change in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, max(0, len(lines) - 1)))
        how = draw(st.integers(0, 4))
        if how == 0:
            lines[at : at + 1] = []
        elif how == 1:
            lines.insert(at, draw(pieces))
        elif how == 2 and lines:
            cut = draw(st.integers(0, len(lines[at])))
            lines[at] = lines[at][:cut] + draw(st.one_of(pieces, st.text(max_size=5))) + lines[at][cut:]
        elif how == 3 and lines:
            cut = draw(st.integers(0, len(lines[at])))
            lines[at] = lines[at][:cut]
        elif lines:
            lines[at] = lines[at].replace(" ", draw(st.sampled_from(["\n", "\t", "\n> ", ""])))
    return "\n".join(lines)


counts: Counter[str] = Counter()


@pytest.fixture(scope="module", autouse=True)
def printed_counts() -> t.Iterator[None]:
    yield
    print("\nfuzzed:", ", ".join(f"{what} {number}" for what, number in sorted(counts.items())))


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(text=st.one_of(reports(), st.lists(st.one_of(pieces, st.text(max_size=8))).map("".join)))
def test_a_text_is_a_job_or_unparsable(text: str) -> None:
    try:
        sample = parse_domjobinfo(text)
    except ParseError:
        counts["reports refused"] += 1
        return
    counts["reports read"] += 1
    assert diagnose([sample]).summary
    json.dumps(sample.document())


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(text=reports())
def test_what_is_read_is_never_less_than_the_report_says(text: str) -> None:
    """A change in a report is seen, or it is refused: no figure of the first report becomes zero or disappears."""
    if not text.startswith("Job type:         Unb") or text.count("Job type") != 1:
        return
    try:
        sample = parse_domjobinfo(text)
    except ParseError:
        return
    if sample.memory.total_bytes:
        counts["reports compared"] += 1
        assert sample.memory.remaining_bytes
        assert sample.memory.processed_bytes
        assert sample.elapsed_ms
        assert sample.dirty_pages_per_s or sample.pass_number is None


messages = st.sampled_from([row for rows in json.loads(captured("libvirt_errors.json")).values() for row in rows])
quoted = st.text(max_size=30).map("'{}'".format)


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    code=st.one_of(st.sampled_from(list(Err)).map(int), st.integers(-3, 200)),
    message=st.one_of(st.text(), st.builds(lambda row, more: row[1] + more, messages, st.one_of(st.text(), quoted))),
)
def test_every_error_has_a_meaning(code: int, message: str) -> None:
    error = translate(libvirtError(code, message), "It was not done.")
    assert error.reason
    assert error.state
    assert error.remedy
    counts["errors"] += 1
    counts["errors of no known code"] += error.reason == "LIBVIRT_ERROR"


LONG_TEXTS = {
    "spaces": " ",
    "labels": "Memory remaining: ",
    "half labels": "Memory ",
    "job types": "Job type: Unbounded\n",
    "fields": "Iteration: 5\n",
    "unknown fields": "Some thing: 5 ms\n",
    "colons": ":",
    "digits": "1",
    "quotes": "'",
    "opening quotes": "\u201c\u201e\u00bb",
    "words in quotes": "a 'b",
    "braces": "{",
    "json": '{"a":',
    "slashes in quotes": '"/',
    "mail quotes": "> ",
    "failed to": "failed to get ",
    "unable to": "unable to set security context on ",
    "ssh": "Cannot recv data: nc: ",
    "lines": "\n",
}


@pytest.mark.parametrize("piece", LONG_TEXTS.values(), ids=LONG_TEXTS)
def test_time_is_linear(piece: str) -> None:
    many = piece * (LONG // len(piece))
    before = time.process_time()
    for text in (many, "Job type: Unbounded\nTime elapsed: 5 ms\n" + many):
        try:
            parse_domjobinfo(text)
        except ParseError:
            counts["long texts refused"] += 1
        for code in (1, 9, 38, 55):
            meaning_of(code, many)
            counts["long errors"] += 1
    assert time.process_time() - before < LONGEST_S

# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.virtops.live_migration.plugins.filter.migration_diagnosis import (
    FilterModule as DiagnosisFilter,
)
from ansible_collections.virtops.live_migration.plugins.filter.migration_report import FilterModule as ReportFilter
from ansible_collections.virtops.live_migration.plugins.filter.parse_domjobinfo import FilterModule as ParseFilter
from ansible_collections.virtops.live_migration.plugins.module_utils._core.policy import Policy
from ansible_collections.virtops.live_migration.plugins.plugin_utils._filters import context_from

TEXT = """\
Job type: Unbounded / Operation: Outgoing migration / Time elapsed: 168286974 ms / Data processed: 26.106 TiB /
Data remaining: 34.383 MiB / Data total: 10.586 TiB / Memory processed: 26.106 TiB / Memory remaining: 34.383 MiB /
Memory total: 10.586 TiB / Memory bandwidth: 29.056 MiB/s / Dirty rate: 17225 pages/s / Page size: 4096 bytes
"""

parse = ParseFilter().filters()["parse_domjobinfo"]
diagnosis = DiagnosisFilter().filters()["migration_diagnosis"]
report = ReportFilter().filters()["migration_report"]


class Text(str):
    """As a template passes a text in: a subclass."""


class Lazy(dict[str, t.Any]):
    """As a template passes a dictionary in: a subclass."""


def test_the_text_becomes_a_document_with_its_diagnosis() -> None:
    job = parse(Text(TEXT), name=Text("erp01"))
    assert (job["name"], job["memory"]["dirty_bytes_per_s"]) == ("erp01", 70553600)
    assert job["diagnosis"] == diagnosis(Lazy(job))
    assert job["diagnosis"]["verdict"] == "stuck"
    assert not isinstance(job["name"], Text)


def test_text_and_document_are_judged_the_same() -> None:
    assert diagnosis(TEXT, max_downtime_ms=5000) == diagnosis(parse(TEXT), max_downtime_ms=5000)


def test_what_is_allowed_follows_the_limits() -> None:
    def allowed(**limits: t.Any) -> dict[str, bool]:
        return {remedy["action"]: remedy["allowed"] for remedy in diagnosis(TEXT, **limits)["remedies"]}

    strict = allowed(max_downtime_ms=100, postcopy="never")
    # The text does not say what the guest rewrites in a pass, so a pause may take as long as sending all its memory.
    minute = allowed(max_pause_s="60")
    relaxed = allowed(max_downtime_ms="60000", postcopy="if_needed", max_pause_s="400000")
    assert (strict["downtime"], strict["postcopy"], strict["suspend"]) == (False, False, False)
    assert not minute["suspend"]
    assert (relaxed["downtime"], relaxed["postcopy"], relaxed["suspend"]) == (True, True, True)


def test_the_link_is_told_in_mbit() -> None:
    assert diagnosis(TEXT, link_mbit_per_s=10_000)["reason"] == "LINK_SLOW"
    assert context_from(link_mbit_per_s="400").link_bytes_per_s == 50_000_000


def test_what_is_not_given_is_the_default() -> None:
    assert context_from().policy == Policy()


def test_the_report_takes_a_list_or_one() -> None:
    job = parse(TEXT, name="erp01")
    assert report([job]) == report(Lazy(job))
    assert report([job])[0] == "erp01: stuck, DIRTY_RATE"
    assert report([]) == ["No migration job."]


# filter, what it is given, keyword arguments, what the message says
REFUSED: list[tuple[t.Callable[..., t.Any], t.Any, dict[str, t.Any], str]] = [
    (parse, "foo", {}, "parse_domjobinfo: This is not readable as output of 'virsh domjobinfo'"),
    (parse, None, {}, "parse_domjobinfo: Expected the text of 'virsh domjobinfo', but got nothing"),
    (parse, ["a"], {}, "give stdout"),
    (diagnosis, "foo", {}, "migration_diagnosis: This is not readable"),
    (diagnosis, 3, {}, "migration_diagnosis: Expected a job document, but got a int"),
    (diagnosis, {}, {}, "without the key 'memory'"),
    (diagnosis, TEXT, {"max_downtime_ms": "soon"}, "max_downtime_ms is 'soon', but must be a number"),
    (diagnosis, TEXT, {"max_downtime_ms": 0}, "max_downtime_ms is 0, but must be"),
    (diagnosis, TEXT, {"postcopy": "maybe"}, "postcopy is 'maybe', but must be one of"),
    (diagnosis, TEXT, {"max_pause_s": -1}, "max_pause_s is -1.0, but must be"),
    (diagnosis, TEXT, {"max_pause_s": "nan"}, "max_pause_s is 'nan', but must be a number"),
    (diagnosis, TEXT, {"link_mbit_per_s": 0}, "link_mbit_per_s is 0, but must be a number above 0"),
    (diagnosis, TEXT, {"link_mbit_per_s": "inf"}, "link_mbit_per_s is 'inf', but must be a number"),
    (report, [3], {}, "migration_report: Expected a job document"),
    (report, "erp01", {}, "migration_report: Expected a job document, but got a str"),
]


@pytest.mark.parametrize(("call", "given", "options", "message"), REFUSED)
def test_refused(call: t.Callable[..., t.Any], given: t.Any, options: dict[str, t.Any], message: str) -> None:
    with pytest.raises(AnsibleFilterError) as caught:
        call(given, **options)
    assert message in str(caught.value)

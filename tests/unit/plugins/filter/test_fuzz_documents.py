# SPDX-License-Identifier: GPL-3.0-or-later
"""Documents that somebody has changed at any place, in the filters and codecs that read them.

What does not fit is an error of ours, and never another exception; what fits gives a result. How often either came is
printed at the end.
"""

from __future__ import annotations

import copy
import json
import time
import typing as t
from dataclasses import replace

import pytest
from ansible.errors import AnsibleFilterError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.virtops.live_migration.plugins.filter.bandwidth_shares import bandwidth_shares
from ansible_collections.virtops.live_migration.plugins.filter.evacuation_table import evacuation_table
from ansible_collections.virtops.live_migration.plugins.filter.migration_diagnosis import migration_diagnosis
from ansible_collections.virtops.live_migration.plugins.filter.migration_report import migration_report
from ansible_collections.virtops.live_migration.plugins.filter.readiness_overview import readiness_overview
from ansible_collections.virtops.live_migration.plugins.filter.readiness_table import readiness_table
from ansible_collections.virtops.live_migration.plugins.filter.report_html import report_html
from ansible_collections.virtops.live_migration.plugins.filter.report_summary import report_summary
from ansible_collections.virtops.live_migration.plugins.module_utils._core.diagnosis.diagnosis import diagnose
from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError
from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.plan.fleet import Uplink
from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.plan.guest_rules import (
    MAY,
    from_metadata,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.plan.input import (
    PlanOptions,
    fleet_from_documents,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.plan.input_host import (
    HostSettings,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.plan.plan import (
    plan_evacuation,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.plan.plan_document import (
    plan_document,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.plan.report import plan_lines
from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.run.home_mark_xml import (
    HomeMark,
    read_mark,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.run.result import GuestResult
from ansible_collections.virtops.live_migration.plugins.module_utils._core.guest_metadata import (
    GUEST_NAMESPACE as NAMESPACE,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.capacity import (
    HugePages,
    Memory,
    NumaNode,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.document import (
    HostDocument,
    host_from,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.guest import GuestDocument, GuestMemory
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.network import MigrationPath
from ansible_collections.virtops.live_migration.plugins.module_utils._core.job.sample import (
    JobSample,
    Limits,
    Phase,
    Progress,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.supervision.progress import shown_line
from ansible_collections.virtops.live_migration.plugins.module_utils._core.units import GIB, MIB
from ansible_collections.virtops.live_migration.tests.unit.plugins import reports
from ansible_collections.virtops.live_migration.tests.unit.plugins.changed_documents import (
    changed,
    counts,
    printed,
    tried,
)

Mutate = t.Callable[[t.Any], t.Any]

CHANGES_EACH = 8
FUZZ = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
UUID = "1f3c6f0a-6a40-4d0c-9d5e-0a6b1d1f0c11"

told = pytest.fixture(scope="module", autouse=True)(printed)


SAMPLE = JobSample(
    phase=Phase.PRECOPY,
    operation="outgoing",
    elapsed_ms=723_000,
    pass_number=12,
    memory=Progress(4 * GIB, 10 * GIB, GIB),
    disk=Progress(GIB, GIB, 0),
    bandwidth_bytes_per_s=100 << 20,
    dirty_pages_per_s=20_000,
    expected_downtime_ms=5600,
    throttle_percent=30,
    limits=Limits(300, 100, 0),
    name="erp01",
    uuid=UUID,
)


def jobs() -> list[dict[str, t.Any]]:
    found = []
    for phase in Phase:
        sample = replace(SAMPLE, phase=phase)
        document = sample.document(diagnose([sample]).document())
        document["diagnosis"]["evidence"].update(boundaries=[[11, 2 * GIB], [12, GIB]], looks=3, observed_s=2.5)
        found.append(document)
    return t.cast("list[dict[str, t.Any]]", json.loads(json.dumps(found)))


CHECK = {"id": "disks", "status": "fail", "summary": "Not there.", "evidence": {}, "remedy": "Mend it."}
ENTRIES = [
    {
        "name": name,
        "uuid": name,
        "destination": host,
        "ready": name == "crm01",
        "checks": [CHECK, {**CHECK, "status": "warn"}],
        "counts": {"pass": 1, "warn": 1, "fail": 1, "skip": 0},
        "summary": "It can go nowhere.",
    }
    for name in ("erp01", "crm01")
    for host in ("kvm02", "kvm03")
]
ROWS = [
    GuestResult(
        "erp01", UUID, source="kvm01", destination="kvm02", outcome="moved", elapsed_s=6.1, downtime_ms=122
    ).document(),
    GuestResult(
        "crm01", UUID, outcome="failed", reason="BROKEN", msg="It broke.", remedy="Again.", remedies=["x"]
    ).document(),
]
FILTERS: dict[str, tuple[Mutate, t.Any]] = {
    "readiness_overview": (lambda value: readiness_overview(value, "kvm01"), ENTRIES),
    "readiness_table": (readiness_table, readiness_overview(ENTRIES, "kvm01")),
    "evacuation_table": (evacuation_table, ROWS),
    "migration_report": (migration_report, jobs()),
    "bandwidth_shares": (lambda value: bandwidth_shares(value, 1100), [*jobs(), {"name": "a", "uuid": "b"}]),
    "migration_diagnosis": (migration_diagnosis, jobs()[2]),
    "report_of_a_migration": (
        lambda value: report_html({"migrations": [value]}),
        reports.record("postcopy-extreme.json"),
    ),
    "report_of_an_evacuation": (lambda value: report_html({"evacuations": [value]}), reports.evacuation(2)),
    "report_of_readiness": (lambda value: report_html({"readiness": [value]}), reports.readiness(6)[0]),
    "report_summary": (report_summary, {"evacuations": [reports.evacuation(2)], "readiness": reports.readiness(6)}),
}


@pytest.mark.parametrize("name", FILTERS)
@FUZZ
@given(seed=st.integers(0, 2**48))
def test_a_filter(name: str, seed: int) -> None:
    call, document = FILTERS[name]
    for number in range(CHANGES_EACH):
        value = changed(document, seed * CHANGES_EACH + number)
        tried(name, AnsibleFilterError, lambda value=value: call(value))  # type: ignore[misc]


@pytest.mark.parametrize("phase", Phase)
@FUZZ
@given(seed=st.integers(0, 2**48))
def test_a_diagnosis_in_each_phase(phase: Phase, seed: int) -> None:
    document = replace(SAMPLE, phase=phase).document()
    for operation in ("outgoing", "incoming", "other"):
        value = changed({**document, "operation": operation}, seed)
        tried("migration_diagnosis", AnsibleFilterError, lambda value=value: migration_diagnosis(value))  # type: ignore[misc]


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize("name", FILTERS)
@FUZZ
@given(value=json_like)
def test_a_filter_on_anything(name: str, value: t.Any) -> None:
    tried(name, AnsibleFilterError, lambda: FILTERS[name][0](value))


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize("kind", ["list", "dict", "itself"])
def test_a_filter_on_what_is_deep(name: str, kind: str) -> None:
    value: t.Any = []
    for _number in range(5000):
        value = [value] if kind == "list" else {"diagnosis": value}
    if kind == "itself":
        value = []
        value.append(value)
    call, document = FILTERS[name]
    whole = copy.deepcopy(document)
    (whole[0] if isinstance(whole, list) else whole)["name"] = value
    begin_s = time.monotonic()
    tried(name, AnsibleFilterError, lambda: call(value))
    tried(name, AnsibleFilterError, lambda: call(whole))
    assert time.monotonic() - begin_s < 10


# --- metadata of guests

MARK = HomeMark("kvm01", "uuid-1", "2026-11-25T15:00:00Z", "migrate", "kvm02", "all", UUID, "kvm03", "uuid-3")
attributes = st.dictionaries(
    st.sampled_from([*vars(MARK), "x", "strategy", "if-unplaceable", "priority", "together", "apart"]),
    st.text(max_size=40) | st.sampled_from(["", "shutdown", "bogus", "none", "9" * 5000, UUID, "a " * 100]),
)


def element(name: str, values: t.Mapping[str, str]) -> str:
    from xml.sax.saxutils import quoteattr

    return f"<{name} {' '.join(f'{key}={quoteattr(value)}' for key, value in values.items())}/>"


@FUZZ
@given(text=st.text(max_size=60) | attributes.map(lambda values: element("home", values)), own=st.text(max_size=40))
def test_a_mark(text: str, own: str) -> None:
    """Whoever may edit the guest can have written it."""
    found = read_mark(text, own)
    counts["marks"]["refused" if found is None or found.problem or found.of_another else "result"] += 1
    if found is not None:
        assert found.home.strategy in ("migrate", "shutdown")
        assert found.home.copy_storage in ("none", "all", "incremental")
        assert read_mark(found.home.xml()) is not None


@FUZZ
@given(data=st.data())
def test_a_mark_with_a_few_letters_changed(data: st.DataObject) -> None:
    text = MARK.xml()
    for _number in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(text)))
        text = text[:place] + data.draw(st.text(max_size=3)) + text[place + data.draw(st.integers(0, 3)) :]
    counts["marks"]["refused" if read_mark(text) is None else "result"] += 1


@FUZZ
@given(
    text=st.text(max_size=60) | attributes.map(lambda values: element("guest", values)),
    may=st.sets(st.sampled_from(MAY)),
)
def test_units_of_metadata(text: str, may: set[str]) -> None:
    wish, problems = from_metadata(GuestDocument("g", "g", metadata={NAMESPACE: text}), may)
    counts["wishes"]["refused" if problems else "result"] += 1
    assert wish.strategy in (None, "migrate", "shutdown", "leave")
    assert wish.priority is None or abs(wish.priority) <= 1000


# --- plans

PATH = MigrationPath(interface="eth1", speed_mbit_per_s=10_000, speed_is_real=True)
MEMORY = Memory(
    available_bytes=64 * GIB,
    nodes=[NumaNode(0, free_bytes=32 * GIB), NumaNode(1, free_bytes=32 * GIB)],
    hugepages=[HugePages(0, 2 * MIB, 100, 50), HugePages(1, 1 * GIB, 4, 4)],
    default_hugepage_size_bytes=2 * MIB,
)


def a_host(name: str, *guests: str) -> dict[str, t.Any]:
    domains = [
        GuestDocument(
            guest,
            guest,
            state="running",
            vcpus=2,
            memory=GuestMemory(4 * GIB, 4 * GIB, hugepages=number % 2 == 1, nodes=[0], node_mode="strict"),
            metadata={NAMESPACE: '<guest priority="3" apart="web"/>'},
        )
        for number, guest in enumerate(guests)
    ]
    document = HostDocument(name, f"uuid of {name}", memory=MEMORY, migration=PATH, domains=domains).document()
    kept = ("name", "uuid", "memory", "migration", "domains")
    return {key: document[key] for key in kept}


PLAN_INPUT: dict[str, t.Any] = {
    "sources": [a_host("kvm01", "erp01", "crm01", "web01")],
    "destinations": [a_host("kvm02", "dns01"), a_host("kvm03")],
    "readiness": [
        {"uuid": guest, "destination": host, "ready": False, "checks": [CHECK], "summary": "No."}
        for guest in ("erp01", "crm01", "web01")
        for host in ("kvm02", "kvm03")
    ],
    "measurements": [
        {"name": "erp01", "uuid": "erp01", "working_set_bytes": MIB, "dirty_bytes_per_s": MIB},
        {
            "name": "crm01",
            "facts": {"touched_bytes": GIB, "dirty_rate": {"working_set_bytes": MIB, "dirty_bytes_per_s": MIB}},
        },
    ],
}


@FUZZ
@given(seed=st.integers(0, 2**48))
def test_a_plan(seed: int) -> None:
    value = changed(PLAN_INPUT, seed)
    settings_of_hosts = {"kvm02": HostSettings(uplinks=["rack1", "rack1"])}
    wanted = PlanOptions(uplinks=(Uplink("rack1", 1e9),), hosts=settings_of_hosts, guest_overhead_mib=200)

    def plan() -> t.Any:
        lists = []
        for key in PLAN_INPUT:
            given_list = value.get(key) if isinstance(value, dict) else None
            # Ansible itself sees to it that each is a list of dictionaries.
            lists.append(
                [one for one in given_list or [] if isinstance(one, dict)] if isinstance(given_list, list) else []
            )
        sources, destinations = ([host_from(one, "host") for one in documents] for documents in lists[:2])
        fleet, _warnings = fleet_from_documents(sources, destinations, *lists[2:], wanted)
        found = plan_document(plan_evacuation(fleet))
        return [*plan_lines(found), found]

    tried("plans", MigrationError, plan)


@FUZZ
@given(entry=json_like, host=st.text(max_size=8))
def test_progress(entry: t.Any, host: str) -> None:
    line = shown_line(host, entry)
    assert line is None or line.isprintable()

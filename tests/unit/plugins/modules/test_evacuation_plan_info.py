# SPDX-License-Identifier: GPL-3.0-or-later
"""From the documents of hosts to a plan. The planning itself is tested in module_utils/_core."""

from __future__ import annotations

import dataclasses
import typing as t

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.guest_metadata import (
    GUEST_NAMESPACE as NAMESPACE,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.capacity import (
    HugePages,
    Memory,
    NumaNode,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.document import HostDocument
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.guest import (
    Disk,
    GuestDocument,
    GuestMemory,
    HostDevice,
    MemoryCell,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.network import MigrationPath
from ansible_collections.virtops.live_migration.plugins.module_utils._core.units import GIB, MIB
from ansible_collections.virtops.live_migration.plugins.modules import evacuation_plan_info
from ansible_collections.virtops.live_migration.tests.unit.plugins.run_module import ModuleRunner

Document = dict[str, t.Any]


def uuid(name: str) -> str:
    return f"uuid of {name}"


def guest(name: str, gib: float = 4, *, wish: str = "", memory: t.Any = None, **fields: t.Any) -> GuestDocument:
    fields.setdefault("state", "running")
    return GuestDocument(
        name,
        uuid(name),
        vcpus=2,
        memory=memory or GuestMemory(int(gib * GIB), int(gib * GIB)),
        metadata={NAMESPACE: f'<guest xmlns="{NAMESPACE}" {wish}/>'} if wish else {},
        **fields,
    )


def host(name: str, *guests: GuestDocument, gib: float = 64, memory: t.Any = None, **fields: t.Any) -> Document:
    fields.setdefault("migration", MigrationPath(interface="eth1", speed_mbit_per_s=10_000, speed_is_real=True))
    memory = memory or Memory(available_bytes=int(gib * GIB))
    return HostDocument(name, f"uuid of {name}", memory=memory, domains=list(guests), **fields).document()


def quiet(name: str) -> Document:
    return {"name": name, "uuid": uuid(name), "dirty_bytes_per_s": MIB, "working_set_bytes": MIB}


def checked(name: str, destination: str, *failed: str, ready: t.Optional[bool] = None) -> Document:
    checks = [{"id": one, "status": "fail", "summary": f"{one} is wrong", "remedy": f"mend {one}"} for one in failed]
    ready = not failed if ready is None else ready
    return {"name": name, "uuid": uuid(name), "destination": destination, "ready": ready, "checks": checks}


def plan(run: ModuleRunner, sources: t.Any, destinations: t.Any, **options: t.Any) -> Document:
    result = run(evacuation_plan_info, sources=sources, destinations=destinations, **options)
    assert result["changed"] is False
    assert isinstance(result["report"], list)
    return t.cast("Document", result["plan"])


def went(found: Document) -> dict[str, str]:
    return {one["name"]: one["to"] for one in found["guests"]}


def why_not(found: Document) -> dict[str, list[str]]:
    return {one["name"]: [reason["reason"] for reason in one["reasons"]] for one in found["unplaceable"]}


def test_a_host_is_emptied(run: ModuleRunner) -> None:
    a = host("a", guest("erp01"), guest("web01", 2), guest("old", state="shut off"))
    found = plan(run, [a], [a, host("b")], measurements=[quiet("erp01"), quiet("web01")])
    assert went(found) == {"erp01": "b", "web01": "b"}
    assert [one["name"] for one in found["left"]] == ["old"]
    assert found["empties"] is True
    assert found["measured"] is True
    # 94 % of 10 Gbit/s reach the other host.
    assert found["links"][0]["bytes_per_s"] == 1_175_000_000
    assert found["eta_s"] == pytest.approx(1 + 6 * GIB / 1.175e9, abs=0.5)


def test_check_mode_says_the_same(run: ModuleRunner) -> None:
    arguments: Document = {"sources": [host("a", guest("g"))], "destinations": [host("b")]}
    assert run(evacuation_plan_info, check=True, **arguments) == run(evacuation_plan_info, **arguments)


def test_without_readiness_it_says_what_is_not_known(run: ModuleRunner) -> None:
    result = run(evacuation_plan_info, sources=[host("a", guest("g"))], destinations=[host("b")])
    assert "Readiness was not given" in str(result["warnings"])
    entry = checked("g", "b")
    result = run(evacuation_plan_info, sources=[host("a", guest("g"))], destinations=[host("b")], readiness=[entry])
    assert "warnings" not in result


def test_a_guest_goes_where_it_is_ready_to_go(run: ModuleRunner) -> None:
    entries = [checked("g", "b", "guest_networks"), checked("g", "c", "memory_available", "forecast")]
    found = plan(run, [host("a", guest("g"))], [host("b"), host("c"), host("d")], readiness=entries)
    assert went(found) == {"g": "c"}  # memory is counted by the plan
    found = plan(run, [host("a", guest("g"))], [host("b"), host("d")], readiness=entries[:1])
    assert [(one["subject"], one["hosts"]) for one in found["unplaceable"][0]["reasons"]] == [
        ("guest_networks", ["b"]),
        ("not_checked", ["d"]),
    ]
    assert found["unplaceable"][0]["changes"][0]["change"] == "mend guest_networks"


def test_one_that_is_not_ready_although_no_failed_check_is_listed(run: ModuleRunner) -> None:
    found = plan(run, [host("a", guest("g"))], [host("b")], readiness=[checked("g", "b", ready=False)])
    assert why_not(found) == {"g": ["CHECK"]}


@pytest.mark.parametrize(("readiness", "expected"), [(None, ["HOST_DEVICE"]), ([checked("g", "b")], None)])
def test_devices_of_the_host_count_unless_a_check_knows_better(
    run: ModuleRunner, readiness: t.Any, expected: t.Any
) -> None:
    with_device = guest("g", host_devices=[HostDevice("mdev"), HostDevice("pci", teaming=True)])
    found = plan(run, [host("a", with_device)], [host("b")], readiness=readiness)
    assert why_not(found).get("g") == expected


def test_memory_by_node_and_page_size(run: ModuleRunner) -> None:
    nodes = [NumaNode(0, free_bytes=1 * GIB), NumaNode(1, free_bytes=3 * GIB)]
    pages = [HugePages(1, 2 * MIB, free=1024)]
    there = host("b", memory=Memory(available_bytes=8 * GIB, nodes=nodes, hugepages=pages))
    bound = guest("bound", memory=GuestMemory(5 * GIB, nodes=[1], node_mode="strict"))  # 6 GiB with the caches
    huge = guest("huge", memory=GuestMemory(2 * GIB, hugepages=True, hugepage_size_bytes=2 * MIB))
    found = plan(run, [host("a", bound, huge)], [there])
    assert sorted(went(found)) == ["bound", "huge"]
    found = plan(run, [host("a", bound, huge)], [there], reserve_mib=3 * 1024)
    assert why_not(found) == {"bound": ["MEMORY"]}
    found = plan(run, [host("a", bound)], [host("b", memory=Memory())])
    assert why_not(found) == {"bound": ["MEMORY"]}


def test_memory_in_parts(run: ModuleRunner) -> None:
    """One node of the guest in hugepages of 1 GiB, the other in ordinary memory of one node of the host."""
    cells = [MemoryCell(0, GIB, True, GIB), MemoryCell(1, 2 * GIB, nodes=[1], node_mode="strict")]
    parts = guest("parts", memory=GuestMemory(3 * GIB, hugepages=True, hugepage_size_bytes=GIB, cells=cells))

    def there(free_gib: int, pages: int) -> t.Any:
        nodes = [NumaNode(0, free_bytes=8 * GIB), NumaNode(1, free_bytes=free_gib * GIB)]
        huge = [HugePages(0, GIB, free=pages)]
        return host("b", memory=Memory(available_bytes=12 * GIB, nodes=nodes, hugepages=huge))

    assert went(plan(run, [host("a", parts)], [there(3, 1)])) == {"parts": "b"}
    assert why_not(plan(run, [host("a", parts)], [there(1, 1)])) == {"parts": ["MEMORY"]}
    assert why_not(plan(run, [host("a", parts)], [there(3, 0)])) == {"parts": ["MEMORY"]}


def test_what_the_user_says_of_guests(run: ModuleRunner) -> None:
    guests = [guest(name) for name in ("erp01", "erp02", "test1", "test2", "gpu")]
    words: list[Document] = [
        {"name": "test?", "strategy": "shutdown"},
        {"name": "test2", "strategy": "leave"},
        {"name": uuid("erp01"), "priority": 5},
        {"name": "gpu", "destinations": [], "if_unplaceable": "shutdown"},
    ]
    found = plan(run, [host("a", *guests)], [host("b", gib=6)], guests=words)
    assert went(found) == {"erp01": "b"}
    assert sorted(one["name"] for one in found["shutdown"]) == ["gpu", "test1"]
    assert [one["name"] for one in found["left"]] == ["test2"]
    assert why_not(found) == {"erp02": ["MEMORY"]}
    assert found["empties"] is False


def test_what_guests_say_of_themselves(run: ModuleRunner) -> None:
    guests = [
        guest("g1", wish='strategy="leave"'),
        guest("g2", wish='strategy="leave"'),
        guest("g3", wish='apart="web"'),
        guest("g4", wish='apart="web other" priority="3"'),
        guest("g5", wish='together="db" if-unplaceable="shutdown"'),
    ]
    found = plan(run, [host("a", *guests)], [host("b"), host("c")], guests=[{"name": "g1", "strategy": "migrate"}])
    assert [one["name"] for one in found["left"]] == ["g2"]
    assert sorted([went(found)["g3"], went(found)["g4"]]) == ["b", "c"]
    assert [one["priority"] for one in found["guests"] if one["name"] == "g4"] == [3]


NONSENSE = {
    'strategy="kill"': "strategy is 'kill'",
    'priority="high"': "priority is 'high'",
    'priority="1001"': "priority is '1001'",
    'priority="1_0"': "priority is '1_0'",
    f'priority="{"9" * 5000}"': "not a whole number",
    'if-unplaceable="migrate"': "if-unplaceable is 'migrate'",
    f'together="{"x" * 65}"': "together has",
    f'apart="{" ".join(map(str, range(17)))}"': "apart has",
}


@pytest.mark.parametrize("wish", NONSENSE)
def test_metadata_that_makes_no_sense_is_told_and_does_not_count(run: ModuleRunner, wish: str) -> None:
    """Each attribute by itself, and the guest is moved like all the others."""
    guests = [guest("g", wish=wish), guest("sane", wish='strategy="leave"')]
    result = run(evacuation_plan_info, sources=[host("a", *guests)], destinations=[host("b")])
    assert (went(result["plan"]), [one["name"] for one in result["plan"]["left"]]) == ({"g": "b"}, ["sane"])
    assert "'g' (uuid of g)" in str(result["warnings"])
    assert NONSENSE[wish] in str(result["warnings"])


@pytest.mark.parametrize("text", ["<", "no XML", "<guest strategy='leave'", "\0"])
def test_metadata_that_is_no_xml(run: ModuleRunner, text: str) -> None:
    bad = dataclasses.replace(guest("g"), metadata={NAMESPACE: text})
    result = run(evacuation_plan_info, sources=[host("a", bad)], destinations=[host("b")])
    assert went(result["plan"]) == {"g": "b"}
    assert "no XML" in str(result["warnings"])


def test_what_is_right_beside_nonsense_counts(run: ModuleRunner) -> None:
    found = plan(run, [host("a", guest("g", wish='priority="high" strategy="shutdown"'))], [host("b")])
    assert [one["name"] for one in found["shutdown"]] == ["g"]


@pytest.mark.parametrize("kind", ["together", "apart"])
def test_joining_a_rule_binds_nobody_else(run: ModuleRunner, kind: str) -> None:
    """One that can go nowhere joins the rule of others; and all say that they want to be apart, with too few hosts."""
    guests = [guest(f"g{number}", wish=f'{kind}="web"') for number in range(5)]
    guests.append(guest("evil", wish=f'{kind}="web"', host_devices=[HostDevice("pci", "0000:01:00.0")]))
    found = plan(run, [host("a", *guests)], [host("b", gib=14), host("c", gib=14)])
    assert sorted(went(found)) == [f"g{number}" for number in range(5)]
    assert list(why_not(found)) == ["evil"]
    strict = plan(run, [host("a", *guests)], [host("b", gib=14), host("c", gib=14)], metadata_may=["hard_rules"])
    assert len(why_not(strict)) == (6 if kind == "together" else 4)


def test_nobody_joins_the_rule_of_the_user(run: ModuleRunner) -> None:
    """The name is the same, and so is that of a guest that wants both; none of it stops the plan."""
    guests = [guest("web1"), guest("web2"), guest("a", wish='apart="web" together="web"')]
    guests.append(guest("b", wish='apart="web" together="web"'))
    rule = {"name": "web", "guests": ["web*"], "rule": "apart"}
    found = plan(run, [host("x", *guests)], [host("y"), host("z")], groups=[rule])
    assert sorted(went(found)) == ["a", "b", "web1", "web2"]
    assert went(found)["web1"] != went(found)["web2"]


def test_a_high_priority_takes_nobodys_place(run: ModuleRunner) -> None:
    """It only goes earlier, unless the user lets it."""
    small = [guest(f"g{number}", 4) for number in range(2)]
    big = guest("big", 9, wish='priority="1000"')
    there = [host("b", gib=11)]
    assert sorted(went(plan(run, [host("a", big, *small)], there))) == ["g0", "g1"]
    assert sorted(went(plan(run, [host("a", big, *small)], there, metadata_may=["places"]))) == ["big"]
    user = [{"name": "big", "priority": 1}]
    assert sorted(went(plan(run, [host("a", big, *small)], there, guests=user))) == ["big"]
    first = plan(run, [host("a", *small, guest("last", 4, wish='priority="1"'))], [host("b")])
    assert next(one for one in first["guests"] if one["order"] == 1)["name"] == "last"


@pytest.mark.parametrize("wish", ['strategy="leave"', 'if-unplaceable="shutdown"', 'priority="3"', 'apart="x"'])
def test_what_guests_may_not_say_is_told(run: ModuleRunner, wish: str) -> None:
    sources = [host("a", guest("g", wish=wish))]
    result = run(evacuation_plan_info, sources=sources, destinations=[host("b")], metadata_may=[])
    assert went(result["plan"]) == {"g": "b"}
    assert "is not for guests to say" in str(result["warnings"])


def test_a_guest_that_is_called_by_the_uuid_of_another_is_not_that(run: ModuleRunner) -> None:
    own, other = "1f3c6f0a-6a40-4d0c-9d5e-0a6b1d1f0c11", "2f3c6f0a-6a40-4d0c-9d5e-0a6b1d1f0c22"
    guests = [dataclasses.replace(guest("g"), uuid=own), dataclasses.replace(guest(own), uuid=other)]
    words: list[Document] = [{"name": own.upper(), "strategy": "shutdown"}]
    found = plan(run, [host("a", *guests)], [host("b")], guests=words)
    assert [one["uuid"] for one in found["shutdown"]] == [own]


def test_groups(run: ModuleRunner) -> None:
    rule = {"name": "web", "guests": ["web*"], "rule": "apart"}
    guests = [guest("web1"), guest("web2")]
    found = plan(run, [host("a", *guests)], [host("b")], groups=[rule])
    assert len(found["unplaceable"]) == 1
    found = plan(run, [host("a", *guests)], [host("b")], groups=[{**rule, "hard": False}])
    assert found["empties"]
    rule = {"name": "db", "guests": ["web1", uuid("there")], "rule": "together"}
    found = plan(run, [host("a", *guests)], [host("b"), host("c", guest("there"))], groups=[rule])
    assert went(found)["web1"] == "c"


def test_an_uplink_that_is_named_twice_is_there_once(run: ModuleRunner) -> None:
    words = {"measurements": [quiet("g")], "uplinks": [{"name": "rack", "mib_per_s": 100}]}
    once, twice = (
        plan(run, [host("a", guest("g"))], [host("b")], hosts=[{"name": "a", "uplinks": names}], **words)
        for names in (["rack"], ["rack", "rack"])
    )
    # Beside the option itself, which is in the plan as it was given.
    assert {**once, "rules": None} == {**twice, "rules": None}


def test_what_the_user_says_of_hosts_and_links(run: ModuleRunner) -> None:
    guests = [guest(f"g{number}") for number in range(4)]
    found = plan(
        run,
        [host("a", *guests)],
        [host("b"), host("c"), host("d"), host("e", guest("x"))],
        measurements=[quiet(one.name) for one in guests],
        hosts=[
            {"name": "b", "cordoned": True},
            {"name": "c", "max_guests": 1},
            {"name": "d", "max_vcpus": 2, "link_mib_per_s": 50.0, "uplinks": ["rack"]},
            {"name": "a", "max_outgoing": 1},
        ],
        guests=[{"name": "g3", "destinations": ["d"]}],
        uplinks=[{"name": "rack", "mib_per_s": 20.0}],
        transfer_mib_per_s=100.0,
        max_incoming=1,
    )
    assert sorted(went(found).values()) == ["c", "d", "e", "e"]
    links = {(one["name"], one["direction"]): one for one in found["links"]}
    assert links["a", "out"]["peak_transfers"] == 1
    assert links["a", "out"]["peak_bytes_per_s"] == 100 * MIB
    assert links["d", "in"]["peak_bytes_per_s"] == links["rack", "in"]["peak_bytes_per_s"] == 20 * MIB


def test_the_policy_decides_what_can_finish(run: ModuleRunner) -> None:
    busy = {**quiet("g"), "dirty_bytes_per_s": 3000 * MIB, "working_set_bytes": 3 * GIB}
    arguments: Document = {"sources": [host("a", guest("g"))], "destinations": [host("b")], "measurements": [busy]}
    assert why_not(plan(run, **arguments)) == {"g": ["CONTRACT"]}
    found = plan(run, **arguments, guests=[{"name": "g", "policy": "post_copy"}])
    assert [one["way"] for one in found["guests"]] == ["postcopy"]
    found = plan(run, **arguments, guests=[{"name": "g", "policy_overrides": {"postcopy": "if_needed"}}])
    assert [one["way"] for one in found["guests"]] == ["postcopy"]


def test_what_the_user_overrides_bounds_what_is_said_of_a_guest(run: ModuleRunner) -> None:
    busy = {**quiet("g"), "dirty_bytes_per_s": 3000 * MIB, "working_set_bytes": 3 * GIB}
    arguments: Document = {"sources": [host("a", guest("g"))], "destinations": [host("b")], "measurements": [busy]}
    guests = [{"name": "g", "policy_overrides": {"postcopy": "if_needed"}}]
    assert why_not(plan(run, **arguments, guests=guests, policy_overrides={"postcopy": "never"})) == {"g": ["CONTRACT"]}


def test_a_guest_may_make_its_policy_stricter(run: ModuleRunner) -> None:
    busy = {**quiet("g"), "dirty_bytes_per_s": 3000 * MIB, "working_set_bytes": 3 * GIB}
    arguments: Document = {
        "sources": [host("a", guest("g", wish='postcopy="never"'))],
        "destinations": [host("b")],
        "measurements": [busy],
        "policy": "post_copy",
    }
    assert why_not(plan(run, **arguments)) == {"g": ["CONTRACT"]}
    found = plan(run, **arguments, metadata_may=["strategy"])
    assert [one["way"] for one in found["guests"]] == ["postcopy"]


def test_the_plan_carries_what_it_was_made_by(run: ModuleRunner) -> None:
    groups = [{"name": "apart", "guests": ["g", "h"], "rule": "apart", "hard": True}]
    guests = [
        {"name": "g", "policy_overrides": {"postcopy": "never"}, "except_destinations": ["b"]},
        {"name": "*", "except_destinations": ["c"]},
    ]
    found = plan(
        run,
        [host("a", guest("g"), guest("h"))],
        [host("b"), host("c"), host("d")],
        measurements=[quiet("g"), quiet("h")],
        groups=groups,
        guests=guests,
    )
    assert went(found) == {"g": "d", "h": "b"}
    assert {one["name"]: one["policy_overrides"] for one in found["guests"]} == {"g": {"postcopy": "never"}, "h": {}}
    rules = found["rules"]
    assert rules["destinations"] == ["b", "c", "d"]
    assert [(one["name"], one["guests"], one["rule"], one["hard"]) for one in rules["groups"]] == [
        ("apart", ["g", "h"], "apart", True)
    ]
    # By the same rules, with what is said now, it is another plan: the destination of g has refused it.
    again = {**{name: rules[name] for name in ("groups", "policy", "policy_overrides")}}
    more = [*guests, {"name": uuid("g"), "except_destinations": ["d"]}]
    refused = plan(
        run, [host("a", guest("g"))], [host("b", guest("h")), host("c"), host("d")], measurements=[quiet("g")],
        guests=more, **again,
    )  # fmt: skip
    assert sorted(why_not(refused)["g"]) == ["ANTI_AFFINITY", "CHECK"]


def test_measurements_in_each_form(run: ModuleRunner) -> None:
    rate = {"dirty_bytes_per_s": MIB, "working_set_bytes": MIB}
    forecast = {"name": "g", "uuid": uuid("g"), "facts": {"touched_bytes": GIB, "dirty_rate": rate}, "forecast": {}}
    wrapped = {"name": "g", "uuid": uuid("g"), "dirty_rate": {**rate, "memory_bytes": 4 * GIB}}
    for entry, size in ((forecast, GIB), (wrapped, 4 * GIB), (quiet("g"), 4 * GIB)):
        found = plan(run, [host("a", guest("g"))], [host("b")], measurements=[entry])
        assert found["measured"] is True
        assert found["sent_bytes"] == pytest.approx(size, rel=0.01)
    found = plan(run, [host("a", guest("g", resident_bytes=2 * GIB))], [host("b")])
    assert (found["measured"], found["sent_bytes"]) == (False, 2 * GIB)


def test_disks_are_counted_when_they_are_copied(run: ModuleRunner) -> None:
    disks = [
        Disk("vda", type="file", size_bytes=9 * GIB, allocated_bytes=2 * GIB),
        Disk("vdb", type="network", size_bytes=9 * GIB),
        Disk("sda", device="cdrom", type="file", size_bytes=GIB),
        Disk("vdc", type="file", size_bytes=GIB, shareable=True),
    ]
    a = host("a", guest("g", disks=disks))
    assert plan(run, [a], [host("b")], copy_storage=True)["sent_bytes"] == 6 * GIB
    assert plan(run, [a], [host("b")])["sent_bytes"] == 4 * GIB


@pytest.mark.parametrize(
    ("state", "state_reason"), [("paused", "migration"), ("paused", "starting up"), ("running", "post-copy")]
)
def test_one_that_is_on_its_way_goes_on(run: ModuleRunner, state: str, state_reason: str) -> None:
    arriving = guest("g", state=state, state_reason=state_reason)
    others = [guest(f"h{number}", 8) for number in range(3)]
    found = plan(run, [host("a", guest("g"), *others)], [host("b", arriving), host("c")], max_outgoing=1)
    assert went(found)["g"] == "b"
    assert found["guests"][0]["reason"] == "on its way already"


def test_the_checks_are_no_obstacle_on_a_way_that_is_half_gone(run: ModuleRunner) -> None:
    """A guest that is migrated fails them, at both ends, since it is being migrated."""
    arriving = guest("g", state="paused", state_reason="migration")
    readiness = [checked("g", "b", "uuid_free", "guest_jobs"), checked("g", "c", "guest_jobs")]
    found = plan(run, [host("a", guest("g"))], [host("b", arriving), host("c")], readiness=readiness)
    assert (went(found), why_not(found)) == ({"g": "b"}, {})


def test_two_running_copies_are_an_alarm(run: ModuleRunner) -> None:
    result = run.fails(evacuation_plan_info, sources=[host("a", guest("g"))], destinations=[host("b", guest("g"))])
    assert result["reason"] == "GUEST_TWICE"


def test_definitions_that_do_not_run_are_no_second_copy(run: ModuleRunner) -> None:
    off = guest("g", state="shut off")
    assert went(plan(run, [host("a", guest("g"))], [host("b", off), host("c", off)])) != {}


def test_a_link_of_which_nobody_knows_the_speed(run: ModuleRunner) -> None:
    made_up = MigrationPath(interface="veth0", speed_mbit_per_s=10_000)
    hosts: Document = {"sources": [host("a", guest("g"), migration=made_up)], "destinations": [host("b")]}
    result = run.fails(evacuation_plan_info, **hosts)
    assert (result["reason"], "'a'" in result["msg"]) == ("BANDWIDTH_UNKNOWN", True)
    assert plan(run, **hosts, hosts=[{"name": "a", "link_mib_per_s": 100.0}])["links"][0]["bytes_per_s"] == 100 * MIB


def test_names_that_fit_nobody_are_told(run: ModuleRunner) -> None:
    result = run(
        evacuation_plan_info,
        sources=[host("a", guest("g"))],
        destinations=[host("b")],
        guests=[{"name": "x*", "strategy": "leave", "destinations": ["nowhere"]}],
        groups=[{"name": "web", "guests": ["g", "y"], "rule": "apart"}],
        hosts=[{"name": "z", "cordoned": True}],
    )
    for name in ("No guest is called 'x*'", "No guest is called 'y'", "No host is called 'z'", "'nowhere'"):
        assert name in str(result["warnings"])


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"sources": [{"name": "a"}]}, "BAD_DOCUMENT"),
        ({"readiness": [{"name": "g"}]}, "BAD_DOCUMENT"),
        ({"measurements": [{"working_set_bytes": 1}]}, "BAD_DOCUMENT"),
        ({"measurements": [{**quiet("g"), "working_set_bytes": "much"}]}, "BAD_DIRTY_RATE"),
        ({"link_mib_per_s": 0}, "OUT_OF_RANGE"),
        ({"link_mib_per_s": float("nan")}, "OUT_OF_RANGE"),
        ({"reserve_mib": -1}, "OUT_OF_RANGE"),
        ({"setup_s": -1}, "OUT_OF_RANGE"),
        ({"max_transfers": -1}, "OUT_OF_RANGE"),
        ({"hosts": [{"name": "b", "max_guests": -1}]}, "OUT_OF_RANGE"),
        ({"hosts": [{"name": "b", "link_mib_per_s": -5}]}, "OUT_OF_RANGE"),
        ({"uplinks": [{"name": "rack", "mib_per_s": 0}]}, "OUT_OF_RANGE"),
        ({"hosts": [{"name": "b", "uplinks": ["rack"]}]}, "BAD_FLEET"),
        ({"policy_overrides": {"max_downtime_ms": 0}}, "BAD_CONTRACT"),
        ({"guests": [{"name": "g", "policy_overrides": {"max_down": 1}}]}, "BAD_CONTRACT"),
    ],
)
def test_what_makes_no_sense_is_refused(run: ModuleRunner, options: Document, reason: str) -> None:
    arguments = {"sources": [host("a", guest("g"))], "destinations": [host("b")], **options}
    result = run.fails(evacuation_plan_info, **arguments)
    assert result["reason"] == reason
    assert result["remedy"]

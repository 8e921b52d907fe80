# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest

from ansible_collections.virtops.live_migration.plugins.modules import migration_job_info
from ansible_collections.virtops.live_migration.tests.unit.plugins.fake_libvirt import (
    ARRIVING,
    ARRIVING_BROKEN,
    ARRIVING_IN_POSTCOPY,
    CANCELLED,
    ERP01,
    ERP02,
    GONE,
    IN_POSTCOPY,
    JOB_COMPLETED,
    MIGRATED,
    MIGRATION_ITERATION,
    PAUSED_BY_USER,
    POSTCOPY_FAILED,
    RUNNING,
    SHUT_DOWN,
    Call,
    FakeLibvirt,
    Guest,
    own_word,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.jobs import (
    BACKUP,
    COMPLETED,
    MIB,
    MIGRATING,
    NO_JOB,
    POSTCOPY,
    UNLIMITED,
    later,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.run_module import ModuleRunner

OPEN = Call("open", "qemu:///system")
FOUND = [OPEN, Call("lookupByName", "erp01").returns(Guest())]
LIST = [OPEN, Call("listAllDomains", 0).returns([Guest("erp02", ERP02), Guest()])]
LOOK = Call("jobStats").returns(MIGRATING)
DEFINITION = Call("XMLDesc", 0).returns("<domain/>")


def told(*words: t.Any, **options: t.Any) -> list[Call]:
    """What a guest in pre-copy is asked: its own word, and what of it post-copy could not cope with."""
    return [*own_word(*words, **options), DEFINITION]


OWN = told()
IDLE = Call("jobStats").returns(NO_JOB)
ONLY_SOURCE = Call("jobStats").raises(84, "migration statistics are available only on the source host")


def limits(downtime_ms: t.Any = 300, bandwidth: int = UNLIMITED, postcopy: int = 0) -> list[Call]:
    return [
        Call("migrateGetMaxDowntime").returns(downtime_ms),
        Call("migrateGetMaxSpeed", 0).returns(bandwidth),
        Call("migrateGetMaxSpeed", 1).returns(postcopy),
    ]


# --- one look


def test_the_whole_document(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.expect(*FOUND, LOOK, *limits(), *OWN)
    result = run(migration_job_info, name="erp01")
    assert result["changed"] is False
    assert result["guests"] == [{"name": "erp01", "uuid": ERP01, "state": "running", "state_reason": "booted"}]
    (job,) = result["jobs"]
    diagnosis = job.pop("diagnosis")
    assert job == {
        "name": "erp01",
        "uuid": ERP01,
        "phase": "precopy",
        "operation": "outgoing",
        "elapsed_ms": 60_000,
        "pass": 5,
        "memory": {
            "total_bytes": 4096 * MIB,
            "processed_bytes": 5120 * MIB,
            "remaining_bytes": 200 * MIB,
            "bandwidth_bytes_per_s": 100 * MIB,
            "dirty_pages_per_s": 25_600,
            "page_size_bytes": 4096,
            "dirty_bytes_per_s": 100 * MIB,
            "normal_pages": None,
        },
        "disk": {"total_bytes": 0, "processed_bytes": 0, "remaining_bytes": 0},
        "expected_downtime_ms": 2560,
        "limits": {"max_downtime_ms": 300, "bandwidth_mib_per_s": 0, "postcopy_bandwidth_mib_per_s": 0},
        "throttle_percent": 0,
        "postcopy_requests": 0,
        "own_limits": {},
        "xbzrle": None,
    }
    assert (diagnosis["verdict"], diagnosis["reason"]) == ("stuck", "DIRTY_RATE")
    assert diagnosis["evidence"]["firm"] is False


def test_the_expected_downtime_of_a_qemu_before_3_0(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    """It is the dirty rate over the bandwidth there: 1 s for whatever is left."""
    stats = {**MIGRATING, "memory_remaining": 2048 * MIB, "memory_dirty_rate": 25_000, "downtime": 976}
    libvirt.expect(*FOUND, Call("jobStats").returns(stats), *limits(), *OWN)
    job = run(migration_job_info, name="erp01")["jobs"][0]
    assert job["expected_downtime_ms"] == 976
    evidence = job["diagnosis"]["evidence"]
    assert "needed_downtime_ms" not in evidence
    assert evidence["left_now_ms"] == 20480


def test_no_job(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.expect(*FOUND, IDLE)
    result = run(migration_job_info, name="erp01")
    assert (result["changed"], result["jobs"]) == (False, [])


def test_guest_off(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.states["erp01"] = SHUT_DOWN
    libvirt.expect(*FOUND, Call("jobStats").raises(55, "domain is not running"))
    result = run(migration_job_info, name="erp01")
    assert (result["jobs"], result["guests"][0]["state"]) == ([], "shut off")


def test_a_backup_is_no_migration(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.expect(*FOUND, Call("jobStats").returns(BACKUP))
    assert run(migration_job_info, name="erp01")["jobs"] == []


def test_check_mode_is_the_same(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.expect(*FOUND, LOOK, *limits(), *OWN)
    result = run(migration_job_info, check=True, name="erp01")
    assert (result["changed"], len(result["jobs"])) == (False, 1)


@pytest.mark.parametrize(
    ("state", "phase"),
    [(ARRIVING, "precopy"), (ARRIVING_IN_POSTCOPY, "postcopy"), (ARRIVING_BROKEN, "postcopy_failed")],
)
def test_arriving_guest_is_asked_nothing_more(
    libvirt: FakeLibvirt, run: ModuleRunner, state: tuple[int, int], phase: str
) -> None:
    libvirt.states["erp01"] = state
    libvirt.expect(*FOUND, ONLY_SOURCE)
    (job,) = run(migration_job_info, name="erp01")["jobs"]
    assert (job["operation"], job["phase"]) == ("incoming", phase)
    assert job["limits"] == dict.fromkeys(job["limits"])
    reason = "POSTCOPY_BROKEN" if phase == "postcopy_failed" else "INCOMING"
    assert job["diagnosis"]["reason"] == reason


@pytest.mark.parametrize(
    ("state", "phase", "reason"),
    [(IN_POSTCOPY, "postcopy", "POSTCOPY_RUNNING"), (POSTCOPY_FAILED, "postcopy_failed", "POSTCOPY_BROKEN")],
)
def test_postcopy(libvirt: FakeLibvirt, run: ModuleRunner, state: tuple[int, int], phase: str, reason: str) -> None:
    libvirt.states["erp01"] = state
    libvirt.expect(*FOUND, Call("jobStats").returns(POSTCOPY), *limits())
    (job,) = run(migration_job_info, name="erp01")["jobs"]
    assert (job["phase"], job["diagnosis"]["reason"]) == (phase, reason)


def test_limits_that_are_not_told_are_none(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    untold = [
        Call("migrateGetMaxDowntime").returns(None),
        Call("migrateGetMaxSpeed", 0).raises(29, "read only access prevents virDomainMigrateGetMaxSpeed"),
        Call("migrateGetMaxSpeed", 1).raises(8, "unsupported flags (0x1)"),
    ]
    libvirt.expect(*FOUND, LOOK, *untold, *OWN)
    (job,) = run(migration_job_info, name="erp01")["jobs"]
    assert set(job["limits"].values()) == {None}


def test_monitor_hung(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.expect(*FOUND, Call("jobStats").hangs())
    assert run.fails(migration_job_info, name="erp01")["reason"] == "MONITOR_HUNG"


# --- a whole host


def test_all_guests_in_order(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    ask = [Call("jobStats", guest="erp01").returns(MIGRATING), Call("jobStats", guest="erp02").returns(NO_JOB)]
    libvirt.expect(*LIST, *ask, *limits(), *OWN)
    result = run(migration_job_info)
    assert [guest["name"] for guest in result["guests"]] == ["erp01", "erp02"]
    assert [job["name"] for job in result["jobs"]] == ["erp01"]


def test_an_empty_host(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.expect(OPEN, Call("listAllDomains", 0).returns([]))
    result = run(migration_job_info)
    assert (result["jobs"], result["guests"]) == ([], [])


def test_one_guest_that_cannot_be_read_does_not_hide_the_others(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    broken = Call("jobStats", guest="erp01").raises(9, "operation failed: something")
    libvirt.expect(*LIST, broken, Call("jobStats", guest="erp02").returns(MIGRATING), *limits(), *OWN)
    result = run(migration_job_info)
    assert [job["name"] for job in result["jobs"]] == ["erp02"]
    assert "erp01" in str(result["warnings"])


def test_one_guest_that_hangs_does_not_hide_the_others(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    hung = Call("jobStats", guest="erp01").hangs()
    libvirt.expect(*LIST, hung, Call("jobStats", guest="erp02").returns(MIGRATING), *limits(), *OWN)
    result = run(migration_job_info)
    assert [job["name"] for job in result["jobs"]] == ["erp02"]
    assert "did not answer" in str(result["warnings"])


def test_one_guest_whose_limits_hang_does_not_hide_the_others(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    ask = [Call("jobStats").returns(MIGRATING), Call("jobStats").returns(MIGRATING)]
    libvirt.expect(*LIST, *ask, Call("migrateGetMaxDowntime", guest="erp01").hangs(), *limits(), *OWN, *OWN)
    result = run(migration_job_info)
    assert [job["name"] for job in result["jobs"]] == ["erp01", "erp02"]
    assert result["jobs"][0]["limits"]["max_downtime_ms"] is None
    assert "did not answer" in str(result["warnings"])


def test_one_guest_that_hangs_while_watched_does_not_hide_the_others(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    ask = [Call("jobStats", guest="erp01").returns(MIGRATING), Call("jobStats", guest="erp02").returns(MIGRATING)]
    hung = Call("jobStats", guest="erp01").hangs()
    others = [Call("jobStats", guest="erp02").returns(later(0.5))] * 2
    libvirt.expect(*LIST, *ask, hung, *others, *limits(), *own_word(), *OWN)
    result = run(migration_job_info, observe_s=0.5)
    assert [job["name"] for job in result["jobs"]] == ["erp01", "erp02"]
    assert "did not answer" in str(result["warnings"])


def test_a_guest_that_vanishes_between(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    gone = Call("jobStats", guest="erp01").raises(42, "Domain not found").leaves(GONE)
    libvirt.expect(*LIST, gone, Call("jobStats", guest="erp02").returns(NO_JOB))
    result = run(migration_job_info)
    assert (result["jobs"], [guest["name"] for guest in result["guests"]]) == ([], ["erp02"])


# --- what is known beside the job


def test_what_the_files_of_the_host_say(libvirt: FakeLibvirt, run: ModuleRunner, tmp_path: Path) -> None:
    status = "<domstatus><job async='migration out' flags='{}'/><domain><uuid>{}</uuid></domain></domstatus>"
    (tmp_path / "erp01.xml").write_text(status.format("0x3", ERP01))
    (tmp_path / "erp02.xml").write_text(status.format("0x8003", "another"))
    (tmp_path / "erp03.xml").write_text("<domstatus><job type='none' async='none'/></domstatus>")
    libvirt.expect(*FOUND, LOOK, *limits(), *OWN)
    (job,) = run(migration_job_info, name="erp01")["jobs"]
    assert job["diagnosis"]["reason"] == "LINK_SHARED"
    assert job["diagnosis"]["evidence"]["other_streams"] == 1
    (postcopy,) = [one for one in job["diagnosis"]["remedies"] if one["action"] == "postcopy"]
    assert (postcopy["allowed"], "without --postcopy" in postcopy["expected"]) == (False, True)


@pytest.mark.parametrize(
    ("flags", "qemu", "reason"),
    [
        ("0x20803", 8_001_000, "COMPRESSION_USELESS"),
        ("0x20803", 8_000_005, "DIRTY_RATE"),  # it counts the pages, whatever they become
        ("0x20003", None, "DIRTY_RATE"),
    ],
)
def test_compression_on_several_connections_is_known_by_the_flags(
    libvirt: FakeLibvirt, run: ModuleRunner, tmp_path: Path, flags: str, qemu: t.Optional[int], reason: str
) -> None:
    status = f"<domstatus><job async='migration out' flags='{flags}'/><domain><uuid>{ERP01}</uuid></domain></domstatus>"
    (tmp_path / "erp01.xml").write_text(status)
    sent = {**MIGRATING, "memory_normal": MIGRATING["memory_processed"] // 4096}
    asked = [] if qemu is None else [Call("getVersion").returns(qemu)]
    libvirt.expect(*FOUND, Call("jobStats").returns(sent), *limits(), *OWN, *asked)
    (job,) = run(migration_job_info, name="erp01")["jobs"]
    assert job["diagnosis"]["reason"] == reason
    assert job["memory"]["normal_pages"] == 1_310_720


@pytest.mark.parametrize(
    ("own", "postcopy", "suspend", "limits_told"),
    [
        ("", True, True, {}),
        ('postcopy="never"', False, True, {"postcopy": "never"}),
        ('max-pause-s="0"', True, False, {"max_pause_s": 0}),
    ],
)
def test_what_the_guest_forbids_is_not_allowed(
    libvirt: FakeLibvirt,
    run: ModuleRunner,
    own: str,
    postcopy: bool,
    suspend: bool,
    limits_told: dict[str, t.Any],
) -> None:
    libvirt.expect(*FOUND, LOOK, *limits(), *told(own and f"<guest {own}/>"))
    (job,) = run(migration_job_info, name="erp01", contract={"max_pause_s": 60})["jobs"]
    allowed = {one["action"]: one["allowed"] for one in job["diagnosis"]["remedies"]}
    assert (allowed["postcopy"] is not False, allowed["suspend"]) == (postcopy, suspend)
    assert job["own_limits"] == limits_told


def test_a_guest_whose_word_cannot_be_read_is_diagnosed(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.expect(*FOUND, LOOK, *limits(), told()[0].raises(38, "cannot read the status file"), DEFINITION)
    result = run(migration_job_info, name="erp01")
    assert result["jobs"][0]["diagnosis"]["reason"] == "DIRTY_RATE"
    assert "could not be read" in str(result["warnings"])


VIRTUAL_FUNCTION = "<interface type='hostdev'><source><address type='pci' bus='1'/></source></interface>"


@pytest.mark.parametrize("answer", [VIRTUAL_FUNCTION, "<hostdev mode='subsystem' type='pci'/>", None])
def test_post_copy_is_no_remedy_for_a_guest_that_cannot(
    libvirt: FakeLibvirt, run: ModuleRunner, answer: t.Optional[str]
) -> None:
    """A definition that cannot be read keeps the job from nothing."""
    asked = Call("XMLDesc", 0)
    asked = asked.returns(f"<domain><devices>{answer}</devices></domain>") if answer else asked.raises(38, "lost")
    libvirt.expect(*FOUND, LOOK, *limits(), *own_word(), asked)
    (job,) = run(migration_job_info, name="erp01")["jobs"]
    (remedy,) = [one for one in job["diagnosis"]["remedies"] if one["action"] == "postcopy"]
    assert remedy["allowed"] is (answer is None)


def test_what_the_link_should_carry(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.expect(*FOUND, LOOK, *limits(), *OWN)
    (job,) = run(migration_job_info, name="erp01", link_mbit_per_s=10_000)["jobs"]
    assert job["diagnosis"]["reason"] == "LINK_SLOW"
    assert job["diagnosis"]["evidence"]["link_reference_bytes_per_s"] == 1_250_000_000


def test_the_policy_decides(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.expect(*FOUND, LOOK, *limits(), *OWN)
    policy = {"max_downtime_ms": 5000, "postcopy": "never", "max_pause_s": 60}
    (job,) = run(migration_job_info, name="erp01", contract=policy)["jobs"]
    assert job["diagnosis"]["reason"] == "DOWNTIME_LIMIT_LOW"
    allowed = {one["action"]: one["allowed"] for one in job["diagnosis"]["remedies"]}
    assert (allowed["downtime"], allowed["postcopy"], allowed["suspend"]) == (True, False, True)


def test_a_limit_on_the_bandwidth(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.expect(*FOUND, LOOK, *limits(bandwidth=100), *OWN)
    (job,) = run(migration_job_info, name="erp01")["jobs"]
    assert (job["diagnosis"]["reason"], job["limits"]["bandwidth_mib_per_s"]) == ("BANDWIDTH_CAP", 100)


@pytest.mark.parametrize("completed", [False, True])
@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"observe_s": -1}, "OUT_OF_RANGE"),
        ({"observe_s": "nan"}, "OUT_OF_RANGE"),
        ({"observe_s": "inf"}, "OUT_OF_RANGE"),
        ({"link_mbit_per_s": 0}, "OUT_OF_RANGE"),
        ({"link_mbit_per_s": -1}, "OUT_OF_RANGE"),
        ({"contract": {"max_downtime_ms": 0}}, "BAD_CONTRACT"),
        ({"contract": {"max_downtime_ms": 2_000_001}}, "BAD_CONTRACT"),
        ({"contract": {"max_pause_s": -1}}, "BAD_CONTRACT"),
        ({"contract": {"max_pause_s": "nan"}}, "BAD_CONTRACT"),
    ],
)
def test_bad_values(
    libvirt: FakeLibvirt, run: ModuleRunner, options: dict[str, t.Any], reason: str, completed: bool
) -> None:
    if reason != "OUT_OF_RANGE":  # those are refused before libvirt is asked
        libvirt.expect(OPEN)
    assert run.fails(migration_job_info, name="erp01", completed=completed, **options)["reason"] == reason


def test_name_and_uuid(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    assert "mutually exclusive" in run.fails(migration_job_info, name="erp01", uuid=ERP01)["msg"]


# --- watched


def passes(libvirt: FakeLibvirt, *moments_s: float) -> Call:
    """The first look, and a bitmap sync at each of these moments after it."""

    def plan(fake: FakeLibvirt) -> None:
        for number, moment_s in enumerate(moments_s, start=6):
            fake.clock.after(moment_s, lambda number=number: fake.happens(MIGRATION_ITERATION, number))

    return Call("jobStats").returns(MIGRATING).then(plan)


def boundary(at_s: float, number: int, remaining: int) -> Call:
    return Call("jobStats").returns(later(at_s, memory_iteration=number, memory_remaining=remaining))


def test_watching_sees_the_boundaries(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    # A look at each event, and at the polls and the end besides.
    looks = [
        boundary(0.25, 6, 256 * MIB),
        Call("jobStats").returns(later(0.5, memory_iteration=6)),
        boundary(0.75, 7, 250 * MIB),
        *[Call("jobStats").returns(later(1.0, memory_iteration=7))] * 2,
    ]
    libvirt.expect(*FOUND, passes(libvirt, 0.25, 0.75), *looks, *limits(), *OWN)
    (job,) = run(migration_job_info, name="erp01", observe_s=1)["jobs"]
    evidence = job["diagnosis"]["evidence"]
    assert evidence["boundaries"] == [[6, 256 * MIB], [7, 250 * MIB]]
    assert (evidence["looks"], evidence["observed_s"], evidence["firm"]) == (6, 1.0, True)
    assert (job["pass"], job["diagnosis"]["reason"]) == (7, "DIRTY_RATE")
    assert job["limits"]["max_downtime_ms"] == 300


def test_events_of_other_guests_cost_no_look(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    def plan(fake: FakeLibvirt) -> None:
        fake.clock.after(0.1, lambda: fake.happens(MIGRATION_ITERATION, 3, Guest("erp02", ERP02)))

    look = Call("jobStats").returns(MIGRATING).then(plan)
    libvirt.expect(*FOUND, look, *[Call("jobStats").returns(later(0.5))] * 2, *limits(), *OWN)
    assert run(migration_job_info, name="erp01", observe_s=0.5)["jobs"][0]["diagnosis"]["evidence"]["looks"] == 3


def test_completes_while_watched(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    def complete(fake: FakeLibvirt) -> None:
        fake.states["erp01"] = GONE
        fake.happens(JOB_COMPLETED, {key: value for key, value in COMPLETED.items() if key != "type"})

    look = Call("jobStats").returns(MIGRATING).then(lambda fake: fake.clock.after(0.3, lambda: complete(fake)))
    gone = Call("jobStats").raises(42, "Domain not found")
    libvirt.expect(*FOUND, look, gone)
    result = run(migration_job_info, name="erp01", observe_s=60)
    (job,) = result["jobs"]
    assert (job["phase"], job["downtime_ms"], "expected_downtime_ms" in job) == ("completed", 351, False)
    assert (job["name"], job["diagnosis"]["reason"]) == ("erp01", "COMPLETED")
    assert result["guests"] == []
    assert libvirt.clock.now < 1002


@pytest.mark.parametrize("state", [CANCELLED, RUNNING, PAUSED_BY_USER, SHUT_DOWN])
def test_fails_while_watched(libvirt: FakeLibvirt, run: ModuleRunner, state: tuple[int, int]) -> None:
    libvirt.expect(*FOUND, LOOK, Call("jobStats").returns(NO_JOB).leaves(state))
    (job,) = run(migration_job_info, name="erp01", observe_s=60)["jobs"]
    assert (job["phase"], job["diagnosis"]["reason"]) == ("failed", "FAILED")


def test_daemon_that_goes_away_while_watched(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.expect(*FOUND, LOOK, Call("jobStats").raises(38, "Cannot recv data: Connection reset by peer").leaves(GONE))
    result = run.fails(migration_job_info, name="erp01", observe_s=60)
    assert result["reason"] == "CONNECTION_LOST"


def test_arrives_while_watched(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.states["erp01"] = ARRIVING
    libvirt.expect(*FOUND, ONLY_SOURCE, Call("jobStats").returns(NO_JOB).leaves(RUNNING))
    (job,) = run(migration_job_info, name="erp01", observe_s=60)["jobs"]
    assert (job["operation"], job["phase"]) == ("incoming", "none")


# --- the last completed one


def test_completed(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.states["erp01"] = MIGRATED
    libvirt.expect(*FOUND, Call("jobStats", 3).returns(COMPLETED))
    (job,) = run(migration_job_info, name="erp01", completed=True)["jobs"]
    assert (job["phase"], job["downtime_ms"], job["elapsed_ms"]) == ("completed", 351, 70_000)
    assert job["diagnosis"]["summary"] == "erp01 has been migrated in 1 min 10 s, and stood still for 351 ms."


def test_completed_on_the_destination(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.expect(*FOUND, Call("jobStats", 3).returns({**COMPLETED, "operation": 4}))
    (job,) = run(migration_job_info, name="erp01", completed=True)["jobs"]
    assert (job["phase"], job["operation"]) == ("completed", "incoming")


@pytest.mark.parametrize(
    "answer",
    [
        Call("jobStats", 3).returns(NO_JOB),
        Call("jobStats", 3).returns({**COMPLETED, "operation": 9}),
        Call("jobStats", 3).raises(55, "domain is not running"),
        Call("jobStats", 3).raises(84, "migration statistics are available only on the source host"),
    ],
    ids=["none", "backup", "off", "arriving"],
)
def test_none_completed(libvirt: FakeLibvirt, run: ModuleRunner, answer: Call) -> None:
    libvirt.expect(*FOUND, answer)
    assert run(migration_job_info, name="erp01", completed=True)["jobs"] == []


def test_one_guest_that_cannot_be_read_does_not_hide_the_completed_ones(
    libvirt: FakeLibvirt, run: ModuleRunner
) -> None:
    broken = Call("jobStats", 3, guest="erp01").raises(1, "internal error: something")
    libvirt.expect(*LIST, broken, Call("jobStats", 3, guest="erp02").returns(COMPLETED))
    result = run(migration_job_info, completed=True)
    assert [job["name"] for job in result["jobs"]] == ["erp02"]
    assert "erp01" in str(result["warnings"])

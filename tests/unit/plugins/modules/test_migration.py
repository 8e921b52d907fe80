# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.job import migrate_flag_bits as bits
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt import cordon_secret
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.migration import source_disks
from ansible_collections.virtops.live_migration.plugins.modules import migration
from ansible_collections.virtops.live_migration.tests.unit.plugins.fake_libvirt import (
    ARRIVING,
    ARRIVING_BROKEN,
    CANCELLED,
    ERP01,
    ERP02,
    GONE,
    JOB_COMPLETED,
    MIGRATED,
    PAUSED_BY_USER,
    POSTCOPY_FAILED,
    RUNNING,
    SHUT_DOWN,
    UNANSWERED,
    Call,
    FakeLibvirt,
    Guest,
    own_word,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.jobs import (
    BACKUP,
    COMPLETED,
    FIRST_PASS,
    GIB,
    MIGRATING,
    NO_JOB,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.run_module import ModuleRunner, Result

THERE = "qemu+tcp://kvm02/system"
OVER_THERE = "erp01@kvm02"
MOVES = bits.MIGRATE_LIVE | bits.MIGRATE_PEER2PEER | bits.MIGRATE_PERSIST_DEST | bits.MIGRATE_UNDEFINE_SOURCE
ASKED: dict[str, t.Any] = {
    "name": "erp01",
    "destination_uri": THERE,
    "link_mib_per_s": 100,
    "measure": False,
    "compression": "none",
    "policy_overrides": {"max_throttle_percent": 0},
}
NEVER = {"postcopy": "never"}
NOT_RUNNING = "Requested operation is not valid: domain is not running"


def host(uuid: str) -> Call:
    return Call("getCapabilities").returns(f"<capabilities><host><uuid>{uuid}</uuid></host></capabilities>")


ENDS = [Call("open", "qemu:///system"), Call("open", THERE), host("1"), host("2")]
UNKNOWN = Call("lookupByUUIDString", ERP01).raises(42, "Domain not found: no domain with matching uuid")
ARRIVED = Call("lookupByUUIDString", ERP01).returns(Guest(at="kvm02"))
MISSING = Call("lookupByName", "erp01").raises(42, "Domain not found: no domain with matching name")


NOTE = f"<autostart uuid='{ERP01}'/>"


def here(job: t.Mapping[str, t.Any] | None = None) -> list[Call]:
    """The source knows the guest; without a job it is looked at as one that is off is."""
    stats = Call("jobStats").returns(job) if job is not None else Call("jobStats").raises(55, NOT_RUNNING)
    return [Call("lookupByName", "erp01").returns(Guest()), stats]


def source_has(persistent: bool = True, autostart: bool = False) -> list[Call]:
    asked = [Call("isPersistent", guest="erp01").returns(int(persistent))]
    return [*asked, Call("autostart", guest="erp01").returns(int(autostart))] if persistent else asked


def destination_has(autostart: bool = False, note: bool = False, persistent: bool = True) -> list[Call]:
    asked = [Call("isPersistent", guest=OVER_THERE).returns(int(persistent))]
    if not persistent:
        return asked
    metadata = Call("metadata", 2, "https://github.com/virtops/ansible-live-migration/carried", 2, guest=OVER_THERE)
    read = metadata.returns(NOTE) if note else metadata.raises(80, "metadata not found")
    return [*asked, read, Call("autostart", guest=OVER_THERE).returns(int(autostart))]


def note(text: str | None, guest: str = "erp01") -> Call:
    namespace = "https://github.com/virtops/ansible-live-migration/carried"
    return Call("setMetadata", 2, text, "carried", namespace, 3, guest=guest)


def survey(hostdev: str = "", own: str = "") -> list[Call]:
    """What is asked before a start that measures nothing."""
    xml = f"<domain type='kvm'><devices>{hostdev}</devices></domain>"
    return [
        *own_word(own),
        Call("XMLDesc", 0).returns(xml),
        Call("info").returns([1, 4 * 1024 * 1024, 4 * 1024 * 1024, 2, 0]),
        Call("memoryStats").returns({"rss": 1024 * 1024}),
        *[Call(name).returns(9_000_000) for name in ("getLibVersion", "getVersion") * 2],
    ]


# Whether the destination takes guests is asked right before the start.
OPEN = Call("secretLookupByUUIDString", cordon_secret.UUID).raises(66, "Secret not found")


def limit(before_ms: int = 300, start_ms: int = 80) -> list[Call]:
    return [OPEN, Call("migrateGetMaxDowntime").returns(before_ms), Call("migrateSetMaxDowntime", start_ms)]


# The call that migrates has a connection of its own.
OWN = [Call("open", "qemu:///system"), Call("lookupByUUIDString", ERP01).returns(Guest())]


def transfer(flags: int = MOVES, **parameters: t.Any) -> Call:
    return Call("migrateToURI3", THERE, parameters, flags)


def completes(call: Call, left: tuple[int, int] | None = GONE) -> Call:
    """A call in which the guest moves."""
    call.leaves(left).leaves(RUNNING, guest=OVER_THERE)
    return call.then(lambda libvirt: libvirt.happens(JOB_COMPLETED, {**COMPLETED, "operation": 5}))


# After the end it is looked for by its UUID.
GONE_HERE = [Call("jobStats").raises(42, "Domain not found"), UNKNOWN]
STILL_HERE = [Call("lookupByUUIDString", ERP01).returns(Guest()), Call("jobStats").returns(NO_JOB)]
START = [*ENDS, *here(NO_JOB), UNKNOWN, *source_has(), *survey(), *limit()]


@pytest.fixture(autouse=True)
def absent(libvirt: FakeLibvirt) -> None:
    libvirt.states[OVER_THERE] = GONE


def arrived_and_defined(libvirt: FakeLibvirt) -> None:
    libvirt.states[OVER_THERE], libvirt.states["erp01"] = RUNNING, GONE


# --- starting


def test_moved(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.expect(*START, *OWN, completes(transfer()), *GONE_HERE, ARRIVED, *destination_has())
    result = run(migration, **ASKED)
    assert (result["changed"], result["outcome"], result["runs_on"]) == (True, "moved", "kvm02")
    assert (result["downtime_ms"], result["elapsed_ms"]) == (COMPLETED["downtime"], COMPLETED["time_elapsed"])
    assert result["diff"]["before"] == {"runs_on": "kvm01", "defined_on": ["kvm01"], "autostart": False}
    assert result["diff"]["after"] == {"runs_on": "kvm02", "defined_on": ["kvm02"], "autostart": False}
    assert result["kept"] == []
    assert result["record"]["outcome"] == "completed"
    basis = result["forecast"]["basis"]
    assert (basis["touched_bytes"], basis["touched_from"][:13]) == (GIB, "the size of i")
    assert basis["not_measured"] == "measuring was switched off"


class Whatever:
    """Fits every argument."""

    def __eq__(self, _other: object) -> bool:
        return True

    __hash__ = None  # type: ignore[assignment]


@pytest.mark.parametrize(("said", "measured"), [("never", True), ("if_needed", False)])
def test_a_guest_is_measured_while_the_destination_is_connected_to(
    libvirt: FakeLibvirt, run: ModuleRunner, said: str, measured: bool
) -> None:
    """And its own limits are read once for both. One that may go by post-copy is not measured."""
    stats = Call("domainListGetStats", Whatever(), 1 << 9, 1 << 29)
    found = {"dirtyrate.calc_status": 2, "dirtyrate.calc_period": 1, "dirtyrate.megabytes_per_second": 0}
    plain = Call("XMLDesc", 0).returns("<domain type='kvm'><devices/></domain>")
    own, *look = [own_word(), *survey()[2:]]
    begins = [
        plain,
        Call("getLibVersion").returns(9_000_000),
        Call("jobStats").returns(NO_JOB),
        stats.returns([(None, {})]),
        Call("startDirtyRateCalc", 1, 0),
    ]
    early = [Call("lookupByName", "erp01").returns(Guest()), *own]
    opened = [ENDS[0], *early, *(begins if measured else []), *ENDS[1:], *here(NO_JOB), UNKNOWN, *source_has()]
    info = look[1]
    ends = [stats.returns([(None, found)]), info] if measured else []
    flags = MOVES | (0 if measured else bits.MIGRATE_POSTCOPY)
    # Read again where nothing was begun for it.
    libvirt.expect(*opened, *([] if measured else own_word()), *look, *ends, *limit(), *OWN)
    libvirt.expect(completes(transfer(flags)), *GONE_HERE, ARRIVED, *destination_has())
    asked = {**ASKED, "measure": True, "policy_overrides": {"max_throttle_percent": 0, "postcopy": said}}
    result = run(migration, **asked)
    assert result["outcome"] == "moved"
    assert (result["forecast"]["basis"]["dirty_bytes_per_s"] == 0) is measured
    assert result["record"]["plan"]["first_pass_tells"] is True


def test_the_destination_may_keep_the_statistics(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    """The source forgets them with the guest, and its event may have come to nobody."""
    moved = transfer().leaves(GONE).leaves(RUNNING, guest=OVER_THERE)
    kept = Call("jobStats", 3, guest=OVER_THERE).returns({**COMPLETED, "operation": 4})
    libvirt.expect(*START, *OWN, moved, *GONE_HERE, ARRIVED, kept, *destination_has())
    result = run(migration, **ASKED)
    assert (result["outcome"], result["downtime_ms"]) == ("moved", COMPLETED["downtime"])


def test_autostart_goes_with_it(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    start = [
        *ENDS,
        *here(NO_JOB),
        UNKNOWN,
        *source_has(autostart=True),
        *survey(),
        *limit(),
        note(NOTE),
        *OWN,
    ]
    end = [*GONE_HERE, ARRIVED, *destination_has(note=True), Call("setAutostart", 1, guest=OVER_THERE)]
    libvirt.expect(*start, completes(transfer()), *end, note(None, OVER_THERE))
    result = run(migration, **ASKED)
    assert result["kept"] == ["set_autostart_on_destination"]
    assert result["diff"]["after"] == {"runs_on": "kvm02", "defined_on": ["kvm02"], "autostart": True}


def test_autostart_left_behind_by_a_run_that_died(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    arrived_and_defined(libvirt)
    carried = [*destination_has(note=True), Call("setAutostart", 1, guest=OVER_THERE), note(None, OVER_THERE)]
    there = Call("lookupByName", "erp01").returns(Guest(at="kvm02"))
    libvirt.expect(*ENDS, MISSING, there, *carried)
    result = run(migration, **ASKED)
    assert (result["changed"], result["outcome"]) == (True, "already_there")


def test_a_transient_guest_stays_one(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    start = [*ENDS, *here(NO_JOB), UNKNOWN, *source_has(persistent=False), *survey(), *limit(), *OWN]
    moved = completes(transfer(bits.MIGRATE_LIVE | bits.MIGRATE_PEER2PEER))
    libvirt.expect(*start, moved, *GONE_HERE, ARRIVED, *destination_has(persistent=False))
    result = run(migration, **ASKED)
    assert result["diff"]["after"] == {"runs_on": "kvm02", "defined_on": [], "autostart": False}


def test_check_mode_starts_nothing(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.expect(*ENDS, *here(NO_JOB), UNKNOWN, *source_has(), *survey())
    result = run(migration, check=True, **ASKED)
    assert (result["changed"], result["outcome"], result["runs_on"]) == (True, "moved", "kvm01")
    assert result["diff"]["after"]["runs_on"] == "kvm02"
    assert result["diff"]["after"]["defined_on"] == ["kvm02"]


DISKS = """<domain type='kvm'><devices>
<disk type='file' device='disk'><source file='/srv/nfs/a.img'/><target dev='vda'/></disk>
<disk type='file' device='disk'><source file='/srv/own/b.img'/><target dev='vdb'/></disk>
<disk type='file' device='cdrom'><source file='/srv/own/c.iso'/><target dev='sda'/><readonly/></disk>
<disk type='network' device='disk'><source protocol='rbd' name='p/d'/><target dev='vdd'/></disk>
</devices></domain>"""


MORE = DISKS.replace("</devices>", "<rng/></devices>")


@pytest.fixture
def file_systems(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source_disks, "type_of_file_system", lambda path: "nfs4" if "nfs" in path else "ext4")
    monkeypatch.setattr(source_disks, "exported_directories", list)


def test_a_disk_is_not_copied_onto_itself(libvirt: FakeLibvirt, run: ModuleRunner, file_systems: None) -> None:
    """Nothing is measured before."""
    for names, reason in (
        (["vdb", "vda"], "COPY_ONTO_ITSELF"),
        (["vdd"], "COPY_ONTO_ITSELF"),
        (["x"], "DISK_NOT_FOUND"),
    ):
        start = [*ENDS, *here(NO_JOB), UNKNOWN, *source_has(), *own_word()]
        libvirt.expect(*start, Call("XMLDesc", 9).returns(DISKS))
        result = run.fails(migration, **ASKED, copy_storage="all", copy_disks=names)
        assert (result["reason"], result["runs_on"]) == (reason, "kvm01")


RULES = {"bridges": {"br0": "br1"}, "paths": {"/srv/nfs": "/mnt/nfs"}}


@pytest.mark.parametrize(
    ("options", "calls", "reason"),
    [
        ({"destination_changes": RULES}, [Call("XMLDesc", 9).returns(DISKS)], "DISK_PATH_CHANGED"),
        (
            {"destination_xml": DISKS, "persistent_xml": DISKS},
            [Call("XMLDesc", 9).returns(MORE)],
            "GUEST_VISIBLE_CHANGE",
        ),
        ({"destination_xml": DISKS}, [], "OPTIONS_CONFLICT"),
        ({"persistent_xml": DISKS}, [], "OPTIONS_CONFLICT"),
        (
            {"destination_xml": DISKS, "persistent_xml": DISKS, "destination_changes": {"bridges": {"br0": "br1"}}},
            [],
            "OPTIONS_CONFLICT",
        ),
        ({"destination_xml": "x", "persistent": False}, [Call("XMLDesc", 9).returns(DISKS)], "BAD_DEFINITION"),
    ],
)
def test_what_may_not_be_otherwise_there_is_refused_before_anything_is_touched(
    libvirt: FakeLibvirt, run: ModuleRunner, options: dict[str, t.Any], calls: list[Call], reason: str
) -> None:
    libvirt.expect(*ENDS, *here(NO_JOB), UNKNOWN, *source_has(), *own_word(), *calls)
    result = run.fails(migration, **ASKED, **options)
    assert (result["reason"], result["runs_on"]) == (reason, "kvm01")


def test_options(libvirt: FakeLibvirt, run: ModuleRunner, file_systems: None) -> None:
    call = transfer(
        bits.MIGRATE_LIVE
        | bits.MIGRATE_PEER2PEER
        | bits.MIGRATE_PERSIST_DEST
        | bits.MIGRATE_TLS
        | bits.MIGRATE_NON_SHARED_DISK
        | bits.MIGRATE_NON_SHARED_SYNCHRONOUS_WRITES,
        migrate_uri="tcp://10.0.0.12",
        migrate_disks=["vdb"],
        bandwidth=50,
    )
    own = own_word()
    asked = [one for one in survey()[len(own) :] if one.method not in ("getLibVersion", "getVersion")]
    disks = Call("XMLDesc", 9).returns(DISKS)
    start = [*ENDS, *here(NO_JOB), UNKNOWN, *source_has(), *own, disks, *asked, *limit(), *OWN]
    off = [Call("lookupByUUIDString", ERP01).returns(Guest()), Call("jobStats").raises(55, NOT_RUNNING)]
    gone = [Call("jobStats").raises(55, NOT_RUNNING), *off]
    libvirt.expect(*start, completes(call, MIGRATED), *gone, ARRIVED, *source_has(), *destination_has())
    options = {"tls": True, "copy_storage": "all", "undefine_source": False, "bandwidth_mib_per_s": 50}
    options["copy_synchronous_writes"] = True
    result = run(migration, **ASKED, **options, migrate_uri="tcp://10.0.0.12")
    assert result["diff"]["after"]["defined_on"] == ["kvm01", "kvm02"]


def test_not_waited_for(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    """It starts with the whole downtime of the policy, since nobody will raise it."""
    start = [*START[:-3], *limit(start_ms=440), *OWN]
    flowing = [Call("jobStats").returns(FIRST_PASS)]
    libvirt.expect(*start, transfer(), *flowing)
    result = run(migration, wait=False, **ASKED)
    assert (result["changed"], result["outcome"], result["runs_on"]) == (True, "started", "kvm01")


# --- what fails at the start


def test_a_start_that_is_refused_leaves_nothing_behind(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    start = [
        *ENDS,
        *here(NO_JOB),
        UNKNOWN,
        *source_has(autostart=True),
        *survey(),
        *limit(),
        note(NOTE),
        *OWN,
    ]
    refused = transfer().raises(81, "Unsafe migration: Migration without shared storage is unsafe")
    none = Call("jobStats").returns(NO_JOB)
    taken_back = [none, Call("migrateSetMaxDowntime", 300), note(None)]
    libvirt.expect(*start, refused, none, *STILL_HERE, UNKNOWN, *taken_back)
    result = run.fails(migration, **ASKED)
    assert (result["reason"], result["runs_on"]) == ("UNSAFE_STORAGE", "kvm01")
    assert "Migration without shared storage is unsafe" in result["msg"]
    assert "running (booted) on kvm01" in result["state"]
    assert result["record"]["outcome"] == "failed"


def test_without_postcopy_when_the_destination_cannot(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    can_not = "internal error: unable to execute QEMU command 'migrate-set-capabilities': Postcopy is not supported"
    none = Call("jobStats").returns(NO_JOB)
    refused = [*OWN, transfer(MOVES | bits.MIGRATE_POSTCOPY).raises(1, can_not), none, *STILL_HERE, UNKNOWN]
    again = [none, Call("migrateSetMaxDowntime", 300), *limit(), *OWN, completes(transfer())]
    libvirt.expect(*START, *refused, *again, *GONE_HERE, ARRIVED, *destination_has())
    overrides = {**ASKED["policy_overrides"], "postcopy": "if_needed"}
    result = run(migration, **{**ASKED, "policy_overrides": overrides})
    assert result["outcome"] == "moved"
    assert "cannot receive by post-copy" in str(result["warnings"])


def test_a_host_that_takes_no_guests_gets_none(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    """It is asked right before the start, when nothing has been set yet."""
    look = [*ENDS, *here(NO_JOB), UNKNOWN, *source_has(), *survey()]
    note = Call("secretLookupByUUIDString", cordon_secret.UUID)
    libvirt.expect(*look, note.returns(object()))
    result = run.fails(migration, **ASKED)
    assert (result["reason"], result["runs_on"]) == ("DESTINATION_CORDONED", "kvm01")


@pytest.mark.parametrize("code", [3, 38, 88])
def test_a_libvirt_that_keeps_no_notes_is_no_cordon(libvirt: FakeLibvirt, run: ModuleRunner, code: int) -> None:
    look = [*ENDS, *here(NO_JOB), UNKNOWN, *source_has(), *survey()]
    unknown = Call("secretLookupByUUIDString", cordon_secret.UUID).raises(code, "no secrets here")
    libvirt.expect(*look, unknown, *limit()[1:], *OWN, completes(transfer()), *GONE_HERE, ARRIVED, *destination_has())
    assert run(migration, **ASKED)["outcome"] == "moved"


def test_the_cordon_does_not_count_where_that_is_said(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    look = [*ENDS, *here(NO_JOB), UNKNOWN, *source_has(), *survey(), *limit()[1:]]
    libvirt.expect(*look, *OWN, completes(transfer()), *GONE_HERE, ARRIVED, *destination_has())
    assert run(migration, ignore_cordon=True, **ASKED)["outcome"] == "moved"


@pytest.mark.parametrize(
    ("own", "options", "flags"),
    [
        ("", {}, bits.MIGRATE_POSTCOPY),
        ('<guest postcopy="never"/>', {}, 0),
        ('<guest postcopy="perhaps"/>', {}, 0),
        ('<guest postcopy="never"/>', {"heed_metadata": False}, bits.MIGRATE_POSTCOPY),
        ('<guest postcopy="prefer"/>', {"guest_options": [{"name": "erp*", "policy_overrides": NEVER}]}, 0),
        ("", {"guest_options": [{"name": "crm*", "policy_overrides": NEVER}]}, bits.MIGRATE_POSTCOPY),
    ],
)
def test_the_most_careful_policy_holds(
    libvirt: FakeLibvirt, run: ModuleRunner, own: str, options: dict[str, t.Any], flags: int
) -> None:
    asked = {**ASKED, "policy_overrides": {**ASKED["policy_overrides"], "postcopy": "if_needed"}, **options}
    look = survey(own=own) if asked.get("heed_metadata", True) else survey()[2:]
    start = [*ENDS, *here(NO_JOB), UNKNOWN, *source_has(), *look, *limit()]
    moves = transfer(MOVES | flags)
    libvirt.expect(*start, *OWN, completes(moves), *GONE_HERE, ARRIVED, *destination_has())
    assert run(migration, **asked)["outcome"] == "moved"


def test_overtaken_by_another_run(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    """The job that the other has started is adopted."""
    running = "Requested operation is not valid: another migration job is already running for domain 'erp01'"
    other = Call("jobStats").returns(FIRST_PASS)
    look = [Call("lookupByUUIDString", ERP01).returns(Guest()), other]
    overtaken = transfer().raises(55, running).leaves(ARRIVING, guest=OVER_THERE)
    adopted = [
        *own_word(),
        Call("XMLDesc", 0).returns("<domain><devices/></domain>"),
        other,
        *LIMITS,
        completes(other_look()),
    ]
    end = [*GONE_HERE[1:], ARRIVED, *destination_has()]
    arriving = [ARRIVED, *source_has(), *destination_has(persistent=False)]
    libvirt.expect(*START, *OWN, overtaken, other, *look, *arriving, *adopted, *end)
    result = run(migration, **ASKED)
    assert (result["changed"], result["outcome"]) == (True, "adopted")


LIMITS = [
    Call("migrateGetMaxDowntime").returns(80),
    Call("migrateGetMaxSpeed", 0).returns(0),
    Call("migrateGetMaxSpeed", 1).returns(0),
]


def other_look() -> Call:
    return Call("jobStats").raises(42, "Domain not found")


# --- what is found


def test_already_there(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    arrived_and_defined(libvirt)
    there = Call("lookupByName", "erp01").returns(Guest(at="kvm02"))
    libvirt.expect(*ENDS, MISSING, there, *destination_has())
    result = run(migration, **ASKED)
    assert (result["changed"], result["outcome"], result["runs_on"]) == (False, "already_there", "kvm02")
    assert result["diff"]["before"] == result["diff"]["after"]


def test_already_there_but_paused(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    arrived_and_defined(libvirt)
    libvirt.states[OVER_THERE] = PAUSED_BY_USER
    there = Call("lookupByName", "erp01").returns(Guest(at="kvm02"))
    libvirt.expect(*ENDS, MISSING, there, *destination_has())
    result = run(migration, **ASKED)
    assert result["changed"] is False
    assert "paused (by the user) on kvm02" in str(result["warnings"])


def test_a_definition_that_stayed_behind(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    """It arrived by another way, and only the source had defined it."""
    libvirt.states["erp01"], libvirt.states[OVER_THERE] = MIGRATED, RUNNING
    asked = [*source_has(autostart=True), *destination_has(persistent=False)]
    define = [
        Call("isPersistent", guest="erp01").returns(1),
        Call("XMLDesc", 11, guest="erp01").returns("<domain/>"),
        Call("defineXML", "<domain/>"),
    ]
    done = [*define, Call("setAutostart", 1, guest=OVER_THERE), Call("undefineFlags", 72, guest="erp01")]
    libvirt.expect(*ENDS, *here(), ARRIVED, *asked, *done)
    result = run(migration, **ASKED)
    assert result["changed"] is True
    assert result["kept"] == ["define_on_destination", "set_autostart_on_destination", "undefine_on_source"]


@pytest.mark.parametrize(
    ("note", "carried"),
    [
        (NOTE, True),
        ("<autostart/>", True),  # of version 0.1.0
        (f"<autostart uuid='{ERP02}'/>", False),  # this one was cloned from the guest while that was moving
        ("<other/>", False),
        ("no XML", False),
    ],
)
def test_a_note_of_autostart_counts_for_its_own_guest(
    libvirt: FakeLibvirt, run: ModuleRunner, note: str, carried: bool
) -> None:
    libvirt.states[OVER_THERE] = RUNNING
    there = Call("lookupByName", "erp01").returns(Guest(at="kvm02"))
    namespace = "https://github.com/virtops/ansible-live-migration/carried"
    asked = [
        Call("isPersistent", guest=OVER_THERE).returns(1),
        Call("metadata", 2, namespace, 2, guest=OVER_THERE).returns(note),
        Call("autostart", guest=OVER_THERE).returns(0),
    ]
    done = [Call("setAutostart", 1, guest=OVER_THERE), Call("setMetadata", 2, None, "carried", namespace, 3)]
    libvirt.expect(*ENDS, MISSING, there, *asked, *(done if carried else []))
    assert run(migration, **ASKED)["kept"] == (["set_autostart_on_destination"] if carried else [])


@pytest.mark.parametrize("at", ["isPersistent", "metadata"])
def test_a_definition_that_cannot_be_looked_at_is_not_missing(libvirt: FakeLibvirt, run: ModuleRunner, at: str) -> None:
    """Nothing is defined anew, or taken off the source, on an answer that was none."""
    libvirt.states[OVER_THERE] = RUNNING
    there = Call("lookupByName", "erp01").returns(Guest(at="kvm02"))
    asked = [Call("isPersistent", guest=OVER_THERE)]
    if at == "metadata":
        namespace = "https://github.com/virtops/ansible-live-migration/carried"
        asked = [asked[0].returns(1), Call("metadata", 2, namespace, 2, guest=OVER_THERE)]
    asked[-1].raises(1, "internal error: client socket is closed", 7)
    libvirt.expect(*ENDS, MISSING, there, *asked)
    result = run.fails(migration, **ASKED)
    assert result["reason"] == "CONNECTION_LOST"


def look_again(there: Call, times: int, job: t.Mapping[str, t.Any]) -> list[Call]:
    look = [Call("lookupByUUIDString", ERP01).returns(Guest()), Call("jobStats").returns(job), there]
    return look * times


def refused(run: ModuleRunner, **changes: t.Any) -> Result:
    result = run.fails(migration, **{**ASKED, **changes})
    assert "Nothing was changed" in result["state"]
    return result


def test_a_job_that_goes_to_another_host(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.expect(*ENDS, *here(MIGRATING), UNKNOWN, *look_again(UNKNOWN, 5, MIGRATING), *source_has())
    result = refused(run)
    assert result["reason"] == "JOB_ELSEWHERE"
    assert result["evidence"]["job_phase"] == "precopy"


def test_it_runs_on_both_hosts(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.states[OVER_THERE] = RUNNING
    asked = [*source_has(), *destination_has()]
    libvirt.expect(*ENDS, *here(NO_JOB), ARRIVED, *look_again(ARRIVED, 5, NO_JOB), *asked)
    result = refused(run)
    assert (result["reason"], "ALARM" in result["msg"]) == ("SPLIT_BRAIN", True)


def test_broken_and_no_postcopy_allowed(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.states.update({"erp01": POSTCOPY_FAILED, OVER_THERE: ARRIVING_BROKEN})
    libvirt.expect(*ENDS, *here(MIGRATING), ARRIVED, *source_has(), *destination_has(persistent=False))
    assert refused(run)["reason"] == "POSTCOPY_BROKEN"


def test_broken_and_to_be_recovered(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.states.update({"erp01": POSTCOPY_FAILED, OVER_THERE: ARRIVING_BROKEN})
    libvirt.expect(*ENDS, *here(MIGRATING), ARRIVED, *source_has(), *destination_has(persistent=False))
    overrides = {"postcopy": "if_needed"}
    result = run(migration, check=True, **{**ASKED, "policy_overrides": overrides})
    assert (result["changed"], result["outcome"]) == (True, "recovered")


@pytest.mark.parametrize(
    ("task", "guest", "joined"), [("never", "if_needed", False), ("if_needed", "never", False), (None, "prefer", True)]
)
def test_whether_it_is_joined_is_said_of_the_guest(
    libvirt: FakeLibvirt, run: ModuleRunner, task: str | None, guest: str, joined: bool
) -> None:
    """Its metadata is not asked: it cannot go back. Where the task says never itself, that bounds all."""
    libvirt.states.update({"erp01": POSTCOPY_FAILED, OVER_THERE: ARRIVING_BROKEN})
    libvirt.expect(*ENDS, *here(MIGRATING), ARRIVED, *source_has(), *destination_has(persistent=False))
    entries = [{"name": "erp*", "policy_overrides": {"postcopy": guest}}]
    asked = {**ASKED, "policy_overrides": {"postcopy": task} if task else {}, "guest_options": entries}
    if joined:
        assert run(migration, check=True, **asked)["outcome"] == "recovered"
    else:
        assert run.fails(migration, check=True, **asked)["reason"] == "POSTCOPY_BROKEN"


def test_its_half_on_the_source_has_ended(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    """What is left over there is called running by libvirt, and is on no host: it waits for pages that are gone."""
    libvirt.states.update({"erp01": (5, 3), OVER_THERE: ARRIVING_BROKEN})
    again = [[Call("lookupByUUIDString", ERP01).returns(Guest()), *here()[1:], ARRIVED] for _second in range(5)]
    asked = [*source_has(), *destination_has()]
    libvirt.expect(*ENDS, *here(), ARRIVED, *[call for look in again for call in look], *asked)
    result = refused(run)
    assert result["reason"] == "HALF_ENDED"
    assert result["runs_on"] is None
    assert "in memory is lost" in result["msg"]


def test_off_on_both(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.states["erp01"] = SHUT_DOWN
    again = [Call("lookupByUUIDString", ERP01).returns(Guest()), *here()[1:], UNKNOWN]
    libvirt.expect(*ENDS, *here(), UNKNOWN, *again, *source_has())
    assert refused(run)["reason"] == "GUEST_NOT_RUNNING"


def test_nowhere(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.expect(*ENDS, *[MISSING, MISSING] * 2)
    assert refused(run)["reason"] == "GUEST_NOT_FOUND"


def test_another_job(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.expect(*ENDS, *here(BACKUP))
    assert refused(run)["reason"] == "OTHER_JOB"


def test_the_same_host(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.expect(*ENDS[:2], host("1"), host("1"))
    assert refused(run)["reason"] == "SAME_HOST"


def test_a_destination_that_refuses(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    nobody = Call("open", THERE).raises(38, "unable to connect to server at 'kvm02:16509': Connection refused", 7)
    libvirt.expect(ENDS[0], nobody)
    assert refused(run)["reason"] == "CONNECTION_FAILED"


def test_a_destination_that_does_not_answer(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.expect(ENDS[0], Call("open", THERE).hangs())
    assert refused(run)["reason"] == "CONNECTION_FAILED"


def test_options_that_do_not_go_together(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    libvirt.expect(ENDS[0])
    result = refused(run, parallel_connections=4, compression="xbzrle")
    assert result["reason"] == "OPTIONS_CONFLICT"


# --- what goes wrong on the way


def test_libvirt_is_lost(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    lost = Call("jobStats").raises(38, "Cannot recv data: Connection reset by peer", 7).leaves(UNANSWERED)
    # The source is asked whether it was that one.
    libvirt.expect(*START, *OWN, transfer(), lost, Call("getLibVersion").returns(11003000))
    result = run.fails(migration, **ASKED)
    assert (result["reason"], result["runs_on"]) == ("CONNECTION_LOST", None)
    assert "The migration may go on" in result["state"]
    assert "Run this again" in result["remedy"]
    assert result["record"]["outcome"] is None


def test_the_destination_daemon_is_started_anew(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    """It does not answer at once, and then knows nothing of the guest that was on its way."""

    def dies(fake: FakeLibvirt) -> None:
        fake.connection(THERE).closed = True

    broken = transfer().raises(9, "operation failed: Lost connection to destination host").then(dies)
    refused_once = Call("open", THERE).raises(38, "unable to connect to server at 'kvm02:16509': Connection refused", 7)
    none = Call("jobStats").returns(NO_JOB)
    again = [*STILL_HERE, refused_once, Call("open", THERE), UNKNOWN]
    libvirt.expect(*START, *OWN, broken, none, *again, none, Call("migrateSetMaxDowntime", 300))
    result = run.fails(migration, **ASKED)
    assert (result["reason"], result["runs_on"]) == ("CONNECTION_LOST", "kvm01")
    assert result["state"] == "The guest is running (booted) on kvm01."


@pytest.mark.parametrize(
    ("by_itself", "code", "says"),
    [
        (True, 38, "End of file while reading data: Input/output error"),
        # Modular daemons: virtproxyd, which keeps the connection, is there, and virtqemud behind it was started anew.
        (False, 1, "internal error: client socket is closed"),
        (False, 38, "End of file while reading data: Input/output error"),
    ],
)
def test_the_connection_to_the_destination_breaks(
    libvirt: FakeLibvirt, run: ModuleRunner, by_itself: bool, code: int, says: str
) -> None:
    """As when its network was away: a new one says where the guest is."""

    def dies(fake: FakeLibvirt) -> None:
        fake.connection(THERE).closed = by_itself

    lost = Call("lookupByUUIDString", ERP01).raises(code, says, 7)
    aborted = transfer().raises(78, "operation aborted: job 'migration out' canceled by client").leaves(CANCELLED)
    none = Call("jobStats").returns(NO_JOB)
    again = [*STILL_HERE, lost.then(dies), Call("open", THERE), UNKNOWN]
    libvirt.expect(*START, *OWN, aborted, none, *again, none, Call("migrateSetMaxDowntime", 300))
    result = run.fails(migration, **ASKED)
    assert (result["reason"], result["runs_on"]) == ("CANCELLED", "kvm01")


def test_the_guest_shuts_down(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    ended = transfer().raises(9, "operation failed: domain is no longer running").leaves(SHUT_DOWN)
    off = [Call("lookupByUUIDString", ERP01).returns(Guest()), Call("jobStats").raises(55, NOT_RUNNING), UNKNOWN]
    job = Call("jobStats").raises(55, NOT_RUNNING)
    libvirt.expect(*START, *OWN, ended, job, *off, *off)
    result = run.fails(migration, **ASKED)
    assert (result["reason"], result["runs_on"]) == ("GUEST_STOPPED", None)
    assert "shut off (shut down) on the source" in result["state"]


def test_it_arrives_and_stands_still(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    moved = completes(transfer()).leaves((3, 5), guest=OVER_THERE)
    libvirt.expect(*START, *OWN, moved, *GONE_HERE, ARRIVED)
    result = run.fails(migration, **ASKED)
    assert result["reason"] == "NOT_RUNNING_THERE"
    assert "paused (I/O error)" in result["state"]


def test_somebody_aborts_it(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    aborted = transfer().raises(78, "operation aborted: job 'migration out' canceled by client").leaves(CANCELLED)
    none = Call("jobStats").returns(NO_JOB)
    libvirt.expect(*START, *OWN, aborted, none, *STILL_HERE, UNKNOWN, none, Call("migrateSetMaxDowntime", 300))
    result = run.fails(migration, **ASKED)
    assert (result["reason"], result["runs_on"]) == ("CANCELLED", "kvm01")


@pytest.mark.parametrize(
    "options",
    [{"link_mib_per_s": -5}, {"link_mib_per_s": 0}, {"link_mib_per_s": "inf"}, {"bandwidth_mib_per_s": -1}],
)
def test_numbers_out_of_range(libvirt: FakeLibvirt, run: ModuleRunner, options: dict[str, t.Any]) -> None:
    failed = run.fails(migration, name="erp01", destination_uri=THERE, **options)
    assert failed["reason"] == "OUT_OF_RANGE"
    assert next(iter(options)) in failed["msg"]

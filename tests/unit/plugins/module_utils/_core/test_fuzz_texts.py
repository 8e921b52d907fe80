# SPDX-License-Identifier: GPL-3.0-or-later
"""URIs, addresses and notes with something put into them or taken out: an error of ours, or an answer, in little time.

How often either came is printed at the end.
"""

from __future__ import annotations

import collections
import typing as t

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.virtops.live_migration.plugins.module_utils._core import addresses, libvirt_uri
from ansible_collections.virtops.live_migration.plugins.module_utils._core.balloon.note import ShrunkNote, read_note
from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError
from ansible_collections.virtops.live_migration.plugins.module_utils._core.guest_metadata import GUEST_NAMESPACE
from ansible_collections.virtops.live_migration.plugins.module_utils._core.guest_policy import limits_of_metadata
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.features import version_of
from ansible_collections.virtops.live_migration.plugins.module_utils._core.migration import (
    bandwidth_notes,
    destination_xml,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.readiness.checks.shared_storage import (
    same_export,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.differing_definition import GUEST

FUZZ = settings(max_examples=300, deadline=None)
UUID = "1f3c6f0a-6a40-4d0c-9d5e-0a6b1d1f0c11"
NOTE = ShrunkNote(UUID, 8 << 30, 2 << 30, held=True, period_s=10, transient=False).xml()
NOTES = bandwidth_notes.written({UUID: bandwidth_notes.Note("erp01", 0, 50)})
LIMITS = f"<guest xmlns='{GUEST_NAMESPACE}' max-downtime-ms='500' postcopy='never' max-pause-s='3' shrink='never'/>"
ODD = (
    "",
    "'",
    '"',
    "<",
    ">",
    "&amp;",
    "&#0;",
    "/",
    "//",
    "?",
    "&",
    "=",
    "@",
    ":",
    "[",
    "]",
    "{",
    "%",
    "%25",
    "%zz",
    "%00",
)
ODD += (
    "\x00",
    "\x1b",
    "\n",
    "\udc80",
    "\u0663",
    "\u202e",
    "command=/tmp/x",
    "&keyfile=/k",
    "+ext",
    "-1",
    "nan",
    "1e999",
)
ODD += ("9" * 30, "x" * 300)
USUAL = ("", "a", "7", "kvm", ".b", "c-d", "_", "2001:db8::", "ssh", "no_tty=0", "?no_tty=1")

counts: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)


@pytest.fixture(scope="module", autouse=True)
def told(request: pytest.FixtureRequest) -> t.Iterator[None]:
    yield
    capture = request.config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():
        for what, found in counts.items():
            print(f"\nfuzzed {what}: {found['result']} gave a result, {found['refused']} were refused", end="")
        print()


@st.composite
def edited(draw: st.DrawFn, *texts: str) -> str:
    text = draw(st.sampled_from(texts))
    for _number in range(draw(st.integers(1, 2))):
        begin = draw(st.integers(0, len(text)))
        end = draw(st.integers(begin, min(begin + 4, len(text))))
        text = text[:begin] + draw(st.sampled_from(USUAL) | st.sampled_from(ODD)) + text[end:]
    return text


def tried(what: str, call: t.Callable[[], t.Any]) -> t.Any:
    try:
        result = call()
    except MigrationError:
        counts[what]["refused"] += 1
        return None
    counts[what]["result"] += 1
    return result


@st.composite
def put_together(draw: st.DrawFn) -> str:
    """Of parts that each may stand in a URI, with libvirt's own parameters and others."""
    begin = draw(st.sampled_from(["qemu", "qemu+ssh", "qemu+tls", "qemu+ext", "qemu+unix", "test", "tcp"]))
    middle = draw(
        st.sampled_from(["", "kvm02", "root@kvm02", "root@kvm02:22", "[fe80::1%25eth0]", "10.231.1.12:16514"])
    )
    path = draw(st.sampled_from(["/system", "/session", ""]))
    names = st.sampled_from([*sorted(libvirt_uri.KNOWN_PARAMETERS), "no_tty", "COMMAND", "odd"])
    pairs = draw(st.lists(st.tuples(names, st.sampled_from(["0", "1", "/tmp/x", "%2Ftmp%2Fx", "direct"])), max_size=2))
    query = "&".join("=".join(pair) for pair in pairs)
    return f"{begin}://{middle}{path}{'?' if query else ''}{query}"


uris = st.one_of(
    put_together(),
    edited(
        "qemu:///system",
        "qemu+ssh://root@kvm02:22/system?no_tty=1",
        "qemu+tls://[fe80::1%25eth0]:16514/system",
        "qemu+unix:///session",
        "tcp://10.231.1.12:49152",
        "rdma://[2001:db8::12]",
    ),
)


@FUZZ
@given(uri=uris)
def test_a_uri_names_no_program_and_no_file(uri: str) -> None:
    parsed = tried("URIs", lambda: libvirt_uri.parse(uri))
    if parsed is not None:
        assert parsed.transport != libvirt_uri.EXT
        assert {name for name, _value in parsed.parameters} <= {"no_tty"}
        assert uri.isprintable()
        assert not parsed.host or libvirt_uri.is_host(parsed.host)


@FUZZ
@given(uri=uris)
def test_whatever_is_asked_of_a_uri_has_an_answer(uri: str) -> None:
    for ask in (libvirt_uri.uri_secrets, libvirt_uri.host_of, libvirt_uri.is_local, libvirt_uri.target_of):
        ask(uri)
    tried("URIs of either kind", lambda: libvirt_uri.check(uri, ("keyfile",)))


@FUZZ
@given(template=edited("qemu+ssh://root@{host}/system", "tcp://{host}-migration"), host=edited("kvm02", "fe80::1%eth0"))
def test_a_host_put_into_a_uri_is_the_host_of_it(template: str, host: str) -> None:
    made = tried("hosts put into URIs", lambda: libvirt_uri.for_host(template, host))
    if made is not None:
        found = libvirt_uri.host_of(made)
        assert found is not None
        assert host in found


@FUZZ
@given(one=edited("10.231.1.12", "[fe80::1%eth0]:6789", "kvm02.example.org:22", "::ffff:127.0.0.1"))
def test_addresses(one: str) -> None:
    """None of these is refused: what is no address is a name."""
    addresses.split_port(one)
    addresses.scope_of(one)
    addresses.is_loopback(one)
    if addresses.address_of(one) is not None:
        assert addresses.same_address(one, one)
        assert addresses.among(one, ["kvm09", one])


@FUZZ
@given(one=edited("mon1:6789,[2001:db8::1]:6789:/vm", "filer:/export/vm", "//nas/vm", "admin@id.fs=/vm", "vol"))
def test_names_of_exports(one: str) -> None:
    for family in ("nfs", "smb", "gluster", "ceph"):
        assert same_export(one, one, family) in ("same", "unsure")
        for other in ("filer:/export/vm", "//nas/vm"):
            assert same_export(one, other, family) == same_export(other, one, family)


@FUZZ
@given(text=edited("11.3.0", "11.3.0-rc1", "9"))
def test_versions(text: str) -> None:
    assert all(number >= 0 for number in version_of(text))


@FUZZ
@given(note=edited(NOTE), limits=edited(LIMITS), notes=edited(NOTES))
def test_what_a_guest_or_a_file_has_noted(note: str, limits: str, notes: str) -> None:
    found = read_note(note, UUID)
    assert found is None or (found.guest_uuid, found.former_bytes >= 0, found.set_bytes >= 0) == (UUID, True, True)
    fields, problems = limits_of_metadata(limits)
    assert set(fields) <= {"max_downtime_ms", "postcopy", "max_pause_s", "shrink"}
    assert all(len(one) < 500 for one in problems)
    tried("notes of limits", lambda: bandwidth_notes.written(bandwidth_notes.read_notes(notes)))


@FUZZ
@given(xml=edited(GUEST))
def test_a_definition_for_the_destination(xml: str) -> None:
    def judged() -> bool:
        destination_xml.require_same_guest(GUEST, xml, "destination_xml")
        destination_xml.require_same_disks(GUEST, xml, (), same_storage=False)
        return destination_xml.with_metadata_of(xml, GUEST) != ""

    tried("definitions for the destination", judged)

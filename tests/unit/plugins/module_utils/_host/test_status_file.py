# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
import typing as t
from pathlib import Path

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._host.status_file import (
    other_outgoing,
    qemu_pid,
    running_job,
    start_flags,
    vcpu_threads,
)

UUID = "1f3c6f0a-6a40-4d0c-9d5e-0a6b1d1f0c11"

# As libvirt 9.0 writes it, shortened: a post-copy capable migration in its third pass.
OUTGOING = """\
<!--
WARNING: THIS IS AN AUTO-GENERATED FILE. CHANGES TO IT ARE LIKELY TO BE
OVERWRITTEN AND LOST. Changes to this xml configuration should be made using:
  virsh edit erp01
or other application using the libvirt API.
-->

<domstatus state='running' reason='booted' pid='4242'>
  <taint flag='custom-monitor'/>
  <monitor path='/var/lib/libvirt/qemu/domain-3-erp01/monitor.sock' type='unix'/>
  <namespaces>
    <mount/>
  </namespaces>
  <vcpus>
    <vcpu id='0' pid='4255'/>
  </vcpus>
  <qemuCaps>
    <flag name='blockdev'/>
  </qemuCaps>
  <job type='none' async='migration out' phase='perform3' flags='{flags}' asyncStarted='1763904000000'>
    <params>
      <param name='downtime-limit' value='300'/>
      <param name='max-bandwidth' value='9223372036853727232'/>
    </params>
    <disks/>
  </job>
  <devices>
    <device alias='ide0'/>
  </devices>
  <libDir path='/var/lib/libvirt/qemu/domain-3-erp01'/>
  <domain type='kvm' id='3'>
    <name>erp01</name>
    <metadata><job xmlns='urn:x' async='migration out' flags='0x0'/></metadata>
    <uuid>1f3c6f0a-6a40-4d0c-9d5e-0a6b1d1f0c11</uuid>
    <memory unit='KiB'>524288</memory>
  </domain>
</domstatus>
"""
IDLE = "<domstatus state='running' reason='booted' pid='1'><job type='none' async='none'/><domain/></domstatus>"
INCOMING = "<domstatus state='paused'><job type='none' async='migration in' phase='prepare'/><domain/></domstatus>"
BACKUP = "<domstatus state='running'><job type='none' async='backup' phase='none' flags='0x0'/></domstatus>"


def write(directory: Path, name: str, text: str) -> None:
    (directory / f"{name}.xml").write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ("0x8003", (True, False)),
        ("0x3", (False, False)),
        ("0x2003", (False, True)),
        ("0xa01b", (True, True)),
        ("8003", (True, False)),
        ("", None),
        ("many", None),
    ],
)
def test_start_flags(tmp_path: Path, flags: str, expected: tuple[bool, bool] | None) -> None:
    write(tmp_path, "erp01", OUTGOING.replace("{flags}", flags))
    found = start_flags("erp01", UUID, tmp_path)
    assert (None if found is None else (found.postcopy, found.auto_converge)) == expected


@pytest.mark.parametrize(
    ("flags", "compressed"),
    [("0x20803", True), ("0x20003", False), ("0x803", False), ("0x28803", True), ("0x3", False)],
    ids=["zstd", "connections", "xbzrle", "zstd and post-copy", "neither"],
)
def test_compression_on_several_connections(tmp_path: Path, flags: str, compressed: bool) -> None:
    write(tmp_path, "erp01", OUTGOING.replace("{flags}", flags))
    found = start_flags("erp01", UUID, tmp_path)
    assert found is not None
    assert found.parallel_compression is compressed


@pytest.mark.parametrize(
    "text",
    [IDLE, INCOMING, BACKUP, "", "<domstatus", "<domstatus/>", OUTGOING.replace(" flags='{flags}'", "")],
    ids=["idle", "incoming", "backup", "empty", "half written", "another format", "no flags"],
)
def test_what_says_nothing_is_not_known(tmp_path: Path, text: str) -> None:
    write(tmp_path, "erp01", text)
    assert start_flags("erp01", UUID, tmp_path) is None


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "erp01.xml").write_bytes(b"\xff\xfe\x00<domstatus")
    assert start_flags("erp01", UUID, tmp_path) is None


def test_no_file(tmp_path: Path) -> None:
    assert start_flags("erp01", UUID, tmp_path) is None
    assert start_flags("erp01", UUID, tmp_path / "missing") is None
    assert other_outgoing(UUID, tmp_path / "missing") == 0


@pytest.mark.parametrize("name", ["../erp01", "a\0b", "x" * 5000])
def test_odd_names_lead_nowhere(tmp_path: Path, name: str) -> None:
    (tmp_path / "qemu").mkdir()
    write(tmp_path, "erp01", OUTGOING.replace("{flags}", "0x8003"))
    assert start_flags(name, UUID, tmp_path / "qemu") is None


def test_other_outgoing(tmp_path: Path) -> None:
    outgoing = OUTGOING.replace("{flags}", "0x3")
    for name, text in {
        "erp01": outgoing,
        "erp02": outgoing.replace(UUID, "2" + UUID[1:]),
        "db 1": outgoing.replace(UUID, "3" + UUID[1:]),
        "idle": IDLE,
        "arrives": INCOMING,
        "backup": BACKUP,
        "broken": "<",
    }.items():
        write(tmp_path, name, text)
    (tmp_path / "erp04.pid").write_text("1")
    assert other_outgoing(UUID, tmp_path) == 2
    assert other_outgoing("of an idle guest", tmp_path) == 3


def test_a_guest_of_the_same_name_of_another_daemon(tmp_path: Path) -> None:
    write(tmp_path, "erp01", OUTGOING.replace("{flags}", "0x8003"))
    assert start_flags("erp01", "9" + UUID[1:], tmp_path) is None


IDLE_AND_WHOLE = re.sub(r"  <job .*</job>\n", "", OUTGOING, flags=re.DOTALL)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (OUTGOING.replace("{flags}", "0x0"), "migration out"),
        (OUTGOING.replace("migration out", "backup"), "backup"),
        (OUTGOING.replace("migration out", "none", 1), ""),
        (IDLE_AND_WHOLE, ""),
        (IDLE_AND_WHOLE.replace("    <name>", "<description>\n  <job type='none' async='dump'/></description>\n"), ""),
        (IDLE_AND_WHOLE.replace("<uuid>1", "<uuid>2"), None),
        (IDLE_AND_WHOLE[:-20], None),
        (IDLE_AND_WHOLE.replace("  <domain ", "  <machine "), None),
        (OUTGOING.replace("async=", "sync="), None),
        ("", None),
        (BACKUP, None),
    ],
    ids=[
        "migration",
        "backup",
        "no job",
        "no element",
        "in a description",
        "another guest",
        "cut off",
        "no definition",
        "another format",
        "empty",
        "definition missing",
    ],
)
def test_what_keeps_a_guest_busy(tmp_path: Path, text: str, expected: t.Optional[str]) -> None:
    (tmp_path / "erp01.xml").write_text(text)
    assert running_job("erp01", UUID, tmp_path) == expected


def test_a_file_that_cannot_be_read_does_not_say_that_no_job_runs(tmp_path: Path) -> None:
    assert running_job("crm01", UUID, tmp_path) is None
    assert running_job("../erp01", UUID, tmp_path) is None
    assert running_job("a\0b", UUID, tmp_path) is None
    assert running_job("x" * 5000, UUID, tmp_path) is None
    (tmp_path / "erp01.xml").mkdir()
    assert running_job("erp01", UUID, tmp_path) is None


def test_the_process_of_a_guest(tmp_path: Path) -> None:
    (tmp_path / "erp01.xml").write_text(OUTGOING.format(flags="0x1"))
    assert qemu_pid("erp01", UUID, tmp_path) == 4242
    assert qemu_pid("erp01", "another", tmp_path) is None
    assert qemu_pid("../erp01", UUID, tmp_path) is None
    assert qemu_pid("crm01", UUID, tmp_path) is None


def test_threads_of_virtual_processors(tmp_path: Path) -> None:
    (tmp_path / "erp01.xml").write_text(OUTGOING.format(flags="0x3"))
    assert vcpu_threads("erp01", UUID, tmp_path) == (4242, {0: 4255})
    assert vcpu_threads("erp01", "another", tmp_path) is None
    assert vcpu_threads("../erp01", UUID, tmp_path) is None
    assert vcpu_threads("crm01", UUID, tmp_path) is None


@pytest.mark.parametrize("thread", ["", "-1", "x", "0x10"])
def test_threads_that_are_no_numbers(tmp_path: Path, thread: str) -> None:
    text = OUTGOING.format(flags="0x3").replace("pid='4255'", f"pid='{thread}'")
    (tmp_path / "erp01.xml").write_text(text)
    assert vcpu_threads("erp01", UUID, tmp_path) is None

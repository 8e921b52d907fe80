"""Guests: their libvirt document, their start and end, and the commands they obey."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import time
import uuid as uuid_module
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

from . import agent_image, image, systemd_image
from . import host as hosts
from .errors import LabError
from .proc import run, send_signal, start_ticks
from .record import record_path
from .report import Entry, VerifyResult, entries, last_beat
from .state import Host, LabState, host_dir, lab_dir, write_atomically

KERNEL_WORDS = "console=ttyS0 loglevel=4 panic=-1 nokaslr mitigations=off nowatchdog tsc=reliable no_timer_check"
RESEND_AFTER_S = 1.0
FINE_BEAT_MS, FINE_SLICE_MS = 20, 5
BALLOON_DRIVERS = ("virtio_pci", "virtio_blk", "virtio_balloon")


@dataclass(frozen=True)
class GuestOptions:
    """How a guest is built and what it does; the hot set is rewritten all the time, the cold set never.

    With a balloon it has a kernel's memory management to show: `freed_mib` are written once and given back to its
    kernel, `cached_mib` are read from its disk. `steps_per_page` are reckoned for each page that is rewritten: a guest
    that writes less when it has less of a processor. `beat_ms`: between two heartbeats; `slice_ms`: in which a busy
    guest rewrites its pages. Each costs the machine something, so they are short only where it is measured how guests
    stand still and work (`FINE_BEAT_MS`, `FINE_SLICE_MS`).
    """

    ram_mib: int = 512
    hot_mib: int = 128
    cold_mib: int = 64
    pages_per_s: int = 0
    whole_pages: bool = False
    steps_per_page: int = 0
    busy_s: float = 0.0
    calm_s: float = 0.0
    vcpus: int = 1
    disk: str | None = None
    disk_mib: int = 32
    transient: bool = False
    machine: str | None = None
    agent: bool = False
    systemd: bool = False
    balloon: bool = False
    free_page_reporting: bool = False
    freed_mib: int = 0
    cached_mib: int = 0
    beat_ms: int = 50
    slice_ms: int = 20


@dataclass(frozen=True)
class Guest:
    name: str
    uuid: str
    started_on: str
    options: GuestOptions = field(default_factory=GuestOptions)


def guests_dir(state: LabState) -> Path:
    return lab_dir(state.name) / "guests"


def load(path: Path) -> Guest:
    data = json.loads(path.read_text())
    data["options"] = GuestOptions(**data["options"])
    return Guest(**data)


def all_guests(state: LabState) -> list[Guest]:
    return [load(path) for path in sorted(guests_dir(state).glob("*.json"), key=lambda each: each.stat().st_mtime)]


def find(state: LabState, name: str) -> Guest:
    """By name, or by UUID."""
    for guest in all_guests(state):
        if name in (guest.name, guest.uuid):
            return guest
    raise LabError(f"no guest {name!r} in this lab")


DISKS = ("local", "overlay", "shared")


def disk_path(guest: Guest) -> str | None:
    if guest.options.disk is None:
        return None
    folder = hosts.SHARED_DIR if guest.options.disk == "shared" else hosts.LOCAL_DIR
    return f"{folder}/{guest.uuid}.img"


def default_machine(state: LabState) -> str:
    """The machine's own q35 by its full name where a newer QEMU takes part: only then can guests go both ways."""
    if all(each.version == "machine" for each in state.hosts):
        return "q35"
    listed = run(["qemu-system-x86_64", "-machine", "help"]).stdout
    found = re.search(r"^q35\b.*alias of (\S+)\)", listed, re.MULTILINE)
    return found[1] if found else "q35"


def image_of(options: GuestOptions) -> str:
    if options.agent:
        return systemd_image.build() if options.systemd else agent_image.build()
    return image.build(*BALLOON_DRIVERS) if options.balloon else image.build()


def document(state: LabState, guest: Guest, image_name: str) -> str:
    options = guest.options
    settings = {
        "hot_mib": options.hot_mib,
        "cold_mib": options.cold_mib,
        "rate": options.pages_per_s,
        "whole": int(options.whole_pages),
        "busy_ms": int(options.busy_s * 1000),
        "calm_ms": int(options.calm_s * 1000),
        "beat_ms": options.beat_ms,
        "slice_ms": options.slice_ms,
    }
    if options.steps_per_page:
        settings["steps"] = options.steps_per_page
    if options.balloon:
        settings |= {"freed_mib": options.freed_mib, "cached_mib": options.cached_mib}
    words = " ".join(f"memguest_{name}={value}" for name, value in settings.items())
    boot = f"{hosts.IMAGE_DIR}/{image_name}"
    disk = ""
    if path := disk_path(guest):
        cache = " cache='none'" if options.disk == "shared" else ""
        # One that is only read may go along with a migration whatever it is on.
        readonly = "\n      <readonly/>" if options.cached_mib else ""
        disk = f"""
    <disk type='file' device='disk'>
      <driver name='qemu' type='{"qcow2" if options.disk == "overlay" else "raw"}'{cache}/>
      <source file={quoteattr(path)}/>
      <target dev='vda' bus='virtio'/>{readonly}
    </disk>"""
    agent = ""
    if options.agent:
        agent = """
    <channel type='unix'>
      <target type='virtio' name='org.qemu.guest_agent.0'/>
    </channel>"""
    reports = " freePageReporting='on'" if options.free_page_reporting else ""
    balloon = f"<memballoon model='virtio'{reports}/>" if options.balloon else "<memballoon model='none'/>"
    # QEMU 7.2 without KVM clears its record of written pages in two ways, and the quick one, taken when the memory is a
    # multiple of 256 KiB, forgets to tell the emulated CPU: later writes are not seen, and the guest arrives with torn
    # memory. 8 KiB more take the other way. libvirt rounds sizes, so that the memory is given past it.
    ram_kib = options.ram_mib * 1024 + 8
    return f"""<domain type='qemu' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
  <name>{escape(guest.name)}</name>
  <uuid>{guest.uuid}</uuid>
  <memory unit='MiB'>{options.ram_mib}</memory>
  <vcpu>{options.vcpus}</vcpu>
  <os>
    <type arch='x86_64' machine='{options.machine or default_machine(state)}'>hvm</type>
    <kernel>{boot}/vmlinuz</kernel>
    <initrd>{boot}/initramfs</initrd>
    <cmdline>{KERNEL_WORDS} {words}</cmdline>
  </os>
  <features><acpi/></features>
  <cpu mode='maximum'/>
  <on_poweroff>destroy</on_poweroff>
  <on_reboot>restart</on_reboot>
  <on_crash>destroy</on_crash>
  <devices>{disk}{agent}
    <controller type='usb' model='none'/>
    <serial type='file'>
      <source path='{hosts.CONSOLE_DIR}/{guest.uuid}.log' append='on'/>
      <target port='0'/>
    </serial>
    <serial type='unix'>
      <source mode='bind' path='{hosts.COMMAND_DIR}/{guest.uuid}.sock'/>
      <target port='1'/>
    </serial>
    {balloon}
  </devices>
  <qemu:commandline>
    <qemu:arg value='-object'/>
    <qemu:arg value='memory-backend-ram,id=lab.ram,size={ram_kib}k'/>
    <qemu:arg value='-machine'/>
    <qemu:arg value='memory-backend=lab.ram'/>
    <qemu:arg value='-m'/>
    <qemu:arg value='{ram_kib}k'/>
  </qemu:commandline>
</domain>
"""


def make_disk(state: LabState, guest: Guest, host: Host) -> None:
    path = disk_path(guest)
    if path is None:
        return
    # Random content, since zeros are not sent when storage is copied.
    amount = ["bs=1M", f"count={guest.options.disk_mib}", "status=none"]
    if guest.options.disk != "overlay":
        hosts.execute(host, "dd", "if=/dev/urandom", f"of={path}", *amount)
        return
    # On top of a file that every host has, as of a template; a quarter of it is the guest's own.
    for each in state.hosts:
        hosts.execute(each, "sh", "-c", f"yes | dd of={path}.base iflag=fullblock {' '.join(amount)}")
        overlay = ["-f", "qcow2", "-F", "raw", "-b", f"{path}.base", path]
        hosts.execute(each, "qemu-img", "create", *overlay)
    written = f"write -P 0xa5 0 {guest.options.disk_mib // 4}M"
    hosts.execute(host, "qemu-io", "-f", "qcow2", "-c", written, path)


def start(state: LabState, host: Host, name: str, options: GuestOptions, uuid: str | None, timeout_s: float) -> Guest:
    """Define and start a guest; return when its memory is filled and its work has begun (timeout 0: at once)."""
    if any(each.name == name for each in all_guests(state)):
        raise LabError(f"there is a guest {name!r} already")
    if options.disk not in (None, *DISKS):
        raise LabError(f"a guest's disk is one of {', '.join(DISKS)}")
    if options.systemd and not options.agent:
        raise LabError("what is in a guest with systemd is asked through its agent")
    if options.agent and options.balloon:
        raise LabError("the image with the agent has no driver for a balloon")
    if options.free_page_reporting and not options.balloon:
        raise LabError("free page reporting is done by the balloon's driver")
    if options.hot_mib + options.cold_mib + 96 > options.ram_mib:
        raise LabError(f"{options.ram_mib} MiB of RAM are too few: hot and cold set, and 96 MiB for the guest's kernel")
    guest = Guest(name, uuid or str(uuid_module.uuid4()), host.name, options)
    xml = document(state, guest, image_of(options))
    offset = record_size(state, guest)
    path = guests_dir(state) / f"{guest.uuid}.json"
    write_atomically(path, json.dumps(asdict(guest), indent=1))
    try:
        make_disk(state, guest, host)
        if options.transient:
            hosts.virsh(host, "create", "/dev/stdin", input_text=xml)
        else:
            hosts.virsh(host, "define", "/dev/stdin", input_text=xml)
            hosts.virsh(host, "start", guest.uuid)
    except LabError:
        stop(state, guest)
        raise
    if timeout_s > 0:
        wait_entry(state, guest, offset, timeout_s, "its program to be ready", lambda entry: entry.kind == "R")
    return guest


def stop(state: LabState, guest: Guest) -> None:
    """End the guest on every host, and remove what belongs to it; its record stays."""
    for host in state.hosts:
        hosts.virsh(host, "destroy", guest.uuid, check=False)
        hosts.virsh(host, "undefine", guest.uuid, check=False)
        pid = hosts.qemu_pid(host, guest.uuid)
        if pid is not None:
            send_signal(pid, start_ticks(pid), 9)
        if path := disk_path(guest):
            hosts.execute(host, "rm", "-f", path, f"{path}.base")
        (host_dir(state, host) / "in" / f"{guest.uuid}.sock").unlink(missing_ok=True)
    (guests_dir(state) / f"{guest.uuid}.json").unlink(missing_ok=True)
    (guests_dir(state) / f"{guest.uuid}.mark").unlink(missing_ok=True)


def record_size(state: LabState, guest: Guest) -> int:
    try:
        return record_path(state, guest.uuid).stat().st_size
    except FileNotFoundError:
        return 0


def wait_entry(
    state: LabState, guest: Guest, offset: int, timeout_s: float, what: str, wanted: Callable[[Entry], bool]
) -> Entry:
    """The first line after the offset that is wanted."""
    deadline = time.monotonic() + timeout_s
    path = record_path(state, guest.uuid)
    while True:
        size = record_size(state, guest)
        for entry in entries(path, offset):
            if entry.kind == "E":
                raise LabError(f"guest {guest.name!r} says: {' '.join(entry.words)}")
            if wanted(entry):
                return entry
        offset = max(offset, size - 256)  # a line may have been half there
        if time.monotonic() > deadline:
            raise LabError(f"waited {timeout_s:g} s in vain for {what} (guest {guest.name!r})")
        time.sleep(0.02)


def send(state: LabState, guest: Guest, line: str) -> None:
    """Write one command to the guest's second serial port, on the host where its heart beats."""
    beat = last_beat(record_path(state, guest.uuid))
    where = beat.host if beat else guest.started_on
    path = lab_dir(state.name) / "hosts" / where / "in" / f"{guest.uuid}.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
        link.settimeout(2)
        link.connect(os.fspath(path))
        # A newline first ends whatever a migration may have left half-sent.
        link.sendall(b"\n" + line.encode() + b"\n")
        link.shutdown(socket.SHUT_WR)
        # QEMU hangs up when it has taken everything; leaving earlier could lose it.
        with contextlib.suppress(OSError):
            link.recv(1)


def ask(state: LabState, guest: Guest, line: str, timeout_s: float, wanted: Callable[[Entry], bool]) -> Entry:
    """Send a command until it is answered: what is sent while the guest changes hosts may be lost."""
    offset = record_size(state, guest)
    deadline = time.monotonic() + timeout_s
    while True:
        problem = ""
        try:
            send(state, guest, line)
        except OSError as refused:
            problem = f" ({refused})"
        rest_s = deadline - time.monotonic()
        try:
            return wait_entry(state, guest, offset, min(max(rest_s, 0), RESEND_AFTER_S), "", wanted)
        except LabError:
            if rest_s <= RESEND_AFTER_S:
                late = f"guest {guest.name!r} did not answer {line!r} within {timeout_s:g} s{problem}"
                raise LabError(late) from None


def set_load(state: LabState, guest: Guest, pages_per_s: int, timeout_s: float) -> None:
    wanted = f"{pages_per_s:x}"
    ask(state, guest, f"L {wanted}", timeout_s, lambda entry: entry.kind == "L" and entry.words[0] == wanted)


def set_phases(state: LabState, guest: Guest, busy_s: float, calm_s: float, timeout_s: float) -> None:
    line = f"P {int(busy_s * 1000):x} {int(calm_s * 1000):x}"
    ask(state, guest, line, timeout_s, lambda entry: " ".join((entry.kind, *entry.words)) == line)


def set_pages(state: LabState, guest: Guest, whole: bool, timeout_s: float) -> None:
    """Whole pages or a few words of each from now on."""
    wanted = f"{int(whole)}"
    ask(state, guest, f"W {wanted}", timeout_s, lambda entry: entry.kind == "L" and entry.words[1] == wanted)


def corrupt(state: LabState, guest: Guest, region: str, page: int, timeout_s: float) -> None:
    """Change one byte behind the verifier's back: a check that cannot fail proves nothing."""
    line = f"C {region} {page:x}"
    ask(state, guest, line, timeout_s, lambda entry: " ".join((entry.kind, *entry.words)) == line)


def hold(state: LabState, guest: Guest, mib: int, timeout_s: float) -> None:
    """The guest's program holds so much memory more, as one does that has grown; 0 gives it back."""
    line = f"M {mib:x}"
    ask(state, guest, line, timeout_s, lambda entry: " ".join((entry.kind, *entry.words)) == line)


def power(state: LabState, guest: Guest, again: bool, timeout_s: float) -> None:
    """The guest switches itself off, or boots again, as on the order of whoever is logged in to it."""
    line = f"X {int(again)}"
    ask(state, guest, line, timeout_s, lambda entry: " ".join((entry.kind, *entry.words)) == line)


def verify(state: LabState, guest: Guest, timeout_s: float) -> VerifyResult:
    began = time.monotonic()
    number = f"{time.monotonic_ns() // 1_000_000:x}"
    answer = ask(state, guest, f"V {number}", timeout_s, lambda entry: entry.kind == "V" and entry.words[0] == number)
    checked, bad = (int(word, 16) for word in answer.words[1:])
    return VerifyResult(checked, bad, round(time.monotonic() - began, 3))

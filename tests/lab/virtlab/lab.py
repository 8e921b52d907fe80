"""`Lab`: everything the lab can do, for pytest and for the command line."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import TracebackType

from . import cgroups, fault, image, net, packets, record, report, ssh, state, systems
from . import guest as guests
from . import host as hosts
from . import migrate as migrations
from .errors import LabError
from .guest import Guest, GuestOptions
from .migrate import Migration
from .proc import namespace_id
from .report import GuestReport, VerifyResult
from .state import Host, LabState

# Generous: several guests boot at the same time, and emulated processors are slow where others are busy.
READY_TIMEOUT_S = 240.0
ANSWER_TIMEOUT_S = 120.0


class Lab:
    """One lab by name. As a context manager it is taken down at the end of the block."""

    def __init__(self, name: str = "default") -> None:
        self.name = state.check_name(name)
        self._state: LabState | None = None

    def __enter__(self) -> Lab:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.down()

    # The lab itself

    @property
    def state(self) -> LabState:
        if self._state is None:
            self._state = state.load(self.name)
        if self._state is None or not self._state.complete:
            self._state = None
            raise LabError(f"the lab {self.name!r} is not up; start it with `lab up --name {self.name}`")
        return self._state

    @property
    def directory(self) -> Path:
        return state.lab_dir(self.name)

    @property
    def is_up(self) -> bool:
        """Whether every host's first process is alive."""
        found = state.load(self.name)
        if found is None or not found.complete:
            return False
        try:
            return all(hosts.init_pid(host) > 0 for host in found.hosts)
        except LabError:
            return False

    def up(
        self,
        *,
        host_count: int = 2,
        link_mbit: int = 400,
        on: Mapping[str, str] | None = None,
        with_cgroups: bool = False,
    ) -> list[Host]:
        """Make the lab; what an earlier one of this name left behind is removed first, a healthy one is refused.

        `on` says which hosts have another system than this machine's: one of `systems.NAMES` for each of them.
        `with_cgroups`: each host has control groups of its own, so that its libvirt makes one for each virtual
        processor; `cgroups.problem` says whether this machine has any to give.
        """
        on = on or {}
        with state.locked(self.name):
            if self.is_up:
                raise LabError(f"the lab {self.name!r} is up already; `lab down` ends it")
            self._down()
            unknown = set(on) - {f"kvm{number:02d}" for number in range(1, host_count + 1)}
            if unknown:
                raise LabError(f"no such host: {', '.join(sorted(unknown))}")
            image.build()
            roots = {system: systems.root_of(system) for system in (systems.MACHINE, *on.values())}
            try:
                made = state.claim(self.name, host_count, link_mbit, on, cgroups=with_cgroups)
                self._make(made, roots)
            except BaseException:
                # Also after Ctrl-C; what kill -9 leaves is removed by the next `down` or `up`.
                self._down()
                raise
            self._state = made
            return made.hosts

    def _make(self, made: LabState, roots: dict[str, str]) -> None:
        shared = self.directory / "shared"
        shared.mkdir()
        guests.guests_dir(made).mkdir()
        processes: dict[str, subprocess.Popen[str]] = {}
        net.make_network(made)
        for host in made.hosts:
            processes[host.name] = hosts.launch(made, host)
        ssh.make_keys(made)
        record.start(made)
        for host in made.hosts:
            hosts.order(processes[host.name], hosts.spec(made, host, roots[host.version]))
        for host in made.hosts:
            hosts.finish(made, host, processes[host.name])
        made.complete = True
        state.save(made)

    def down(self) -> None:
        """Remove everything the lab made; no lab, or half of one, is fine."""
        with state.locked(self.name):
            self._down()

    def _down(self) -> None:
        self._state = None
        found = state.load(self.name)
        if found is not None:
            if not found.complete:
                # Commands that a killed `up` had started may still be at work; they take milliseconds.
                time.sleep(0.3)
            ssh.close_masters(found)
            net.remove_network(found)
            cgroups.remove(self.name)
        if self.directory.exists():
            shutil.rmtree(self.directory)

    def host(self, name: str) -> Host:
        for host in self.state.hosts:
            if host.name == name:
                return host
        raise LabError(f"no host {name!r}; there are {', '.join(host.name for host in self.state.hosts)}")

    @property
    def hosts(self) -> list[Host]:
        return self.state.hosts

    def inventory(self, style: str = "yaml") -> str:
        return ssh.inventory(self.state, style)

    def execute(
        self, host: str, *command: str, input_text: str | None = None, check: bool = True, timeout_s: float = 60
    ) -> subprocess.CompletedProcess[str]:
        """Run a command inside a host."""
        return hosts.execute(self.host(host), *command, input_text=input_text, check=check, timeout_s=timeout_s)

    def virsh(
        self, host: str, *arguments: str, check: bool = True, timeout_s: float = 60
    ) -> subprocess.CompletedProcess[str]:
        return hosts.virsh(self.host(host), *arguments, check=check, timeout_s=timeout_s)

    def command_line(self, host: str, command: Sequence[str]) -> list[str]:
        """The command line that runs a command inside a host, for a caller that starts it itself."""
        return hosts.inside(self.host(host), command)

    # Links

    def link_set(self, host: str, *, mbit: int) -> None:
        net.set_rate(self.host(host), mbit)

    def link_down(self, host: str, *, network: str = "migr") -> None:
        net.set_link(self.state, self.host(host), up=False, network=network)

    def link_up(self, host: str, *, network: str = "migr") -> None:
        net.set_link(self.state, self.host(host), up=True, network=network)

    # Guests

    def guest(self, name: str) -> Guest:
        return guests.find(self.state, name)

    def guests(self) -> list[Guest]:
        return guests.all_guests(self.state)

    def guest_start(
        self,
        name: str,
        *,
        host: str = "kvm01",
        options: GuestOptions | None = None,
        uuid: str | None = None,
        timeout_s: float = READY_TIMEOUT_S,
    ) -> Guest:
        """Start a guest, and wait until its program works; with timeout_s=0 do not wait."""
        return guests.start(self.state, self.host(host), name, options or GuestOptions(), uuid, timeout_s)

    def guest_stop(self, name: str) -> None:
        guests.stop(self.state, self.guest(name))

    def guest_console(self, name: str, *, heartbeats: bool = False) -> str:
        """What the guest printed, in the order in which it came, whichever host it was on."""
        path = record.record_path(self.state, self.guest(name).uuid)
        lines = path.read_text(errors="replace").splitlines() if path.exists() else []
        texts = [line.split(" ", 2) for line in lines]
        return "".join(
            f"[{int(stamp) / 1e6:.3f} {host}] {text}\n"
            for stamp, host, text in texts
            if heartbeats or not text.startswith("H ")
        )

    def guest_load(self, name: str, *, pages_per_s: int, timeout_s: float = ANSWER_TIMEOUT_S) -> None:
        guests.set_load(self.state, self.guest(name), pages_per_s, timeout_s)

    def guest_phases(self, name: str, *, busy_s: float, calm_s: float, timeout_s: float = ANSWER_TIMEOUT_S) -> None:
        guests.set_phases(self.state, self.guest(name), busy_s, calm_s, timeout_s)

    def guest_pages(self, name: str, *, whole: bool, timeout_s: float = ANSWER_TIMEOUT_S) -> None:
        """Write whole pages, or four words of each, from now on."""
        guests.set_pages(self.state, self.guest(name), whole, timeout_s)

    def guest_corrupt(
        self, name: str, *, region: str = "cold", page: int = 0, timeout_s: float = ANSWER_TIMEOUT_S
    ) -> None:
        guests.corrupt(self.state, self.guest(name), region, page, timeout_s)

    def guest_hold(self, name: str, *, mib: int, timeout_s: float = ANSWER_TIMEOUT_S) -> None:
        """Let its program hold so much memory more from now on; 0 gives it back."""
        guests.hold(self.state, self.guest(name), mib, timeout_s)

    def guest_power(self, name: str, *, again: bool, timeout_s: float = ANSWER_TIMEOUT_S) -> None:
        """Let it switch itself off, or boot again, from the inside."""
        guests.power(self.state, self.guest(name), again, timeout_s)

    def guest_verify(self, name: str, *, timeout_s: float = ANSWER_TIMEOUT_S) -> VerifyResult:
        """A full pass over the guest program's memory, begun after this call; the result may say that pages are bad."""
        return guests.verify(self.state, self.guest(name), timeout_s)

    def _mark_path(self, guest: Guest) -> Path:
        return guests.guests_dir(self.state) / f"{guest.uuid}.mark"

    def guest_mark(self, name: str) -> None:
        """Begin a window of measurement for `guest_report(since_mark=True)`."""
        guest = self.guest(name)
        beat = report.last_beat(record.record_path(self.state, guest.uuid))
        mark = {
            "offset": guests.record_size(self.state, guest),
            "us": time.monotonic_ns() // 1000,
            "pages": beat.pages if beat else 0,
        }
        state.write_atomically(self._mark_path(guest), json.dumps(mark))

    def guest_states(self, name: str) -> dict[str, str]:
        """What each host's libvirt says of the guest; a host that does not know it is left out."""
        uuid = self.guest(name).uuid

        def ask(host: Host) -> str:
            try:
                done = hosts.virsh(host, "domstate", "--reason", uuid, check=False, timeout_s=10)
            except LabError:
                return "no answer"
            if done.returncode == 0:
                return done.stdout.strip()
            return "" if "failed to get domain" in done.stderr else "no answer"

        with ThreadPoolExecutor(len(self.hosts)) as pool:
            answers = dict(zip((host.name for host in self.hosts), pool.map(ask, self.hosts), strict=True))
        return {host: answer for host, answer in answers.items() if answer}

    def guest_report(self, name: str, *, since_mark: bool = False, ask_libvirt: bool = True) -> GuestReport:
        guest = self.guest(name)
        offset, mark_us, mark_pages = 0, None, 0
        if since_mark:
            try:
                mark = json.loads(self._mark_path(guest).read_text())
            except FileNotFoundError:
                raise LabError(f"no mark was set for {name!r}; `lab guest mark` sets one") from None
            offset, mark_us, mark_pages = mark["offset"], mark["us"], mark["pages"]
        found = GuestReport(guest.name, guest.uuid, ready=since_mark)
        path = record.record_path(self.state, guest.uuid)
        report.summarize(found, report.entries(path, offset), mark_us=mark_us, mark_pages=mark_pages)
        if ask_libvirt:
            found.states = self.guest_states(name)
            found.running_on = [host for host, each in found.states.items() if each.startswith("running")]
            ranked = sorted(found.states.values(), key=lambda each: (each.startswith("shut off"), each == "no answer"))
            found.state = next((each for each in ranked if each.startswith("running")), (ranked or ["absent"])[0])
        return found

    # Migrations and faults

    def migrate(self, name: str, *, source: str, destination: str, flags: Iterable[str] = ()) -> Migration:
        """Start `virsh migrate --live --p2p --persistent` in the background, with more of virsh's options if wanted."""
        return migrations.start(self.state, self.guest(name), self.host(source), self.host(destination), list(flags))

    def cut_stream(self, *, source: str, destination: str) -> int:
        return fault.cut_stream(self.host(source), self.host(destination))

    def cut_daemons(self, *, source: str, destination: str) -> int:
        """The connections to the destination's daemon, and nothing else; how many ends were closed."""
        return fault.cut_daemons(self.host(source), self.host(destination))

    def drop_packets(self, host: str, *match: str, network: str = "migr") -> None:
        """Of what arrives there, until `drop_none` or `clear`; `match` as for iptables."""
        packets.drop(self.host(host), *match, network=network)

    def drop_none(self, host: str) -> None:
        packets.drop_none(self.host(host))

    def reboot(self, host: str) -> None:
        """All processes of the host are gone, its disks are kept; returns when its daemon answers again."""
        hosts.reboot(self.host(host))

    def stream_bytes(self, *, source: str, destination: str) -> int:
        """What the open connections of a migration have carried so far, as the source's kernel counts it."""
        return fault.stream_bytes(self.host(source), self.host(destination))

    def script_runs(self, host: str, name: str) -> bool:
        """Whether an interpreter runs a script of this name there."""
        return bool(fault.scripts(self.host(host), name))

    def kill_script(self, host: str, name: str) -> int:
        return fault.kill_script(self.host(host), name)

    def kill_libvirtd(self, host: str) -> None:
        hosts.stop_libvirtd(self.host(host), kill=True)

    def kill_daemon(self, host: str, name: str) -> None:
        """SIGKILL for one of a host's modular daemons, which is started again at once, as by systemd."""
        hosts.kill_daemon(self.host(host), name)

    def start_libvirtd(self, host: str) -> None:
        """Nothing, when it runs; returns when it answers. Here and in what follows, a host with modular daemons has
        virtqemud in libvirtd's place."""
        hosts.start_libvirtd(self.host(host))

    def libvirtd_runs(self, host: str) -> bool:
        return hosts.libvirtd_runs(self.host(host))

    def ended_by_signal(self, host: str) -> list[str]:
        """Which daemons and QEMUs of this host were ended by a signal so far, a line each: time, name, signal."""
        return hosts.ended_by_signal(self.state, self.host(host))

    def restart_libvirtd(self, host: str) -> None:
        """Stop libvirtd if it runs, and start it; returns when it answers."""
        hosts.stop_libvirtd(self.host(host), kill=False)
        hosts.start_libvirtd(self.host(host))

    def stop_libvirtd(self, host: str) -> None:
        """SIGSTOP: it takes connections, as the kernel does that, and says nothing."""
        hosts.signal_libvirtd(self.host(host), signal.SIGSTOP)

    def cont_libvirtd(self, host: str) -> None:
        hosts.signal_libvirtd(self.host(host), signal.SIGCONT)

    def stop_qemu(self, name: str, *, host: str) -> None:
        fault.signal_qemu(self.host(host), self.guest(name), signal.SIGSTOP)

    def cont_qemu(self, name: str, *, host: str) -> None:
        fault.signal_qemu(self.host(host), self.guest(name), signal.SIGCONT)

    def kill_qemu(self, name: str, *, host: str) -> None:
        fault.signal_qemu(self.host(host), self.guest(name), signal.SIGKILL)

    def guest_process(self, name: str, *, host: str) -> int | None:
        """The pid of the guest's QEMU, as this machine counts them."""
        return hosts.qemu_pid(self.host(host), self.guest(name).uuid)

    def fill_ports(self, host: str, *, last: int = fault.LAST_MIGRATION_PORT) -> int:
        return fault.fill_ports(self.host(host), last)

    def fill_disk(self, host: str, *, spare_mib: int = 0) -> int:
        return fault.fill_disk(self.host(host), spare_mib)

    def fill_memory(self, host: str, *, spare_mib: int = 256) -> None:
        fault.fill_memory(self.host(host), spare_mib)

    def clear(self, host: str) -> None:
        """Take back every `fill_` and `drop_`."""
        fault.clear(self.host(host))
        packets.drop_none(self.host(host))


def options_with(options: GuestOptions, **changes: object) -> GuestOptions:
    return replace(options, **changes)  # type: ignore[arg-type]


def leftovers(name: str) -> list[str]:
    """What is still there of a lab: namespaces, wires, state, mounts. Nothing, when `down` did its work."""
    found = []
    netns = Path(net.NETNS_DIR)
    if netns.is_dir():
        found += [f"namespace {path.name}" for path in netns.iterdir() if path.name.startswith(f"virtops-{name}-")]
    if state.lab_dir(name).exists():
        found.append(f"directory {state.lab_dir(name)}")
    found += [f"control group {path}" for path in cgroups.left(name)]
    mounts = Path("/proc/self/mounts").read_text().splitlines()
    marks = (f"/virtops-{name}-", f"{state.lab_dir(name)}/")
    found += [f"mount {line}" for line in mounts if any(mark in line for mark in marks)]
    loaded = state.load(name)
    if loaded is not None and namespace_id(f"/sys/class/net/{loaded.root_leg}") is not None:
        found.append(f"interface {loaded.root_leg}")
    return found

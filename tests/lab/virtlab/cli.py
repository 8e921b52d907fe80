"""The command line: `lab COMMAND`, one command for each thing that `Lab` does."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from . import state, systems
from .errors import LabError
from .guest import DISKS, GuestOptions
from .lab import READY_TIMEOUT_S, Lab
from .record import record_path

PASS_ON = ("exec", "virsh", "migrate")  # what follows -- is for another program
Action = Callable[[Lab, argparse.Namespace], Any]


def show(value: Any, as_json: bool) -> None:
    """Data for people, or for programs."""
    if as_json:
        print(json.dumps(value, indent=2, ensure_ascii=False))
        return
    for row in value if isinstance(value, list) else [value]:
        if isinstance(row, dict):
            width = max((len(key) for key in row), default=0)
            for key, each in row.items():
                text = ", ".join(each) if isinstance(each, list) else each
                print(f"{key:<{width}}  {text}")
        else:
            print(row)


def up(lab: Lab, args: argparse.Namespace) -> None:
    began = time.monotonic()
    try:
        made = lab.up(host_count=args.hosts, link_mbit=args.link_mbit, on=dict(args.system))
        # Interrupted from here on, the tool would leave a lab that is up and say that it failed.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    except KeyboardInterrupt:
        lab.down()
        raise
    if args.json:
        show([asdict(host) for host in made], True)
        return
    for host in made:
        print(f"{host.name}  management {host.mgmt_address}  migration {host.migration_address}  {host.version}")
    print(f"{len(made)} hosts after {time.monotonic() - began:.1f} s; end with: lab down --name {lab.name}")


def down(lab: Lab, args: argparse.Namespace) -> None:
    for name in state.lab_names() if args.all else [lab.name]:
        Lab(name).down()


def status(lab: Lab, args: argparse.Namespace) -> None:
    rows = []
    for name in state.lab_names():
        each = Lab(name)
        names = [host.name for host in each.hosts] if each.is_up else []
        rows.append({"name": name, "up": each.is_up, "hosts": names, "directory": str(each.directory)})
    show(rows, args.json)


def inventory(lab: Lab, args: argparse.Namespace) -> None:
    print(lab.inventory(args.format), end="")


def execute(lab: Lab, args: argparse.Namespace) -> int:
    command = [*args.command, *args.rest]
    if not command:
        raise LabError("no command; write it after --")
    line = lab.command_line(args.host, command if args.action == "exec" else ["virsh", *command])
    sys.stdout.flush()
    os.execvp(line[0], line)


def link(lab: Lab, args: argparse.Namespace) -> None:
    if args.what == "set":
        if args.mbit is None:
            raise LabError("say the rate with --mbit")
        lab.link_set(args.host, mbit=args.mbit)
    else:
        (lab.link_up if args.what == "up" else lab.link_down)(args.host, network=args.network)


def seconds_pair(text: str) -> tuple[float, float]:
    busy, colon, calm = text.partition(":")
    if not colon:
        raise argparse.ArgumentTypeError("expected BUSY_S:CALM_S")
    return float(busy), float(calm)


def guest_start(lab: Lab, args: argparse.Namespace) -> None:
    busy_s, calm_s = args.phases
    options = GuestOptions(
        ram_mib=args.ram_mib,
        hot_mib=args.hot_mib,
        cold_mib=args.cold_mib,
        pages_per_s=args.pages_per_s,
        whole_pages=args.whole_pages,
        busy_s=busy_s,
        calm_s=calm_s,
        vcpus=args.vcpus,
        disk=args.disk,
        disk_mib=args.disk_mib,
        transient=args.transient,
        machine=args.machine,
        agent=args.agent,
        systemd=args.systemd,
        balloon=args.balloon,
        free_page_reporting=args.free_page_reporting,
        freed_mib=args.freed_mib,
        cached_mib=args.cached_mib,
        beat_ms=args.beat_ms,
    )
    timeout_s = 0 if args.no_wait else READY_TIMEOUT_S
    guest = lab.guest_start(args.guest, host=args.host, options=options, uuid=args.uuid, timeout_s=timeout_s)
    show(asdict(guest) if args.json else guest.uuid, args.json)


def guest_stop(lab: Lab, args: argparse.Namespace) -> None:
    lab.guest_stop(args.guest)


def guest_list(lab: Lab, args: argparse.Namespace) -> None:
    rows = [asdict(lab.guest_report(guest.uuid)) for guest in lab.guests()]
    if args.json:
        show(rows, True)
        return
    for row in rows:
        where = ", ".join(f"{host}: {what}" for host, what in row["states"].items())
        print(f"{row['name']}  {row['uuid']}  {where or 'nowhere'}")


def guest_console(lab: Lab, args: argparse.Namespace) -> None:
    print(lab.guest_console(args.guest, heartbeats=args.heartbeats), end="")
    if not args.follow:
        return
    path = record_path(lab.state, lab.guest(args.guest).uuid)
    with path.open(errors="replace") as handle:
        handle.seek(0, os.SEEK_END)
        while True:
            line = handle.readline()
            if not line:
                sys.stdout.flush()
                time.sleep(0.05)
            elif args.heartbeats or line.split(" ", 2)[2][:2] != "H ":
                print(line, end="")


def guest_report(lab: Lab, args: argparse.Namespace) -> None:
    show(asdict(lab.guest_report(args.guest, since_mark=args.since_mark)), args.json)


def guest_mark(lab: Lab, args: argparse.Namespace) -> None:
    lab.guest_mark(args.guest)


def guest_verify(lab: Lab, args: argparse.Namespace) -> int:
    result = lab.guest_verify(args.guest, timeout_s=args.timeout_s)
    show(asdict(result), args.json)
    return 0 if result.ok else 1


def guest_load(lab: Lab, args: argparse.Namespace) -> None:
    if args.pages_per_s is None and args.phases is None:
        raise LabError("say the load with --pages-per-s or --phases")
    if args.phases is not None:
        lab.guest_phases(args.guest, busy_s=args.phases[0], calm_s=args.phases[1])
    if args.pages_per_s is not None:
        lab.guest_load(args.guest, pages_per_s=args.pages_per_s)


def guest_corrupt(lab: Lab, args: argparse.Namespace) -> None:
    lab.guest_corrupt(args.guest, region=args.region, page=args.page)


def guest_hold(lab: Lab, args: argparse.Namespace) -> None:
    lab.guest_hold(args.guest, mib=args.mib)


def guest_power(lab: Lab, args: argparse.Namespace) -> None:
    lab.guest_power(args.guest, again=args.what == "reboot")


def migrate(lab: Lab, args: argparse.Namespace) -> int:
    started = lab.migrate(args.guest, source=args.source, destination=args.destination, flags=args.rest)
    if not args.wait:
        show({"log": started.log, "pid": started.pid} if args.json else started.log, args.json)
        return 0
    code = started.wait(args.timeout_s)
    print(started.output(), end="")
    return code


def fault_stream(lab: Lab, args: argparse.Namespace) -> None:
    closed = lab.cut_stream(source=args.source, destination=args.destination)
    show({"closed": closed} if args.json else f"closed {closed} ends of connections", args.json)


def fault_host(method: str) -> Action:
    def act(lab: Lab, args: argparse.Namespace) -> None:
        result = getattr(lab, method)(args.host)
        if result is not None:
            show({"count": result} if args.json else str(result), args.json)

    return act


def fault_guest(method: str) -> Action:
    def act(lab: Lab, args: argparse.Namespace) -> None:
        getattr(lab, method)(args.guest, host=args.host)

    return act


def add_guest_commands(commands: Any, common: argparse.ArgumentParser) -> None:
    guest = commands.add_parser("guest", help="guests: start, stop, watch, verify").add_subparsers(required=True)

    def add(name: str, action: Action, text: str) -> argparse.ArgumentParser:
        parser: argparse.ArgumentParser = guest.add_parser(name, help=text, parents=[common])
        parser.set_defaults(run=action)
        if name != "list":
            parser.add_argument("guest", metavar="NAME", help="its name, or its UUID; after -- any name will do")
        return parser

    defaults = GuestOptions()
    start = add("start", guest_start, "define and start a guest, and wait until its program works")
    start.add_argument("--host", default="kvm01")
    start.add_argument("--ram-mib", type=int, default=defaults.ram_mib)
    start.add_argument("--hot-mib", type=int, default=defaults.hot_mib, help="memory that is rewritten all the time")
    start.add_argument("--cold-mib", type=int, default=defaults.cold_mib, help="memory that is filled once")
    start.add_argument("--pages-per-s", type=int, default=defaults.pages_per_s)
    start.add_argument("--whole-pages", action="store_true", help="write whole random pages, not four words of each")
    start.add_argument("--phases", type=seconds_pair, default=(0.0, 0.0), metavar="BUSY_S:CALM_S")
    start.add_argument("--vcpus", type=int, default=defaults.vcpus)
    start.add_argument("--disk", choices=DISKS)
    start.add_argument("--disk-mib", type=int, default=defaults.disk_mib)
    start.add_argument("--transient", action="store_true")
    start.add_argument("--machine", help="machine type; default q35")
    start.add_argument("--agent", action="store_true", help="with the QEMU guest agent in it")
    start.add_argument("--systemd", action="store_true", help="and with Debian's systemd; only with --agent")
    start.add_argument("--balloon", action="store_true", help="with a balloon device and its driver")
    start.add_argument("--free-page-reporting", action="store_true", help="which tells the host what is free")
    start.add_argument("--freed-mib", type=int, default=0, help="written once and given back to the guest's kernel")
    start.add_argument("--cached-mib", type=int, default=0, help="read from its disk")
    start.add_argument("--beat-ms", type=int, default=defaults.beat_ms, help="between two heartbeats")
    start.add_argument("--uuid")
    start.add_argument("--no-wait", action="store_true", help="return as soon as libvirt has started it")
    add("stop", guest_stop, "destroy and undefine it on every host")
    add("list", guest_list, "all guests, and where they are")
    console = add("console", guest_console, "what it printed, on all hosts")
    console.add_argument("--heartbeats", action="store_true", help="its heartbeats too")
    console.add_argument("--follow", action="store_true")
    told = add("report", guest_report, "work done, standstill, memory checks")
    told.add_argument("--since-mark", action="store_true")
    add("mark", guest_mark, "begin a window for `report --since-mark`")
    verify = add("verify", guest_verify, "a full check of its memory that begins now; exit code 1 if a page is bad")
    verify.add_argument("--timeout-s", type=float, default=60)
    load = add("load", guest_load, "change its load while it runs")
    load.add_argument("--pages-per-s", type=int, help="0: quiet")
    load.add_argument("--phases", type=seconds_pair, metavar="BUSY_S:CALM_S", help="0:0: no phases")
    corrupt = add("corrupt", guest_corrupt, "change one byte of its memory, to see the check fail")
    corrupt.add_argument("--region", choices=["hot", "cold"], default="cold")
    corrupt.add_argument("--page", type=int, default=0)
    hold = add("hold", guest_hold, "let its program hold so much memory more; 0 gives it back")
    hold.add_argument("--mib", type=int, required=True)
    power = add("power", guest_power, "let it switch itself off, or boot again, from the inside")
    power.add_argument("what", choices=["off", "reboot"])


def add_fault_commands(commands: Any, common: argparse.ArgumentParser) -> None:
    fault = commands.add_parser("fault", help="what goes wrong, on purpose").add_subparsers(required=True)
    cut = fault.add_parser("cut-stream", help="close the migration's connections, nothing else", parents=[common])
    cut.add_argument("--from", dest="source", required=True)
    cut.add_argument("--to", dest="destination", required=True)
    cut.set_defaults(run=fault_stream)
    on_hosts = {
        "kill-libvirtd": "SIGKILL; QEMU lives on",
        "stop-libvirtd": "SIGSTOP",
        "cont-libvirtd": "SIGCONT",
        "restart-libvirtd": "stop it if it runs, start it, wait until it answers",
        "reboot": "all of its processes are gone, its disks are kept; until its daemon answers again",
        "drop-packets": "lose all that arrives on its migration network",
        "fill-ports": "occupy every port for incoming migrations",
        "fill-disk": "fill the local storage directory",
        "fill-memory": "let new QEMU processes get no memory for a guest",
        "clear": "take back every fill, and the dropping",
    }
    for name, text in on_hosts.items():
        parser = fault.add_parser(name, help=text, parents=[common])
        parser.add_argument("host", metavar="HOST")
        parser.set_defaults(run=fault_host(name.replace("-", "_")))
    on_guests = {"stop-qemu": "SIGSTOP", "cont-qemu": "SIGCONT", "kill-qemu": "SIGKILL"}
    for name, text in on_guests.items():
        parser = fault.add_parser(name, help=text, parents=[common])
        parser.add_argument("guest", metavar="NAME")
        parser.add_argument("--host", required=True)
        parser.set_defaults(run=fault_guest(name.replace("-", "_")))


def host_and_system(text: str) -> tuple[str, str]:
    """`kvm02=trixie` as a pair."""
    host, equals, system = text.partition("=")
    if not (host and equals and system in systems.NAMES):
        raise argparse.ArgumentTypeError(f"HOST=SYSTEM, with a system of: {', '.join(systems.NAMES)}")
    return host, system


def make_parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--name", default="default", help="which lab (default: default)")
    common.add_argument("--json", action="store_true")
    parser = argparse.ArgumentParser(prog="lab", description="Several libvirt hosts on one machine.")
    commands = parser.add_subparsers(required=True, dest="action")

    def add(name: str, action: Action, text: str) -> argparse.ArgumentParser:
        made: argparse.ArgumentParser = commands.add_parser(name, help=text, parents=[common])
        made.set_defaults(run=action)
        return made

    start = add("up", up, "make the hosts")
    start.add_argument("--hosts", type=int, default=2)
    start.add_argument("--link-mbit", type=int, default=400, help="rate of each host's migration link; 0: no limit")
    start.add_argument(
        "--system",
        action="append",
        default=[],
        type=host_and_system,
        metavar="HOST=SYSTEM",
        help=f"let this host have another system: {', '.join(systems.NAMES)}",
    )
    add("down", down, "remove everything").add_argument("--all", action="store_true", help="every lab")
    add("status", status, "which labs there are")
    listed = add("inventory", inventory, "for ansible-playbook -i")
    listed.add_argument("--format", choices=["yaml", "ini"], default="yaml")
    for name, text in (("exec", "run a command in a host"), ("virsh", "run virsh in a host")):
        inside = add(name, execute, text)
        inside.add_argument("host")
        inside.add_argument("command", nargs="*", help="write it after --")
    wire = add("link", link, "the migration link: its rate, down, up")
    wire.add_argument("what", choices=["set", "down", "up"])
    wire.add_argument("host")
    wire.add_argument("--mbit", type=int, help="0: no limit")
    wire.add_argument("--network", choices=["migr", "mgmt"], default="migr")
    add_guest_commands(commands, common)
    move = add("migrate", migrate, "start virsh migrate in the background")
    move.add_argument("guest", metavar="NAME")
    move.add_argument("--from", dest="source", required=True)
    move.add_argument("--to", dest="destination", required=True)
    move.add_argument("--wait", action="store_true")
    move.add_argument("--timeout-s", type=float, default=300)
    move.epilog = "After --: more options for virsh migrate."
    add_fault_commands(commands, common)
    return parser


def stop_at_once(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def main() -> int:
    # `up` then removes its half-made lab, as it does after Ctrl-C.
    signal.signal(signal.SIGTERM, stop_at_once)
    words, rest = sys.argv[1:], []
    if words and words[0] in PASS_ON and "--" in words:
        at = words.index("--")
        words, rest = words[:at], words[at + 1 :]
    args = make_parser().parse_args(words)
    args.rest = rest
    try:
        return args.run(Lab(args.name), args) or 0
    except LabError as problem:
        print(f"lab: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())

# SPDX-License-Identifier: GPL-3.0-or-later
"""Two namespaces with a link between them: a host with a firewall, and a peer with several addresses.

A namespace lives as long as its process, which ends with the test's own: nothing is left over, however a test ends.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import typing as t
from contextlib import contextmanager
from pathlib import Path

AGENT = Path(__file__).with_name("agent.py")
PORTS = (49152, 49180, 49215)
# Of the peer: one in the host's own network, and one behind it.
SOURCES = {4: ("10.231.1.11", "10.77.7.11"), 6: ("fd31:1::11", "fd77:7::11")}
HOST = {4: "10.231.1.12", 6: "fd31:1::12"}
INTERFACE = "eth1"
# Both ends are on one machine: what is not there after this time was dropped.
WAIT_S = 0.2
# What ufw writes to; a namespace has its own copy.
OF_UFW = ("/etc/ufw", "/etc/default")


class Space:
    """A process in namespaces of its own: of the network, of mounts, and of processes, which all end with it."""

    def __init__(self) -> None:
        namespaces = ("--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
        self.process = subprocess.Popen(
            ["unshare", *namespaces, sys.executable, str(AGENT)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        )
        self.run("true")  # the namespace is there

    def ask(self, action: str, **values: t.Any) -> t.Any:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(json.dumps({"do": action, **values}), file=self.process.stdin, flush=True)
        found = json.loads(self.process.stdout.readline())
        if "error" in found:
            raise RuntimeError(found["error"])
        return found["answer"]

    def run(self, *words: str, text: str = "", check: bool = True) -> str:
        done = self.ask("run", words=list(words), text=text)
        if check and done["code"] != 0:
            raise RuntimeError(f"{' '.join(words)}: {done['errors']}{text}")
        return str(done["output"])

    def shell(self, text: str) -> None:
        self.run("sh", "-e", text=text)

    def end(self) -> None:
        if self.process.stdin is not None:
            self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()


class Spaces:
    def __init__(self, host: Space, peer: Space) -> None:
        self.host, self.peer = host, peer

    def connect(self) -> None:
        pids = [str(one.process.pid) for one in (self.host, self.peer)]
        link = ["ip", "link", "add", INTERFACE, "type", "veth", "peer", "name", "eth0", "netns", pids[1]]
        subprocess.run(["nsenter", "--net", "--target", pids[0], *link], check=True)
        self.host.shell(
            f"""
            ip link set lo up
            ip link set {INTERFACE} up
            ip address add {HOST[4]}/24 dev {INTERFACE}
            ip address add {HOST[6]}/64 dev {INTERFACE} nodad
            ip route add default via {SOURCES[4][0]}
            ip -6 route add default via {SOURCES[6][0]}
            """
        )
        self.peer.shell(
            f"""
            ip link set lo up
            ip link set eth0 up
            ip address add {SOURCES[4][0]}/24 dev eth0
            ip address add {SOURCES[6][0]}/64 dev eth0 nodad
            ip address add {SOURCES[4][1]}/32 dev lo
            ip address add {SOURCES[6][1]}/128 dev lo nodad
            """
        )
        self._remember_neighbours()
        self.host.ask("listen", ports=list(PORTS))

    def own_files(self, directories: t.Sequence[str]) -> None:
        """The host writes to copies of its own, which are gone with it, and has a /run of its own."""
        copies = "\n".join(
            f"mkdir -p /run/copies{one}; cp -a {one}/. /run/copies{one}; mount --bind /run/copies{one} {one}"
            for one in directories
        )
        self.host.shell(f"mount -t tmpfs tmpfs /run\nmkdir -p /run/dbus /run/lock\n{copies}\n")

    def start_firewalld(self, directory: Path) -> None:
        """With a bus of its own. It is laid over the host's directories: installed, it would start with the machine."""
        download = ["apt-get", "-qq", "download", "firewalld", "python3-firewall"]
        subprocess.run(download, cwd=directory, check=True, capture_output=True)
        for package in directory.glob("*.deb"):
            subprocess.run(["dpkg-deb", "-x", str(package), str(directory / "files")], check=True)
        # Otherwise made when the package is configured.
        actions = directory / "files/usr/share/polkit-1/actions"
        chosen = actions / "org.fedoraproject.FirewallD1.server.policy.choice"
        chosen.rename(actions / "org.fedoraproject.FirewallD1.policy")
        for name in ("usr", "etc"):
            lower = f"lowerdir={directory}/files/{name}:/{name}"
            self.host.run("mount", "-t", "overlay", "overlay", "-o", lower, f"/{name}")
        self.own_files(("/etc/firewalld",))
        self.host.ask("start", words=["dbus-daemon", "--system", "--nofork", "--nopidfile"], log="/run/bus.log")
        self._wait("test -S /run/dbus/system_bus_socket")
        self.host.ask("start", words=["firewalld", "--nofork"], log="/run/firewalld.log")
        self._wait("firewall-cmd --state")

    def _wait(self, condition: str) -> None:
        end_s = time.monotonic() + 60
        while self.host.ask("run", words=["sh", "-c", condition])["code"] != 0:
            if time.monotonic() > end_s:
                raise RuntimeError(condition + self.host.run("sh", "-c", "cat /run/*.log"))
            time.sleep(0.2)

    def _remember_neighbours(self) -> None:
        """What rules do to ARP and to the questions of IPv6's neighbours is another matter."""
        names = ((self.host, INTERFACE), (self.peer, "eth0"))
        macs = [json.loads(one.run("ip", "-j", "link", "show", "dev", name))[0]["address"] for one, name in names]
        for family in (4, 6):
            self.host.run("ip", "neigh", "replace", SOURCES[family][0], "lladdr", macs[1], "dev", INTERFACE)
            self.peer.run("ip", "neigh", "replace", HOST[family], "lladdr", macs[0], "dev", "eth0")

    def reached(self) -> dict[int, dict[str, dict[int, bool]]]:
        """By family, source and port, whether a connection comes about."""
        tries = [(source, HOST[family], port) for family in (4, 6) for source in SOURCES[family] for port in PORTS]
        answers = self.peer.ask("connect", tries=tries, wait_s=WAIT_S)
        found: dict[int, dict[str, dict[int, bool]]] = {4: {}, 6: {}}
        for (source, _to, port), answer in zip(tries, answers):
            found[6 if ":" in source else 4].setdefault(source, {})[port] = answer
        return found

    def verdicts(self, asked: t.Sequence[tuple[int, str]], files_only: bool = False) -> list[dict[str, t.Any]]:
        """What the product reads for each family and source, "" for everybody.

        By port, and under "migration" for the range.
        """
        ranges = {"migration": (PORTS[0], PORTS[-1]), **{str(port): (port, port) for port in PORTS}}
        arrivals = [
            {"address": HOST[family], "interface": INTERFACE, "sources": [source] if source else []}
            for family, source in asked
        ]
        found = self.host.ask("read", arrivals=arrivals, ranges=ranges, files_only=files_only)
        return [{one["purpose"]: one for one in firewall["openings"]} for firewall in found]

    def clear(self) -> None:
        """No rules of any kind."""
        self.host.shell(
            """
            nft flush ruleset
            for name in ip ip6; do
              for table in $(cat /proc/net/${name}_tables_names); do
                ${name}tables-legacy -t $table -F
                ${name}tables-legacy -t $table -X
                for chain in $(${name}tables-legacy -t $table -S | sed -n 's/^-P \\([A-Z]*\\) .*/\\1/p'); do
                  ${name}tables-legacy -t $table -P $chain ACCEPT
                done
              done
            done
            ipset destroy
            """
        )


@contextmanager
def spaces() -> t.Iterator[Spaces]:
    host = Space()
    try:
        peer = Space()
        try:
            found = Spaces(host, peer)
            found.connect()
            yield found
        finally:
            peer.end()
    finally:
        host.end()

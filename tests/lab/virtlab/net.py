"""The lab's wires: a switch namespace with two bridges, and two veths for each host.

`eth0` (management: SSH, libvirtd) is never shaped; `eth1` (migration) is. The machine's own namespace gets one leg into
the management bridge, so that ansible-playbook reaches the hosts, and nothing else.
"""

from __future__ import annotations

from .errors import LabError
from .proc import end_namespace, namespace_id, run
from .state import Host, LabState, root_address

NETNS_DIR = "/run/netns"


def netns_path(netns: str) -> str:
    return f"{NETNS_DIR}/{netns}"


def in_netns(netns: str, *command: str) -> list[str]:
    return ["nsenter", f"--net={netns_path(netns)}", *command]


def make_network(state: LabState) -> None:
    for netns in [state.switch_netns, *(host.netns for host in state.hosts)]:
        run(["ip", "netns", "add", netns])
    switch = state.switch_netns
    add_root_leg(state)
    links = []
    ports = ["link set lo up", "link add mgmt type bridge", "link add migr type bridge"]
    ports += ["link set mgmt up", "link set migr up", "link set root-mgmt master mgmt up"]
    for host in state.hosts:
        links.append(f"link add eth0 netns {host.netns} type veth peer name {host.name}-mgmt netns {switch}")
        links.append(f"link add eth1 netns {host.netns} type veth peer name {host.name}-migr netns {switch}")
        ports += [f"link set {host.name}-mgmt master mgmt up", f"link set {host.name}-migr master migr up"]
    links += [f"addr add {root_address(state)}/24 dev {state.root_leg}", f"link set {state.root_leg} up"]
    run(["ip", "-batch", "-"], input_text="\n".join(links))
    run(["ip", "-n", switch, "-batch", "-"], input_text="\n".join(ports))
    for host in state.hosts:
        wires = ["link set lo up"]
        for device, address in (("eth0", host.mgmt_address), ("eth1", host.migration_address)):
            wires += [f"addr add {address}/24 dev {device}", f"link set {device} up"]
        run(["ip", "-n", host.netns, "-batch", "-"], input_text="\n".join(wires))
        set_rate(host, state.link_mbit)


def add_root_leg(state: LabState) -> None:
    leg = ["ip", "link", "add", state.root_leg, "type", "veth", "peer", "name", "root-mgmt"]
    leg += ["netns", state.switch_netns]
    if run(leg, check=False).returncode:
        # An "up" that was killed may have left a call of ip waiting in the kernel, which came through after the "down".
        run(["ip", "link", "del", state.root_leg], check=False)
        run(leg)


def set_rate(host: Host, mbit: int) -> None:
    """Shape what the host sends over its migration interface; 0 lifts the limit."""
    if mbit < 0:
        raise LabError("a link rate is a number of Mbit/s, or 0 for no limit")
    if mbit == 0:
        run(["tc", "-n", host.netns, "qdisc", "del", "dev", "eth1", "root"], check=False)
        return
    # Below about 5 ms worth of traffic (one timer tick) tbf cannot keep the rate up; below one large segment of 64 KiB,
    # and with a queue that is shorter than what TCP has in flight, a lowered rate stalls the stream for seconds.
    burst_bytes = max(160 * 1024, mbit * 655)
    limit_bytes = burst_bytes + max(1024 * 1024, mbit * 2500)
    shape = ["root", "tbf", "rate", f"{mbit}mbit", "burst", str(burst_bytes), "limit", str(limit_bytes)]
    tool = ["tc", "-n", host.netns, "qdisc"]
    # "change" keeps the queue, "replace" would drop it.
    if run([*tool, "change", "dev", "eth1", *shape], check=False).returncode:
        run([*tool, "replace", "dev", "eth1", *shape])


def set_link(state: LabState, host: Host, *, up: bool, network: str = "migr") -> None:
    """Take the switch port down, as when a cable is pulled: the host keeps its address and loses its carrier."""
    word = "up" if up else "down"
    run(["ip", "-n", state.switch_netns, "link", "set", f"{host.name}-{network}", word])


def remove_network(state: LabState) -> None:
    """End all processes in the lab's namespaces, then the wires and the namespaces; what is gone already is fine."""
    names = [*(host.netns for host in state.hosts), state.switch_netns]
    known = [(name, found) for name in names if (found := namespace_id(netns_path(name))) is not None]
    for _name, found in known:
        end_namespace(found)
    if namespace_id(f"/sys/class/net/{state.root_leg}") is not None:
        run(["ip", "link", "del", state.root_leg], check=False)
    for name, _found in known:
        if name == state.switch_netns:
            # Explicitly, because a namespace that something still holds open would keep its wires.
            for host in state.hosts:
                run(["ip", "-n", name, "link", "del", f"{host.name}-mgmt"], check=False)
                run(["ip", "-n", name, "link", "del", f"{host.name}-migr"], check=False)
    for name, _found in known:
        run(["ip", "netns", "del", name], check=False)

"""Packets that are lost on their way into a host, by rules of iptables in its network namespace.

The kernel here may have no netem, so that nothing is delayed or reordered: what can be done is to drop.
"""

from __future__ import annotations

from .net import in_netns
from .proc import run
from .state import Host

# What each rule begins with, by the network on which the packets arrive.
_DEVICES = {"mgmt": ["-i", "eth0"], "migr": ["-i", "eth1"]}
_CHAIN = "LAB-FAULTS"


def _iptables(host: Host, *words: str, check: bool = True) -> None:
    run(in_netns(host.netns, "iptables", "-w", *words), check=check)


def drop(host: Host, *match: str, network: str) -> None:
    """Drop what arrives on this network and matches (words of iptables; none: everything), until :func:`drop_none`."""
    _iptables(host, "-N", _CHAIN, check=False)
    _iptables(host, "-A", _CHAIN, *_DEVICES[network], *match, "-j", "DROP")
    _iptables(host, "-D", "INPUT", "-j", _CHAIN, check=False)
    _iptables(host, "-I", "INPUT", "-j", _CHAIN)


def drop_none(host: Host) -> None:
    _iptables(host, "-D", "INPUT", "-j", _CHAIN, check=False)
    _iptables(host, "-F", _CHAIN, check=False)
    _iptables(host, "-X", _CHAIN, check=False)

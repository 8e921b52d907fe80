# SPDX-License-Identifier: GPL-3.0-or-later
"""Kinds of fault and what each comes to, by module and phase."""

from __future__ import annotations

import typing as t

from harm import Harm, both, hands, networks, processes

MIGRATION, RESCUE, RECOVER = "migration", "migration_rescue", "migration_recover"


class Case(t.NamedTuple):
    """``ends``: the outcome or the phase that is returned, or reason codes; ``decision``: what it was given up for.

    ``policy``: fields that are different. ``blind``: the module is not told where the guest goes. ``lost``: it ends
    the guest, and that has to be said; what is left of it is not touched.
    """

    module: str
    phase: str
    harm: Harm
    ends: str
    decision: str = ""
    policy: t.Mapping[str, t.Any] = {}
    fast: bool = False
    blind: bool = False
    lost: bool = False


Kinds = dict[str, list[Case]]


def phase_of(case: Case) -> str:
    """As it is told: what `migration_recover` does is a phase of its own."""
    return "during recovery" if case.module == RECOVER else case.phase


def out_of_reach(module: str, away: Harm) -> Case:
    """In pre-copy it is to end before libvirt gives the connection up: a guest that calms down just then, and changes
    hosts, runs on both of them afterwards."""
    return Case(module, "precopy", away, "GIVEN_UP", "NO_PATH", {"on_hopeless": "abort"})


_FIRST: Kinds = {
    "stream broken": [
        Case(MIGRATION, "precopy", networks.stream_broken, "STREAM_BROKEN"),
        Case(MIGRATION, "postcopy", networks.stream_broken, "moved", fast=True),
        Case(RESCUE, "precopy", networks.stream_broken, "MIGRATION_FAILED"),
        Case(RESCUE, "postcopy", networks.stream_broken, "completed"),
        Case(RECOVER, "postcopy", networks.stream_broken, "completed"),
    ],
    "link down for 3 s": [
        Case(MIGRATION, "precopy", networks.link_down(3), "moved"),
        Case(MIGRATION, "postcopy", networks.link_down(3), "moved"),
        Case(RESCUE, "precopy", networks.link_down(3), "completed"),
        Case(RESCUE, "postcopy", networks.link_down(3), "completed"),
        Case(RECOVER, "postcopy", networks.link_down(3), "completed"),
    ],
    # In pre-copy 60 s of silence are its end, and about then the stream would go on.
    "link down for 60 s": [
        Case(MIGRATION, "precopy", networks.link_down(60), "GIVEN_UP|moved"),
        Case(MIGRATION, "postcopy", networks.link_down(60), "moved"),
        Case(RESCUE, "precopy", networks.link_down(60), "LEFT|completed"),
        Case(RESCUE, "postcopy", networks.link_down(60), "completed"),
        Case(RECOVER, "postcopy", networks.link_down(60), "completed"),
    ],
    "source daemon restarted": [
        Case(MIGRATION, "precopy", processes.daemon_restarted("source"), "ENDED_BY_RESTART", fast=True),
        Case(MIGRATION, "precopy", processes.daemon_restarted("source"), "moved", policy={"max_restarts": 1}),
        Case(MIGRATION, "postcopy", processes.daemon_restarted("source"), "CONNECTION_LOST"),
        Case(RESCUE, "precopy", processes.daemon_restarted("source"), "ENDED_BY_RESTART"),
        Case(RESCUE, "postcopy", processes.daemon_restarted("source"), "CONNECTION_LOST"),
        Case(RECOVER, "postcopy", processes.daemon_restarted("source"), "CONNECTION_LOST"),
    ],
    "destination daemon killed": [
        Case(MIGRATION, "precopy", processes.daemon_killed("destination"), "CONNECTION_LOST"),
        Case(MIGRATION, "postcopy", processes.daemon_killed("destination"), "moved"),
        Case(RESCUE, "precopy", processes.daemon_killed("destination"), "MIGRATION_FAILED"),
        Case(RESCUE, "postcopy", processes.daemon_killed("destination"), "completed"),
        Case(RECOVER, "postcopy", processes.daemon_killed("destination"), "completed"),
    ],
    "destination QEMU killed": [
        Case(MIGRATION, "setup", processes.qemu_killed("destination"), "QEMU_DIED|STREAM_BROKEN"),
        Case(MIGRATION, "precopy", processes.qemu_killed("destination"), "QEMU_DIED|STREAM_BROKEN"),
        Case(MIGRATION, "later pass", processes.qemu_killed("destination"), "QEMU_DIED|STREAM_BROKEN"),
        # In the last pass QEMU may say no more than that the job failed.
        Case(
            MIGRATION,
            "switch-over",
            processes.qemu_killed("destination"),
            "QEMU_DIED|STREAM_BROKEN|MIGRATION_FAILED",
        ),
        Case(MIGRATION, "postcopy", processes.qemu_killed("destination"), "HALF_ENDED", lost=True),
        Case(MIGRATION, "paused", processes.qemu_killed("destination"), "HALF_ENDED", lost=True),
        Case(RESCUE, "precopy", processes.qemu_killed("destination"), "MIGRATION_FAILED"),
        Case(RESCUE, "postcopy", processes.qemu_killed("destination"), "HALF_ENDED", lost=True),
        Case(RECOVER, "postcopy", processes.qemu_killed("destination"), "HALF_ENDED", lost=True),
    ],
    "destination gone for 20 s": [
        out_of_reach(MIGRATION, networks.gone("destination", 20)),
        Case(MIGRATION, "postcopy", networks.gone("destination", 20), "moved"),
        out_of_reach(RESCUE, networks.gone("destination", 20)),
        Case(RESCUE, "postcopy", networks.gone("destination", 20), "completed"),
    ],
    "source unreachable for 20 s": [
        out_of_reach(MIGRATION, networks.gone("source", 20, ["mgmt"])),
        out_of_reach(RESCUE, networks.gone("source", 20, ["mgmt"])),
        Case(MIGRATION, "postcopy", networks.gone("source", 20, ["mgmt"]), "moved"),
    ],
    "aborted by another": [
        Case(MIGRATION, "precopy", hands.aborted, "CANCELLED|STREAM_BROKEN"),
        Case(RESCUE, "precopy", hands.aborted, "MIGRATION_FAILED"),
    ],
    "switched by another": [
        Case(RESCUE, "precopy", hands.switched, "completed"),
    ],
}

_NETWORKS: Kinds = {
    "connection to the destination's daemon reset": [
        Case(MIGRATION, "precopy", networks.daemons_cut, "CONNECTION_LOST"),
        Case(MIGRATION, "later pass", networks.daemons_cut, "CONNECTION_LOST"),
        Case(MIGRATION, "switch-over", networks.daemons_cut, "CONNECTION_LOST"),
        Case(MIGRATION, "postcopy", networks.daemons_cut, "moved"),
        Case(RESCUE, "precopy", networks.daemons_cut, "MIGRATION_FAILED"),
        Case(RESCUE, "postcopy", networks.daemons_cut, "completed"),
        Case(RECOVER, "postcopy", networks.daemons_cut, "completed"),
    ],
    "destination unreachable for its daemon only, 20 s": [
        out_of_reach(MIGRATION, networks.gone("destination", 20, ["mgmt"])),
        Case(MIGRATION, "postcopy", networks.gone("destination", 20, ["mgmt"]), "moved"),
    ],
    "both hosts cut off for 20 s": [
        out_of_reach(MIGRATION, networks.gone("both", 20)),
        Case(MIGRATION, "postcopy", networks.gone("both", 20), "moved"),
        Case(MIGRATION, "paused", networks.gone("both", 20), "moved"),
    ],
    "link flaps": [
        Case(MIGRATION, "precopy", networks.flaps(5), "moved"),
        Case(MIGRATION, "postcopy", networks.flaps(5), "moved"),
        Case(RESCUE, "precopy", networks.flaps(5), "completed"),
        Case(RECOVER, "postcopy", networks.flaps(5), "completed"),
    ],
    "rate of the link flaps": [
        Case(MIGRATION, "precopy", networks.rate_flaps(6), "moved"),
        Case(MIGRATION, "postcopy", networks.rate_flaps(6), "moved"),
        Case(RESCUE, "precopy", networks.rate_flaps(6), "completed"),
    ],
    "5 % of the packets lost": [
        Case(MIGRATION, "precopy", networks.loss(5, 10), "moved"),
        Case(MIGRATION, "postcopy", networks.loss(5, 10), "moved"),
        Case(RESCUE, "precopy", networks.loss(5, 10), "completed"),
    ],
    "30 % of the packets lost": [
        Case(MIGRATION, "precopy", networks.loss(30, 10), "moved"),
        Case(MIGRATION, "postcopy", networks.loss(30, 10), "moved"),
    ],
    "rate policed by dropping": [
        Case(MIGRATION, "precopy", networks.policed(10, 10), "moved"),
        Case(MIGRATION, "postcopy", networks.policed(2, 10), "moved"),
    ],
    "MTU black hole for 20 s": [
        Case(MIGRATION, "precopy", networks.mtu_black_hole(20), "moved"),
        Case(MIGRATION, "postcopy", networks.mtu_black_hole(20), "moved"),
        Case(RESCUE, "precopy", networks.mtu_black_hole(20), "completed"),
        Case(RESCUE, "postcopy", networks.mtu_black_hole(20), "completed"),
    ],
    "destination hears nothing of the source for 20 s": [
        out_of_reach(MIGRATION, networks.one_way("destination", 20)),
        Case(MIGRATION, "postcopy", networks.one_way("destination", 20), "moved"),
    ],
    "source hears nothing of the destination for 20 s": [
        out_of_reach(MIGRATION, networks.one_way("source", 20)),
        Case(MIGRATION, "postcopy", networks.one_way("source", 20), "moved"),
        Case(MIGRATION, "paused", networks.one_way("source", 20), "moved"),
    ],
    "stream broken": [
        Case(MIGRATION, "later pass", networks.stream_broken, "STREAM_BROKEN"),
        # As of the destination's QEMU: which of both says why is a matter of time.
        Case(MIGRATION, "switch-over", networks.stream_broken, "STREAM_BROKEN|MIGRATION_FAILED"),
    ],
}

_PROCESSES: Kinds = {
    "source daemon killed": [
        Case(MIGRATION, "precopy", processes.daemon_killed("source"), "ENDED_BY_RESTART"),
        Case(MIGRATION, "switch-over", processes.daemon_killed("source"), "ENDED_BY_RESTART|CONNECTION_LOST"),
        Case(MIGRATION, "postcopy", processes.daemon_killed("source"), "CONNECTION_LOST"),
        Case(MIGRATION, "paused", processes.daemon_killed("source"), "CONNECTION_LOST"),
        Case(RECOVER, "postcopy", processes.daemon_killed("source"), "CONNECTION_LOST"),
    ],
    "source daemon restarted": [
        Case(MIGRATION, "setup", processes.daemon_restarted("source"), "ENDED_BY_RESTART"),
        Case(MIGRATION, "switch-over", processes.daemon_restarted("source"), "ENDED_BY_RESTART|CONNECTION_LOST"),
        Case(MIGRATION, "paused", processes.daemon_restarted("source"), "CONNECTION_LOST"),
    ],
    "source daemon restarted twice in a row": [
        Case(MIGRATION, "paused", both(*2 * [processes.daemon_restarted("source")]), "CONNECTION_LOST"),
        Case(RECOVER, "postcopy", both(*2 * [processes.daemon_restarted("source")]), "CONNECTION_LOST"),
    ],
    "destination daemon restarted": [
        Case(MIGRATION, "precopy", processes.daemon_restarted("destination"), "CONNECTION_LOST"),
        Case(MIGRATION, "postcopy", processes.daemon_restarted("destination"), "moved"),
        Case(MIGRATION, "paused", processes.daemon_restarted("destination"), "moved"),
        Case(RESCUE, "paused", processes.daemon_restarted("destination"), "completed"),
    ],
    "destination daemon killed": [
        Case(MIGRATION, "setup", processes.daemon_killed("destination"), "CONNECTION_LOST"),
        Case(MIGRATION, "later pass", processes.daemon_killed("destination"), "CONNECTION_LOST"),
        Case(MIGRATION, "switch-over", processes.daemon_killed("destination"), "CONNECTION_LOST"),
        Case(MIGRATION, "paused", processes.daemon_killed("destination"), "moved"),
    ],
    "destination daemon killed twice in a row": [
        Case(MIGRATION, "paused", both(*2 * [processes.daemon_killed("destination")]), "moved"),
        Case(RECOVER, "postcopy", both(*2 * [processes.daemon_killed("destination")]), "completed"),
    ],
    "both daemons killed": [
        Case(MIGRATION, "precopy", processes.daemons_killed, "ENDED_BY_RESTART"),
        Case(MIGRATION, "postcopy", processes.daemons_killed, "CONNECTION_LOST"),
        Case(MIGRATION, "paused", processes.daemons_killed, "CONNECTION_LOST"),
    ],
    "source daemon stopped for 15 s": [
        Case(MIGRATION, "precopy", processes.daemon_stopped("source", 15), "moved"),
        Case(MIGRATION, "postcopy", processes.daemon_stopped("source", 15), "moved"),
        Case(RESCUE, "precopy", processes.daemon_stopped("source", 15), "completed"),
    ],
    "destination daemon stopped for 20 s": [
        out_of_reach(MIGRATION, processes.daemon_stopped("destination", 20)),
        Case(MIGRATION, "postcopy", processes.daemon_stopped("destination", 20), "moved"),
    ],
    "source QEMU stopped for 10 s": [
        Case(MIGRATION, "precopy", processes.qemu_stopped("source", 10), "moved"),
        Case(MIGRATION, "postcopy", processes.qemu_stopped("source", 10), "moved"),
        Case(RESCUE, "precopy", processes.qemu_stopped("source", 10), "completed"),
    ],
    "source QEMU stopped for 40 s": [
        Case(MIGRATION, "precopy", processes.qemu_stopped("source", 40), "moved"),
        Case(MIGRATION, "postcopy", processes.qemu_stopped("source", 40), "moved"),
    ],
    # As one that prepares a big guest to be sent: it answers nobody for longer than libvirt waits for a lock.
    "source QEMU stopped for 90 s": [
        Case(MIGRATION, "setup", processes.qemu_stopped("source", 90), "moved"),
        Case(MIGRATION, "precopy", processes.qemu_stopped("source", 90), "moved"),
        Case(RESCUE, "precopy", processes.qemu_stopped("source", 90), "completed"),
    ],
    "destination QEMU stopped for 10 s": [
        Case(MIGRATION, "precopy", processes.qemu_stopped("destination", 10), "moved"),
        Case(MIGRATION, "postcopy", processes.qemu_stopped("destination", 10), "moved"),
        Case(RESCUE, "postcopy", processes.qemu_stopped("destination", 10), "completed"),
    ],
    "source QEMU killed": [
        Case(MIGRATION, "precopy", processes.qemu_killed("source"), "GUEST_STOPPED", lost=True),
        Case(MIGRATION, "switch-over", processes.qemu_killed("source"), "GUEST_STOPPED", lost=True),
        Case(MIGRATION, "postcopy", processes.qemu_killed("source"), "HALF_ENDED", lost=True),
        Case(MIGRATION, "paused", processes.qemu_killed("source"), "HALF_ENDED", lost=True),
        Case(RESCUE, "precopy", processes.qemu_killed("source"), "GUEST_STOPPED", lost=True),
        Case(RESCUE, "postcopy", processes.qemu_killed("source"), "HALF_ENDED", lost=True),
    ],
    "destination rebooted": [
        Case(MIGRATION, "precopy", processes.rebooted("destination"), "CONNECTION_LOST|STREAM_BROKEN|QEMU_DIED"),
        Case(MIGRATION, "postcopy", processes.rebooted("destination"), "HALF_ENDED", lost=True),
    ],
}

_HANDS: Kinds = {
    "suspended and resumed by another": [
        # libvirt lets nobody resume it before the job ends: it arrives, or its policy has it go on where it was.
        Case(MIGRATION, "precopy", hands.suspended_and_resumed, "moved|GIVEN_UP"),
        Case(RESCUE, "precopy", hands.suspended_and_resumed, "completed"),
    ],
    "aborted by another": [
        Case(MIGRATION, "setup", hands.aborted, "CANCELLED|STREAM_BROKEN"),
        Case(MIGRATION, "later pass", hands.aborted, "CANCELLED|STREAM_BROKEN"),
    ],
    "downtime limit changed by another": [
        Case(MIGRATION, "precopy", hands.downtime_limit(1), "moved"),
        Case(RESCUE, "precopy", hands.downtime_limit(1), "completed"),
    ],
    "bandwidth limit changed by another": [
        Case(MIGRATION, "precopy", hands.bandwidth_limit(8), "moved"),
        Case(RESCUE, "precopy", hands.bandwidth_limit(8), "completed"),
    ],
    "migrated a second time by another": [
        Case(MIGRATION, "precopy", hands.migrated_by_virsh, "moved"),
        Case(MIGRATION, "postcopy", hands.migrated_by_virsh, "moved"),
    ],
    "undefined by another": [
        Case(MIGRATION, "precopy", hands.undefined, "moved"),
        Case(MIGRATION, "postcopy", hands.undefined, "moved"),
        Case(RESCUE, "precopy", hands.undefined, "completed"),
    ],
    "destroyed by another on the source": [
        Case(MIGRATION, "precopy", hands.destroyed("source"), "GUEST_STOPPED", lost=True),
        Case(MIGRATION, "postcopy", hands.destroyed("source"), "HALF_ENDED", lost=True),
    ],
    "destroyed by another on the destination": [
        Case(MIGRATION, "precopy", hands.destroyed("destination"), "QEMU_DIED|STREAM_BROKEN|CANCELLED|GUEST_STOPPED"),
        Case(MIGRATION, "postcopy", hands.destroyed("destination"), "HALF_ENDED", lost=True),
    ],
}

_BLIND: Kinds = {
    # Where nobody has said where it goes, the way there is not watched, and nothing is joined again.
    "stream broken, destination not known": [
        Case(RESCUE, "precopy", networks.stream_broken, "MIGRATION_FAILED", blind=True),
        Case(RESCUE, "postcopy", networks.stream_broken, "POSTCOPY_BROKEN", blind=True),
    ],
    "link down for 3 s, destination not known": [
        Case(RESCUE, "precopy", networks.link_down(3), "completed", blind=True),
        Case(RESCUE, "postcopy", networks.link_down(3), "completed", blind=True),
    ],
    "destination daemon killed, destination not known": [
        Case(RESCUE, "precopy", processes.daemon_killed("destination"), "MIGRATION_FAILED", blind=True),
        Case(RESCUE, "postcopy", processes.daemon_killed("destination"), "completed", blind=True),
    ],
}

CASES: Kinds = {}
for _subject in (_FIRST, _NETWORKS, _PROCESSES, _HANDS, _BLIND):
    for _name, _cases in _subject.items():
        CASES.setdefault(_name, []).extend(_cases)

# SPDX-License-Identifier: GPL-3.0-or-later
"""The strategies, strongest first, and what need not be run because its outcome follows from another run."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ansible_collections.virtops.live_migration.plugins.module_utils._core.policy import PRESETS, Policy, preset
from ansible_collections.virtops.live_migration.tests.sim import peers
from ansible_collections.virtops.live_migration.tests.sim.cases import CONTRACTS, CUT_S

OURS = "ours"
# Ours with a policy as it is shipped, which knows as little of a contract as a peer does.
SHIPPED: t.Mapping[str, str] = {f"{OURS} with {name}": name for name in PRESETS}


@dataclass(frozen=True)
class Candidate:
    """``make``: a fresh one for a run.

    ``like``: up to ``differs_after_s`` it does the same as the strategy of that name. ``gives_up``: and then it only
    aborts. ``stricter``: up to then it has the same rules but a lower downtime limit, so it does not finish where the
    other one does not.
    """

    make: t.Callable[[], peers.Peer]
    like: str = ""
    differs_after_s: float = 0.0
    gives_up: bool = False
    stricter: bool = False

    @property
    def name(self) -> str:
        return self.make().name

    @property
    def may_postcopy(self) -> bool:
        return self.make().start.postcopy


_VIRSH = peers.Peer().name
_TIMEOUT_S = peers.Timeout().after_s
_KUBEVIRT_S = 150 * 0.5  # 150 s per GiB, for guests of half a GiB
_STALL_WINDOW_S = 40.0  # and no stall is seen before one window is full
_NOVA_SECOND_STEP_S = 75 * 2  # 75 s per GiB, of which it counts at least 2

PEERS: t.Sequence[Candidate] = (
    Candidate(peers.Peer),
    Candidate(peers.virsh_after_precopy),
    Candidate(peers.proxmox),
    Candidate(peers.ovirt_postcopy),
    Candidate(peers.virsh_auto_converge),
    Candidate(peers.ovirt_minimal),
    Candidate(peers.virsh_timeout_postcopy, _VIRSH, _TIMEOUT_S),
    Candidate(peers.virsh_timeout_suspend, _VIRSH, _TIMEOUT_S),
    Candidate(peers.ovirt_suspend),
    Candidate(peers.kubevirt_stall_postcopy, _VIRSH, _STALL_WINDOW_S),
    Candidate(peers.kubevirt_stall, _VIRSH, _STALL_WINDOW_S),
    Candidate(peers.nova, _VIRSH, _NOVA_SECOND_STEP_S, stricter=True),
    Candidate(peers.nova_postcopy, peers.nova().name, 800 * 2),
    Candidate(peers.kubevirt_timers_postcopy, _VIRSH, _KUBEVIRT_S),
    Candidate(peers.kubevirt_timers, _VIRSH, _KUBEVIRT_S, gives_up=True),
)
BY_NAME: t.Mapping[str, Candidate] = {each.name: each for each in PEERS}


def policy_of(strategy: str, contract: str) -> Policy:
    """The policy that ours runs under: that of the contract, or a shipped one."""
    return CONTRACTS[contract] if strategy == OURS else preset(SHIPPED[strategy])


def admits(contract: str, strategy: str) -> bool:
    """Whether a contract lets a strategy take part: none that may use post-copy where it is forbidden."""
    if strategy == OURS or CONTRACTS[contract].postcopy != "never":
        return True
    if strategy in SHIPPED:
        return policy_of(strategy, contract).postcopy == "never"
    return not BY_NAME[strategy].may_postcopy


def follows_from(candidate: Candidate, elapsed_s: t.Sequence[t.Optional[float]]) -> t.Optional[str]:
    """Why no run is needed, by how long the jobs took (None: did not finish) of the one that it is like; None: it is
    needed."""
    if not candidate.like or not elapsed_s:
        return None
    finished = [one_s for one_s in elapsed_s if one_s is not None]
    later = candidate.differs_after_s
    if candidate.stricter:
        return f"as {candidate.like}, with a lower limit" if not finished else None
    if later >= CUT_S or (len(finished) == len(elapsed_s) and max(finished) < later):
        return f"as {candidate.like}"
    return f"aborts after {later:g} s" if candidate.gives_up else None

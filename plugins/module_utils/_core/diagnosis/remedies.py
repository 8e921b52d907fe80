# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be done about a migration, each with its command, effect and risk."""

from __future__ import annotations

import shlex
import typing as t
from dataclasses import asdict, dataclass

from ..job.observation import Observation
from ..policy import MAX_DOWNTIME_LIMIT_MS, Policy
from ..postcopy_obstacles import Obstacle
from ..units import human_bytes, human_ms, human_rate

# The role, as a command to be completed: what the guest can do without only its administrator knows.
QUIESCE_COMMAND = (
    "ansible HOSTS -b -m ansible.builtin.include_role -a name=virtops.live_migration.guest_quiesce"
    " -e 'guest_quiesce_guest=GUEST guest_quiesce_units=UNIT.service'"
)


@dataclass(frozen=True)
class Remedy:
    """One thing to do about a migration. ``action``: its name; ``expected``: what it does; ``risk``: what it may cost.

    ``command``: of virsh; ``module``: of this collection; both are empty for what is done by hand. ``allowed``: whether
    the policy allows it and the job can do it.
    """

    action: str
    command: str = ""
    module: str = ""
    expected: str = ""
    risk: str = ""
    allowed: bool = True

    def document(self) -> dict[str, t.Any]:
        return asdict(self)


def guest_word(name: str, uuid: str) -> str:
    """How to name a guest on a command line; its UUID where the name would be taken for something else."""
    if not name:
        return uuid or "GUEST"
    if uuid and (name.startswith("-") or not name.isprintable()):
        return uuid
    return ("--domain=" if name.startswith("-") else "") + shlex.quote(name)


@dataclass(frozen=True)
class Remedies:
    """Builds the remedies for one observation under one policy."""

    seen: Observation
    policy: Policy
    postcopy_flag: t.Optional[bool] = None
    link_bytes_per_s: t.Optional[int] = None
    postcopy_obstacles: tuple[Obstacle, ...] = ()

    def _virsh(self, command: str, *arguments: str) -> str:
        return " ".join(["virsh", command, guest_word(self.seen.last.name, self.seen.last.uuid), *arguments])

    def bandwidth(self) -> Remedy:
        limit = self.seen.last.limits.bandwidth_mib_per_s
        link = self.link_bytes_per_s
        needed = self.seen.needed_bandwidth_bytes_per_s
        expected = f"Lifts the limit of {limit} MiB/s" if limit else "Sends as fast as the link carries"
        if link:
            expected += f", up to about {human_rate(link)}"
        if needed:
            expected += f"; {human_rate(needed)} would be needed to fit the downtime limit without any other change"
        return Remedy(
            "bandwidth",
            self._virsh("migrate-setspeed", "0"),
            "migration_bandwidth",
            expected + ".",
            "Takes bandwidth from whatever else uses the link. It is undone by libvirt when the job ends.",
        )

    def downtime(self) -> Remedy:
        value = self.seen.downtime_to_set_ms
        needed = self.seen.needed_downtime_ms or 0
        low = self.seen.floor_is_too_low
        about = "at least" if low else "about"
        return Remedy(
            "downtime",
            self._virsh("migrate-setmaxdowntime", str(value) if value else "MS"),
            "migration_downtime",
            f"The guest stands still once for {about} {human_ms(needed)}, then runs on the destination."
            + (" Look at the moment a pass begins (observe_s) for the right value." if low else "")
            if value
            else self._downtime_not_known(),
            "Clients whose time-outs are shorter than that see errors.",
            allowed=value is not None and value <= MAX_DOWNTIME_LIMIT_MS and value <= self.policy.max_downtime_ms,
        )

    def _downtime_not_known(self) -> str:
        if self.seen.left_now_ms is None:
            return "Not known: nothing is being sent."
        return (
            "Not known from one look at this QEMU; what is left at this moment takes"
            f" {human_ms(self.seen.left_now_ms)}. Watch it over some passes (observe_s) for the right value."
        )

    def postcopy(self) -> Remedy:
        left_ms = self.seen.longest_pause_ms
        if self.postcopy_obstacles:
            whys = " and ".join(one.why for one in self.postcopy_obstacles)
            expected = f"Not possible for this guest: {whys}."
        elif self.postcopy_flag is False:
            expected = (
                "Not possible in this job: it was started without --postcopy, which cannot be added later."
                " Abort it and start it again with --postcopy."
            )
        else:
            expected = "The guest goes on on the destination at once and fetches the rest over the network"
            expected += f", for at most about {human_ms(left_ms)}." if left_ms is not None else "."
            if self.postcopy_flag is None:
                expected += " Only if the job was started with --postcopy."
        return Remedy(
            "postcopy",
            self._virsh("migrate-postcopy"),
            "migration_postcopy",
            expected,
            "Until the end the guest lives on both hosts: if the network or a host fails, it stops and may be lost."
            " Not for a critical guest or over an unstable network. It cannot be undone.",
            allowed=self.policy.postcopy != "never" and self.postcopy_flag is not False and not self.postcopy_obstacles,
        )

    def suspend(self) -> Remedy:
        pause_ms = self.seen.longest_pause_ms
        return Remedy(
            "suspend",
            self._virsh("suspend"),
            "migration_suspend",
            f"The guest stands still for up to about {human_ms(pause_ms)}, then runs on the destination."
            if pause_ms is not None
            else "Not known: nothing is being sent.",
            "A plain suspend has no end: resume is refused until the job ends. The module aborts in time.",
            allowed=pause_ms is not None and pause_ms <= self.policy.max_pause_s * 1000,
        )

    def throttle(self) -> Remedy:
        """For a job without auto-converge: libvirt lets nobody change a quota while it runs."""
        cap = self.policy.max_throttle_percent
        return Remedy(
            "throttle",
            module="migration_rescue",
            expected=f"Takes up to {cap or 'max_throttle_percent'} % of the time of its virtual processors by their"
            " quotas, step by step, until it writes less than is sent. The job was started without auto-converge, which"
            " cannot be added, and 'virsh schedinfo' is refused while it runs.",
            risk="The guest does so much less work until it has moved, and has its time back in every case. It is of no"
            " use where little of its processors' time is needed to write much.",
            allowed=cap > 0,
        )

    def quiesce(self) -> Remedy:
        bandwidth = self.seen.bandwidth_bytes_per_s
        below = f" to clearly below {human_rate(bandwidth)}" if bandwidth else ""
        return Remedy(
            "quiesce",
            expected=f"Stop or slow what is not needed in the guest, so that it rewrites less memory,{below}"
            f" (now {human_rate(self.seen.last.dirty_bytes_per_s)} of distinct memory), with the role guest_quiesce:"
            f" {QUIESCE_COMMAND}.",
            risk="The services stopped are away until they are started again.",
        )

    def quiesce_disks(self) -> Remedy:
        return Remedy(
            "quiesce",
            expected="Stop or slow what writes to the disks in the guest, until they are copied, with the role"
            f" guest_quiesce: {QUIESCE_COMMAND}.",
            risk="The services stopped are away until they are started again.",
        )

    def synchronous_writes(self) -> Remedy:
        return Remedy(
            "synchronous_writes",
            self._virsh("migrate --live --p2p --copy-storage-all --copy-storage-synchronous-writes", "DESTINATION_URI"),
            "migration",
            "Abort it, and start it again with copy_synchronous_writes: what the guest writes is then written on both"
            " hosts at once, so that the copy comes to its end.",
            "The guest's writes are as slow as the link. Needs libvirt 8.0.",
        )

    def larger_cache(self, rewritten_bytes: int, size_bytes: int) -> Remedy:
        """``size_bytes``: of a cache that holds what is rewritten in a pass."""
        whole = self.seen.last.memory.total_bytes
        words = ("--compressed --comp-methods xbzrle --comp-xbzrle-cache", str(size_bytes), "DESTINATION_URI")
        return Remedy(
            "larger_cache",
            self._virsh("migrate --live --p2p", *words),
            "migration",
            f"Abort it, and start it again with a cache of {human_bytes(size_bytes)}, which holds the"
            f" {human_bytes(rewritten_bytes)} that a pass rewrites. In a running job QEMU takes a new size and goes on"
            " with the cache that it has.",
            "What was sent is thrown away"
            f" ({human_bytes(self.seen.last.memory.processed_bytes)} so far). It takes that much of the host's memory,"
            " and helps only if less than whole pages change.",
            # What a start takes for it at most (spare_cache_bytes).
            allowed=size_bytes <= whole // 2,
        )

    def without_compression(self) -> Remedy:
        return Remedy(
            "without_compression",
            self._virsh("migrate --live --p2p", "DESTINATION_URI"),
            "migration",
            "Abort it, and start it again with compression: none, and with what lets it finish (post-copy,"
            " auto-converge, more downtime): compression cannot be switched off in a running job.",
            "What was sent is thrown away"
            f" ({human_bytes(self.seen.last.memory.processed_bytes)} so far). None for the guest.",
        )

    def network(self) -> Remedy:
        return Remedy(
            "network",
            expected="Look at the link between the hosts: is it up, at full speed and duplex, shared, losing packets?",
            risk="None.",
        )

    def wait(self, why: str) -> Remedy:
        return Remedy("wait", self._virsh("domjobinfo"), "migration_job_info", why, "None.")

    def recover(self) -> Remedy:
        return Remedy(
            "recover",
            self._virsh("migrate --live --p2p --postcopy --postcopy-resume", "DESTINATION_URI"),
            "migration_recover",
            f"Joins the two halves again and sends the {human_bytes(self.seen.last.memory.remaining_bytes)} left."
            " Run it on the source with the flags of the first start, once the network is well;"
            " it may be repeated.",
            "Never destroy either half, and do not restart a host: each holds a part of the guest's memory."
            " Do not run the command where the destination has libvirt 11.2 or 11.3, as Debian 13 has: libvirt crashes"
            " there. The playbook virtops.live_migration.recover goes round that."
            " A post-copy that broke in its first moments may not come back.",
        )

    def abort(self) -> Remedy:
        return Remedy(
            "abort",
            self._virsh("domjobabort"),
            "migration_abort",
            "The guest goes on on the source; what was sent is thrown away"
            f" ({human_bytes(self.seen.last.memory.processed_bytes)} so far).",
            "None for the guest; the next attempt needs another way to finish.",
        )

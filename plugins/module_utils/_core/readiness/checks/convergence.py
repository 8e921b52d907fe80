# SPDX-License-Identifier: GPL-3.0-or-later
"""Readiness: will it finish, by what was measured and what the policy allows."""

from __future__ import annotations

import typing as t

from ...forecast.forecast import Forecast, forecast
from ...forecast.link_bandwidth import carried_bytes_per_s
from ...forecast.plan import NO_WAY
from ...forecast.simulation import MigrationFacts
from ...units import human_bytes, human_ms, human_rate
from .check_types import FAIL, WARN, Case, Check, Finding, failed, passed, skipped, warned

_THEME = "pace"
_COMFORTABLE = 0.8  # of the bandwidth: above it each pass is hardly shorter than the one before
_LESS = "let it do less meanwhile (role guest_quiesce, or live_migration_quiesce of the playbooks)"
_MEASURE = "Measure the guest with migration_dirty_rate_info, and pass the results as dirty_rates."


def bandwidth(case: Case) -> t.Optional[int]:
    """What was given, or what real interfaces on both ends can carry."""
    if case.options.bandwidth_bytes_per_s:
        return case.options.bandwidth_bytes_per_s
    paths = [host.migration for host in (case.source, case.destination)]
    speeds = [path.speed_mbit_per_s for path in paths if path.speed_mbit_per_s and path.speed_is_real]
    return carried_bytes_per_s(min(speeds)) if len(speeds) == len(paths) else None


def _dirty_rate(case: Case) -> Finding:
    measured, rate = case.measured, bandwidth(case)
    if measured is None:
        return skipped("The guest was not measured.", _MEASURE)
    if rate is None:
        return skipped("The bandwidth is not known.", "Pass bandwidth_mib_per_s.")
    share = measured.dirty_bytes_per_s / rate
    evidence = {
        "dirty_bytes_per_s": measured.dirty_bytes_per_s,
        "bandwidth_bytes_per_s": rate,
        "share": round(share, 2),
    }
    if share > _COMFORTABLE:
        return warned(
            f"It rewrites {human_rate(measured.dirty_bytes_per_s)}, and {human_rate(rate)} are sent: its passes do not"
            " get shorter until they come down to its working set.",
            f"Give it more bandwidth, allow post-copy, or {_LESS}.",
            **evidence,
        )
    return passed(f"It rewrites {human_rate(measured.dirty_bytes_per_s)}, {share:.0%} of the bandwidth.", **evidence)


def _working_set(case: Case) -> Finding:
    measured, rate, policy = case.measured, bandwidth(case), case.options.policy
    if measured is None:
        return skipped("The guest was not measured.", _MEASURE)
    if rate is None:
        return skipped("The bandwidth is not known.", "Pass bandwidth_mib_per_s.")
    needed_ms = measured.working_set_bytes / rate * 1000
    evidence = {
        "working_set_bytes": measured.working_set_bytes,
        "needed_downtime_ms": round(needed_ms),
        "max_downtime_ms": policy.max_downtime_ms,
    }
    if needed_ms > policy.max_downtime_ms:
        return warned(
            f"Sending its working set of {human_bytes(measured.working_set_bytes)} takes {human_ms(needed_ms)}, more"
            f" than the {human_ms(policy.max_downtime_ms)} that it may stand still.",
            f"Allow a longer downtime or post-copy, give it more bandwidth, or {_LESS}.",
            **evidence,
        )
    return passed(
        f"Its working set of {human_bytes(measured.working_set_bytes)} fits the allowed downtime.", **evidence
    )


def _forecast(case: Case) -> Finding:
    """The planner's own answer, from the same code."""
    rate, memory = bandwidth(case), case.guest.resident_bytes or case.guest.memory.total_bytes
    if case.measured is None:
        return skipped("The guest was not measured.", _MEASURE)
    if rate is None or not memory:
        return skipped("The bandwidth is not known.", "Pass bandwidth_mib_per_s.")
    facts = MigrationFacts(
        touched_bytes=min(memory, case.guest.memory.total_bytes or memory),
        bandwidth_bytes_per_s=rate,
        measured=case.measured,
        postcopy_possible=not why_no_postcopy(case),
        host_devices=len(case.guest.sent_host_devices),
    )
    found = forecast(case.options.policy, facts)
    evidence = _figures(found)
    if found.plan.way == NO_WAY:
        return failed(found.summary, "One of what the summary names, or leave it where it is.", **evidence)
    if not found.sure:
        return warned(found.summary, f"Choose a quieter moment, allow more, or {_LESS}.", **evidence)
    return passed(found.summary, **evidence)


def _figures(found: Forecast) -> dict[str, t.Any]:
    course = found.expected
    return {
        "way": found.plan.way,
        "total_s": round(course.total_s, 1) if course else None,
        "downtime_ms": round(course.downtime_ms) if course else None,
        "needs": dict(found.needs),
    }


def why_no_postcopy(case: Case) -> list[str]:
    """Why post-copy cannot work for this guest between these hosts."""
    guest, hosts = case.guest, (case.source, case.destination)
    found = [f"the versions on {host.name} do not have it" for host in hosts if "postcopy" not in host.features]
    userfaultfd = case.destination.security.userfaultfd
    if userfaultfd.usable is False:
        found.append(f"QEMU on the destination may not use userfaultfd: {userfaultfd.reason}")
    return found + [one.why for one in guest.postcopy_obstacles]


def _postcopy_possible(case: Case) -> Finding:
    obstacles = why_no_postcopy(case)
    if case.options.policy.postcopy == "never":
        return skipped("The policy does not allow post-copy.")
    if obstacles:
        return warned(
            f"Post-copy is not possible: {'; '.join(obstacles)}.",
            "For userfaultfd: 'sysctl vm.unprivileged_userfaultfd=1' on the destination. Else do without post-copy.",
            obstacles=obstacles,
        )
    if case.destination.security.userfaultfd.usable is None:
        return skipped("Whether QEMU on the destination may use userfaultfd is not known.")
    return passed("Post-copy is possible.")


def _postcopy_advisable(case: Case) -> Finding:
    """The warning of the manuals: not for a critical guest, not over a network that may fail."""
    policy, rate = case.options.policy, bandwidth(case)
    if policy.postcopy == "never":
        return skipped("The policy does not allow post-copy.")
    doubts = ["it is named as critical"] if case.guest.name in case.options.critical else []
    if rate is not None:
        # At worst everything is fetched after the switch.
        all_s = case.guest.memory.total_bytes / rate
        if all_s > policy.max_postcopy_s:
            doubts.append(f"it could depend on both hosts for {human_ms(all_s * 1000)}")
    doubts += [
        f"a broken one cannot be recovered with the versions on {host.name}"
        for host in (case.source, case.destination)
        if "postcopy_recovery" not in host.features
    ]
    if any(bug.id == "resume_crashes_daemon" for bug in case.destination.known_bugs):
        doubts.append(
            f"libvirt on {case.destination.name} crashes when a broken one is resumed, so that it would have to be"
            " stopped there to recover the guest (playbook virtops.live_migration.recover)"
        )
    if doubts:
        return warned(
            f"Post-copy is not advisable: {'; '.join(doubts)}. If the network or a host fails meanwhile, the guest may"
            " be lost.",
            "Do without it (postcopy: never), or keep to pre-copy with a longer downtime.",
            doubts=doubts,
        )
    return passed("Nothing speaks against post-copy.")


CHECKS = (
    Check(
        "dirty_rate", _THEME, "Is more sent per second than the guest rewrites?",
        "Its passes do not get shorter.", (WARN,), of_guest=_dirty_rate,
    ),
    Check(
        "working_set", _THEME, "Can the working set be sent within the allowed downtime?",
        "The migration does not finish on its own.", (WARN,), of_guest=_working_set,
    ),
    Check(
        "forecast", _THEME, "Is there a way to finish within the policy?",
        "The migration is given up, or the guest stands still for longer than allowed.", (WARN, FAIL),
        of_guest=_forecast,
    ),
    Check(
        "postcopy_possible", _THEME, "Can post-copy be used, if the policy allows it?",
        "The migration fails at its start when post-copy is asked for.", (WARN,), of_guest=_postcopy_possible,
    ),
    Check(
        "postcopy_advisable", _THEME, "Is post-copy advisable for this guest over this network?",
        "A failure of network or host during post-copy loses the guest.", (WARN,), of_guest=_postcopy_advisable,
    ),
)  # fmt: skip

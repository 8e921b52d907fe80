# SPDX-License-Identifier: GPL-3.0-or-later
"""Random guests on random links under random contracts: what the engine promises holds for all of them."""

from __future__ import annotations

import json
import typing as t
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.virtops.live_migration.plugins.module_utils._core.forecast.plan import (
    adopted_plan,
    default_deadline_s,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.job.downtime_limit import highest_limit_ms
from ansible_collections.virtops.live_migration.plugins.module_utils._core.job.sample import JobSample
from ansible_collections.virtops.live_migration.plugins.module_utils._core.policy import Policy
from ansible_collections.virtops.live_migration.plugins.module_utils._core.supervision.actions import (
    Action,
    ActionResult,
    Kind,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.supervision.record import (
    Record,
    decided,
    replay,
)
from ansible_collections.virtops.live_migration.tests.sim.driver import Run, run
from ansible_collections.virtops.live_migration.tests.sim.guest import MIB, Guest, Link, Spell
from ansible_collections.virtops.live_migration.tests.sim.ours import Ours
from ansible_collections.virtops.live_migration.tests.sim.qemu import Job, Start

CUT_S = 900.0
STEP_MS = 150  # a step of the model, and the time between a pause and the look that shows it


@st.composite
def guests(draw: st.DrawFn) -> Guest:
    memory_mib = draw(st.sampled_from([256, 512, 2048]))
    touched_mib = memory_mib * draw(st.floats(0.1, 1.0))
    spells = draw(
        st.lists(
            st.tuples(st.floats(1, 40), st.floats(0.0, 1.0), st.floats(0, 800)),
            min_size=1,
            max_size=3,
        )
    )
    return Guest(
        memory_mib * MIB,
        int(touched_mib * MIB),
        [Spell(seconds, share * touched_mib * MIB, rate * MIB) for seconds, share, rate in spells],
        sweeps=draw(st.booleans()),
        delta_share=draw(st.sampled_from([0.03, 0.3, 1.0])),
    )


@st.composite
def links(draw: st.DrawFn) -> Link:
    rate = draw(st.sampled_from([20, 45.6, 110])) * MIB
    changes = draw(st.lists(st.tuples(st.floats(1, 60), st.sampled_from([0.0, 0.3, 0.8, 1.0])), max_size=3).map(sorted))
    return Link(rate, [(at_s, share * rate) for at_s, share in changes])


contracts = st.builds(
    Policy,
    max_downtime_ms=st.sampled_from([100, 300, 500, 1000, 8000]),
    postcopy=st.sampled_from(["never", "if_needed", "prefer"]),
    max_pause_s=st.sampled_from([0.0, 5.0, 20.0]),
    max_throttle_percent=st.sampled_from([0, 30, 60, 99]),
    deadline_s=st.sampled_from([None, 30.0, 200.0]),
    max_data_factor=st.sampled_from([1.5, 4.0, 20.0]),
    patience_s=st.sampled_from([None, 0.0, 30.0]),
    on_hopeless=st.sampled_from(["abort", "leave"]),
) | st.builds(
    Policy,
    max_downtime_ms=st.sampled_from([300, 1000]),
    postcopy=st.sampled_from(["never", "if_needed"]),
    max_pause_s=st.sampled_from([5.0, 20.0]),
    on_hopeless=st.just("pause"),
)


class Recorded(Ours):
    """Ours with a record in between, as the driver of the module has it."""

    record: t.Optional[Record] = None

    def look(self, sample: JobSample, at_sync: bool, results: t.Sequence[ActionResult]) -> t.Sequence[Action]:
        if self.record is None:
            self.record = Record(self.supervisor)
        return self.record.observe(sample, at_sync=at_sync, results=results)


def applied(result: Run, kind: Kind) -> list[Action]:
    return [action for _at_s, action in result.actions if action.kind is kind and action.apply]


def must_end(contract: Policy, guest: Guest, link: Link, result: Run) -> bool:
    """Whether the contract's own end lies within the time that the test waits."""
    slowest = min([link.bytes_per_s, *[rate for _at_s, rate in link.changes if rate > 0]])
    deadline_s = contract.deadline_s or default_deadline_s(guest.memory_bytes / slowest)
    return contract.on_hopeless != "leave" and result.split_s == 0 and deadline_s + 100 < CUT_S


def check_contract(contract: Policy, guest: Guest, link: Link, result: Run) -> None:
    highest = highest_limit_ms(max(contract.max_downtime_ms, contract.max_pause_s * 1000), 0)
    for action in applied(result, Kind.SET_DOWNTIME):
        assert action.value is not None
        assert action.value <= highest
        assert action.reason == "NEEDED_PAUSE" or action.value <= highest_limit_ms(contract.max_downtime_ms, 0)
    for action in applied(result, Kind.SUSPEND):
        assert action.value == contract.max_pause_s > 0
    if contract.postcopy == "never":
        assert result.split_s == 0
        assert not applied(result, Kind.START_POSTCOPY)
    if not any(rate != link.bytes_per_s for _at_s, rate in link.changes):
        allowed_ms = max(contract.max_downtime_ms, contract.max_pause_s * 1000)
        assert result.stood_ms <= allowed_ms * 1.1 + STEP_MS
    assert set(result.copies) <= {0, 1}  # never two that run
    if contract.on_hopeless == "abort" and result.split_s == 0:
        # Seen at the next look, and then there may be one last chance of the contract's downtime.
        more = link.bytes_per_s * (2 + min(15, contract.max_downtime_ms / 1000 + 2) + contract.max_pause_s)
        assert result.sent_bytes <= contract.max_data_factor * guest.memory_bytes + more
    if contract.deadline_s is not None and must_end(contract, guest, link, result):
        # Past the deadline there is one last chance, or a switch that has begun, or a dead link's minute.
        assert result.total_s <= contract.deadline_s + contract.max_pause_s + 75


@given(guests(), links(), contracts, st.booleans(), st.booleans())
def test_no_contract_is_broken(guest: Guest, link: Link, contract: Policy, measures: bool, events: bool) -> None:
    ours = Recorded(contract, measures=measures, events=events)
    result = run(ours, guest, link, CUT_S)
    check_contract(contract, guest, link, result)
    assert result.outcome != "cut" or not must_end(contract, guest, link, result)
    assert ours.record is not None
    document = json.loads(json.dumps(ours.record.document()))
    assert document["thinned"] or replay(document) == document["decisions"]


@given(guests(), links(), contracts)
def test_the_same_looks_give_the_same_decisions(guest: Guest, link: Link, contract: Policy) -> None:
    once, again = run(Ours(contract), guest, link, 200), run(Ours(contract), guest, link, 200)
    assert once == again


@given(guests(), links(), contracts)
def test_observing_touches_nothing(guest: Guest, link: Link, contract: Policy) -> None:
    ours = Ours(replace(contract, mode="observe"))
    start = ours.begin(guest, link)
    alone = Job(guest, link, start)
    while alone.phase.running and alone.now_s < 100:
        alone.step()
    result = run(ours, guest, link, 100)
    assert not [action for _at_s, action in result.actions if action.apply]
    assert result.sent_bytes == int(alone.sent)


@given(
    guests(),
    links(),
    contracts,
    st.floats(1, 100),
    st.sampled_from([True, False, None]),
    st.builds(Start, postcopy=st.booleans(), auto_converge=st.booleans(), limit_ms=st.sampled_from([30, 300])),
)
def test_any_job_can_be_adopted(
    guest: Guest, link: Link, contract: Policy, age_s: float, knows: t.Optional[bool], start: Start
) -> None:
    job = Job(guest, link, start)
    while job.phase.running and job.now_s < age_s:
        job.step()
    flags = (None, None) if knows is None else (start.postcopy, start.auto_converge)
    ours = Ours(contract, plan=adopted_plan(*flags))
    before_ms, before_bytes = job.stood_s * 1000, int(job.sent)
    result = run(ours, guest, link, CUT_S, job)
    ours_only = replace(
        result,
        stood_ms=int(result.stood_ms - before_ms - start.limit_ms),
        sent_bytes=result.sent_bytes - before_bytes,
    )
    check_contract(contract, guest, link, ours_only)
    assert result.outcome != "cut" or not must_end(contract, guest, link, result)


def test_decisions_of_nothing() -> None:
    assert decided(Job(Guest(MIB, MIB, [Spell(1, 0, 0)]), Link(MIB), Start()).sample(), []) == []

# SPDX-License-Identifier: GPL-3.0-or-later
"""A migration whose destination takes long to get ready, as with memory that is allocated beforehand.

QEMU on the destination is stopped before its monitor answers, so that libvirt there is at it until it goes on.
"""

from __future__ import annotations

import contextlib
import time
import typing as t

import pytest
from bench.runs import Ansible, Running, assert_done, assert_refused, task
from bench.subject import LIMIT_S, Subject, wait_for

LIMITED: dict[str, t.Any] = {"setup_deadline_s": 6, "postcopy": "never"}


def move(guest: Subject, **policy: t.Any) -> dict[str, t.Any]:
    there = f"qemu+tcp://{guest.destination}/system"
    return task("migration", name=guest.name, destination_uri=there, measure=False, policy_overrides=policy)


@contextlib.contextmanager
def not_getting_ready(guest: Subject, running: t.Optional[Running] = None) -> t.Iterator[None]:
    """From the start of QEMU on the destination on, until the end of the block. ``running``: the play that moves it."""
    lab = guest.lab

    def is_there() -> bool:
        assert running is None or running.process.poll() is None, running.said()
        return lab.guest_process(guest.uuid, host=guest.destination) is not None

    wait_for(is_there, "QEMU on the destination")
    lab.stop_qemu(guest.uuid, host=guest.destination)
    try:
        yield
    finally:
        lab.cont_qemu(guest.uuid, host=guest.destination)


def nothing_there(guest: Subject) -> None:
    assert guest.state().startswith("running")
    wait_for(lambda: not guest.state(guest.destination).startswith(("running", "paused")), "the end of QEMU there")


@pytest.mark.fast
def test_it_is_given_up_after_the_limit(ansible: Ansible, crm01: Subject) -> None:
    """libvirt cannot end it before the destination has answered, and does so then."""
    running = ansible.begin(crm01.source, move(crm01, **LIMITED))
    with not_getting_ready(crm01, running):
        wait_for(lambda: "abort: no memory has been sent within" in running.said(), "the abort")
    (result,) = running.wait(LIMIT_S).results
    assert_refused(result, "GIVEN_UP")
    assert result["evidence"]["decision"] == "SETUP_SLOW"
    assert "setup_deadline_s" in result["remedy"]
    nothing_there(crm01)


def test_an_order_to_end_it_is_heeded_when_the_destination_answers(ansible: Ansible, crm01: Subject) -> None:
    running = ansible.begin(crm01.source, move(crm01, **LIMITED))
    with not_getting_ready(crm01, running):
        (result,) = running.wait(LIMIT_S).results
        assert_refused(result, "LEFT")
        assert result["evidence"]["decision"] == "ABORT_PENDING"
        assert "its migration ends when the destination answers" in result["state"]
    wait_for(lambda: not crm01.job(), "the end of the job")
    nothing_there(crm01)


def test_it_may_take_longer(ansible: Ansible, crm01: Subject) -> None:
    running = ansible.begin(crm01.source, move(crm01, postcopy="never"))
    with not_getting_ready(crm01, running):
        time.sleep(LIMITED["setup_deadline_s"] + 4)
        assert running.process.poll() is None, running.said()
    (result,) = running.wait(LIMIT_S).results
    assert_done(result, True, outcome="moved")
    crm01.has_moved()


def test_it_is_left_where_the_policy_says_so(ansible: Ansible, crm01: Subject) -> None:
    """Also a job that somebody else has started."""
    migration = crm01.lab.migrate(crm01.uuid, source=crm01.source, destination=crm01.destination)
    with not_getting_ready(crm01):
        policy = {**LIMITED, "on_hopeless": "leave"}
        left = ansible.module(crm01.source, "migration_rescue", name="crm01", policy_overrides=policy)
    assert_refused(left, "LEFT")
    assert left["evidence"]["decision"] == "SETUP_SLOW"
    crm01.arrives(migration)

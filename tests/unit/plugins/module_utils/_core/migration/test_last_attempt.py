# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError
from ansible_collections.virtops.live_migration.plugins.module_utils._core.migration.last_attempt import (
    LastAttempt,
    carried_bytes_per_s,
    read_attempt,
)

MIB = 1 << 20
UUID = "1f3c6f0a-6a40-4d0c-9d5e-0a6b1d1f0c11"
NOW_S = 1_763_904_000.0
NOTE = LastAttempt(UUID, "kvm02", int(NOW_S) - 60, 45 * MIB)
COLUMNS = ["at_s", "memory_processed_bytes", "bandwidth_mib_per_s"]


def test_what_is_written_is_read() -> None:
    assert read_attempt(NOTE.xml(), UUID, "kvm02", NOW_S) == NOTE
    odd = LastAttempt(UUID, "k'v\"<m>", int(NOW_S), 45 * MIB)
    assert read_attempt(odd.xml(), UUID, "k'v\"<m>", NOW_S) == odd


@pytest.mark.parametrize(
    ("text", "uuid", "destination", "now_s"),
    [
        (None, UUID, "kvm02", NOW_S),
        ("", UUID, "kvm02", NOW_S),
        ("<attempt", UUID, "kvm02", NOW_S),
        ("<home/>", UUID, "kvm02", NOW_S),
        ("<attempt/>", UUID, "kvm02", NOW_S),
        (NOTE.xml(), UUID.replace("1f", "2f"), "kvm02", NOW_S),  # it is a clone
        (NOTE.xml(), UUID, "kvm03", NOW_S),
        (NOTE.xml(), UUID, "kvm02", NOW_S + 25 * 3600),
        (NOTE.xml(), UUID, "kvm02", NOW_S - 3600),
        (NOTE.xml().replace("46080", "0"), UUID, "kvm02", NOW_S),
        (NOTE.xml().replace("46080", "-5"), UUID, "kvm02", NOW_S),
        (NOTE.xml().replace("46080", "9" * 40), UUID, "kvm02", NOW_S),
        (NOTE.xml().replace("46080", "fast"), UUID, "kvm02", NOW_S),
    ],
)
def test_what_does_not_count(text: t.Any, uuid: str, destination: str, now_s: float) -> None:
    assert read_attempt(text, uuid, destination, now_s) is None


def failed(looks: t.Any, reason: str = "GIVEN_UP", decision: str = "DEADLINE") -> MigrationError:
    record = {"columns": COLUMNS, "looks": looks}
    return MigrationError(reason, "It was given up.", evidence={"decision": decision}, facts={"record": record})


SENT = [[100.0, 0, 0], [130.0, 10 * MIB, 0], [135.0, 250 * MIB, 0], [140.0, 460 * MIB, 0]]


def test_what_the_network_carried_while_memory_was_sent() -> None:
    """The disks before took 30 s of it."""
    assert carried_bytes_per_s(failed(SENT)) == 45 * MIB


@pytest.mark.parametrize(
    "one",
    [
        failed(SENT, reason="STREAM_BROKEN"),
        failed(SENT, decision="NETWORK_STALL"),
        failed(SENT, decision="STORAGE_DEADLINE"),
        failed([]),
        failed(SENT[:2]),
        failed([[0.0, MIB, 0], [1.9, 90 * MIB, 0]]),
        failed([[0.0, MIB, 0], [10.0, MIB, 0]]),
        failed([[at_s, sent, 48] for at_s, sent, _limit in SENT]),  # its own limit held it back
        failed([*SENT[:-1], [140.0, 460 * MIB, 50]]),
        MigrationError("GIVEN_UP", "", evidence={"decision": "DEADLINE"}),
        MigrationError("GIVEN_UP", "", facts={"record": {"columns": COLUMNS, "looks": SENT}}),
    ],
)
def test_what_teaches_nothing(one: MigrationError) -> None:
    assert carried_bytes_per_s(one) is None


def test_a_limit_that_was_not_reached() -> None:
    assert carried_bytes_per_s(failed([[at_s, sent, 100] for at_s, sent, _limit in SENT])) == 45 * MIB

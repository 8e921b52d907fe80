# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
from ansible.errors import AnsibleFilterError
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar

from ansible_collections.virtops.live_migration.plugins.filter.bandwidth_shares import FilterModule as SharesFilter
from ansible_collections.virtops.live_migration.plugins.filter.expected_course import FilterModule as CourseFilter
from ansible_collections.virtops.live_migration.plugins.filter.expected_transfer import FilterModule as TransferFilter
from ansible_collections.virtops.live_migration.plugins.filter.migration_select import FilterModule as SelectFilter
from ansible_collections.virtops.live_migration.plugins.filter.required_bandwidth import FilterModule as BandwidthFilter

MIB = 1 << 20
GUEST = {"memory_bytes": 1000 * MIB, "working_set_bytes": 600 * MIB, "dirty_bytes_per_s": 500 * MIB}

required = BandwidthFilter().filters()["required_bandwidth"]
expected = TransferFilter().filters()["expected_transfer"]
course = CourseFilter().filters()["expected_course"]
shares = SharesFilter().filters()["bandwidth_shares"]
select = SelectFilter().filters()["migration_select"]


class Text(str):
    """As a template passes a text in: a subclass."""


class Number(int):
    """The same with a number."""


def test_one_is_the_other_backwards() -> None:
    limits = {"max_downtime_ms": 500, "max_throttle_percent": 0, "deadline_s": 600}
    least = required(GUEST, **limits)
    assert expected(GUEST, bandwidth_mib_per_s=least, **limits)["will_finish"]
    assert not expected(GUEST, bandwidth_mib_per_s=0.9 * least, **limits)["will_finish"]


def test_what_is_allowed_counts() -> None:
    assert not expected(GUEST, 100, max_throttle_percent=0)["will_finish"]
    assert expected(GUEST, 100, policy="post_copy")["way"] == "postcopy"
    assert expected(GUEST, 100, max_downtime_ms="8000", max_throttle_percent="0")["way"] == "precopy"
    assert expected(GUEST, 100, max_pause_s=10, max_throttle_percent=0)["way"] == "pause"
    assert required(GUEST, policy="post_copy") < required(GUEST, max_throttle_percent=0)


def test_memory_that_is_not_used_is_not_sent() -> None:
    idle = {**GUEST, "working_set_bytes": 0, "dirty_bytes_per_s": 0}
    whole, half = expected(idle, 100), expected(idle, 100, touched_bytes=500 * MIB)
    assert half["expected"]["sent_bytes"] < 0.6 * whole["expected"]["sent_bytes"]


def test_numbers_may_be_texts() -> None:
    texts = {key: str(value) for key, value in GUEST.items()}
    assert required(texts, deadline_s="600") == required(GUEST, deadline_s=600)


def test_shares_in_the_order_given() -> None:
    guests = [{"name": Text("erp01"), "uuid": "2"}, {"name": "crm01", "uuid": "1", "least_bandwidth_mib_per_s": 60}]
    assert shares(guests, link_mib_per_s=Text("100")) == [
        {"name": "erp01", "uuid": "2", "bandwidth_mib_per_s": 34},
        {"name": "crm01", "uuid": "1", "bandwidth_mib_per_s": 66},
    ]
    assert shares([], 100) == []
    assert shares({"name": "erp01", "uuid": "1", "phase": "completed"}, 100) == []


def test_select_on_subclasses_of_text_and_number() -> None:
    guests = [{"name": Text("erp01"), "left": Number(7)}, {"name": Text("crm01"), "left": Number(3)}]
    assert select(guests, Text("[?starts_with(name, 'e')].name")) == ["erp01"]
    assert select(guests, "max_by(@, &left).name") == "erp01"
    assert select(guests, "sum([].left)") == 10


def test_select_on_data_of_a_template() -> None:
    """From ansible-core 2.19 on data carries tags, on which JMESPath itself fails."""
    variables = {"guests": "{{ [dict(name='erp01', left=7), dict(name='crm01', left=3)] }}"}
    templar = Templar(loader=DataLoader(), variables=variables)
    text = """{{ guests | virtops.live_migration.migration_select("[?starts_with(name, 'e')].left") }}"""
    try:
        # The way to mark a template as one's own, from 2.19 on.
        from ansible.template import trust_as_template
    except ImportError:
        pass
    else:
        text = trust_as_template(text)
        variables["guests"] = trust_as_template(variables["guests"])
    assert templar.template(text) == [7]


# filter, what it is given, keyword arguments, what the message says
REFUSED: list[tuple[t.Callable[..., t.Any], t.Any, dict[str, t.Any], str]] = [
    (required, None, {}, "required_bandwidth: Expected the dirty_rate of a guest, but got nothing"),
    (required, "erp01", {}, "but got str"),
    (required, {}, {}, "memory_bytes is None, but must be a number above 0"),
    (required, {"memory_bytes": 1}, {}, "working_set_bytes of the dirty rate is None"),
    (required, GUEST, {"deadline_s": 0}, "deadline_s is 0.0, but must be more than 0 seconds"),
    (required, GUEST, {"policy": "mine"}, "There is no policy 'mine'"),
    (required, GUEST, {"colour": 3}, "no field 'colour'"),
    (expected, GUEST, {"bandwidth_mib_per_s": 0}, "bandwidth_mib_per_s is 0.0, but must be a number above 0"),
    (expected, GUEST, {"bandwidth_mib_per_s": "fast"}, "bandwidth_mib_per_s is 'fast', but must be a number"),
    (expected, GUEST, {"bandwidth_mib_per_s": 1, "touched_bytes": -1}, "touched_bytes is -1"),
    (shares, None, {"link_mib_per_s": 1}, "bandwidth_shares: Expected documents, but got nothing"),
    (shares, ["erp01"], {"link_mib_per_s": 1}, "Expected documents, but got str"),
    (shares, [{}], {"link_mib_per_s": 1}, "with name and uuid"),
    (shares, [{"name": "erp01", "uuid": "1"}], {"link_mib_per_s": None}, "must carry 1 at least"),
    (select, [], {"expression": "[?"}, "migration_select: The JMESPath expression '[?' cannot be applied"),
]


@pytest.mark.parametrize(("call", "given", "options", "message"), REFUSED)
def test_refused(call: t.Callable[..., t.Any], given: t.Any, options: dict[str, t.Any], message: str) -> None:
    with pytest.raises(AnsibleFilterError) as caught:
        call(given, **options)
    assert message in str(caught.value)


def test_devices_of_the_host_and_the_link_beyond_a_limit() -> None:
    writes = {**GUEST, "working_set_bytes": 20 * MIB}
    plain = expected(writes, 100)["expected"]["downtime_ms"]
    assert expected(writes, 100, host_devices="2")["expected"]["downtime_ms"] == plain + 106
    assert expected(writes, 100, link_mib_per_s=1000)["expected"]["downtime_ms"] < plain / 2
    assert expected(GUEST, 100, policy="post_copy", host_devices=1)["way"] != "postcopy"
    assert required(GUEST, max_throttle_percent=0, host_devices=4) > required(GUEST, max_throttle_percent=0)
    for wrong in ({"host_devices": -1}, {"link_mib_per_s": "much"}):
        with pytest.raises(AnsibleFilterError, match="must be a number"):
            expected(GUEST, 100, **wrong)


def test_the_course_of_a_migration_that_nobody_supervises() -> None:
    guest = {"ram_mib": Number(8192), "touched_mib": "4096", "bandwidth_mib_s": Text("129"), "mode": "precopy, idle"}
    assert course(guest)["total_s"] == pytest.approx(32, rel=0.02)
    assert course({**guest, "dirty_rate_mib_s": 200, "mode": "precopy"})["outcome"] == "does not finish"
    for wrong in (None, "8192", [guest]):
        with pytest.raises(AnsibleFilterError, match="facts of a migration"):
            course(wrong)
    with pytest.raises(AnsibleFilterError, match="bandwidth_mib_s"):
        course({"ram_mib": 8192})

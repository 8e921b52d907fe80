# SPDX-License-Identifier: GPL-3.0-or-later
"""The other filters, with one to three of the things that they are given changed: an error of ours, or a result."""

from __future__ import annotations

import json
import random
import typing as t
from pathlib import Path

import pytest
from ansible.errors import AnsibleFilterError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.virtops.live_migration.plugins.filter.awx_configuration import awx_configuration
from ansible_collections.virtops.live_migration.plugins.filter.batch_size import batch_size
from ansible_collections.virtops.live_migration.plugins.filter.certificate_is_for import certificate_is_for
from ansible_collections.virtops.live_migration.plugins.filter.evacuation_plan import evacuation_plan
from ansible_collections.virtops.live_migration.plugins.filter.expected_course import expected_course
from ansible_collections.virtops.live_migration.plugins.filter.expected_transfer import expected_transfer
from ansible_collections.virtops.live_migration.plugins.filter.guest_options import guest_options
from ansible_collections.virtops.live_migration.plugins.filter.hosts_of_pattern import hosts_of_pattern
from ansible_collections.virtops.live_migration.plugins.filter.hosts_outside import hosts_outside
from ansible_collections.virtops.live_migration.plugins.filter.incoming_not_cancelled import incoming_not_cancelled
from ansible_collections.virtops.live_migration.plugins.filter.installed_collections import installed_collections
from ansible_collections.virtops.live_migration.plugins.filter.libvirt_conf import libvirt_conf
from ansible_collections.virtops.live_migration.plugins.filter.migration_policy import migration_policy
from ansible_collections.virtops.live_migration.plugins.filter.migration_select import migration_select
from ansible_collections.virtops.live_migration.plugins.filter.migration_what_if import migration_what_if
from ansible_collections.virtops.live_migration.plugins.filter.name_list import name_list
from ansible_collections.virtops.live_migration.plugins.filter.parse_domjobinfo import parse_domjobinfo
from ansible_collections.virtops.live_migration.plugins.filter.printable import printable
from ansible_collections.virtops.live_migration.plugins.filter.required_bandwidth import required_bandwidth
from ansible_collections.virtops.live_migration.plugins.filter.rescue_order import rescue_order
from ansible_collections.virtops.live_migration.plugins.filter.rescue_report import rescue_report
from ansible_collections.virtops.live_migration.plugins.filter.takes_guests import takes_guests
from ansible_collections.virtops.live_migration.plugins.filter.uri_for_host import uri_for_host
from ansible_collections.virtops.live_migration.plugins.module_utils._core.units import MIB
from ansible_collections.virtops.live_migration.tests.unit.plugins import reports, rescues
from ansible_collections.virtops.live_migration.tests.unit.plugins.captured_texts import captured
from ansible_collections.virtops.live_migration.tests.unit.plugins.changed_documents import changed, printed, tried

ROOT = Path(__file__).resolve().parents[4]
FUZZ = settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
CHANGES_EACH = 6
HAND_BACK = ("migration_select", "name_list")  # texts as they were given
GUEST = {"memory_bytes": 1000 * MIB, "working_set_bytes": 600 * MIB, "dirty_bytes_per_s": 500 * MIB}
GROUPS = {"all": ["kvm01", "kvm02"], "ungrouped": [], "racks": ["kvm01"]}
LIMITS = {"max_downtime_ms": 500, "max_throttle_percent": 20, "max_pause_s": 3, "postcopy": "never", "deadline_s": 900}
PATTERN = json.loads((ROOT / "extensions/patterns/return_home/meta/pattern.json").read_text(encoding="utf-8"))
RESULTS = {"kvm01": {"results": [rescues.MOVED, rescues.LEFT]}}
ENDS = {"kvm01": rescues.look("crm01", moving=("crm01",)), "kvm02": rescues.look("erp01")}
OF_A_SITE = {
    "project": {"scm_url": "https://git.example.com/live_migration.git"},
    "inventory": "kvm",
    "hosts": ["kvm01", {"name": "kvm02"}],
    "credentials": ["ssh", {"name": "vault", "credential_type": "Vault"}],
    "inventory_variables": {"a": 1},
    "extra_vars": {"b": 2},
    "pattern_vars": {"return_home": {"c": 3}},
    "more_templates": [{"name": "other", "playbook": "other.yml"}],
}

OF_GUEST = {"name": "erp01", "policy": "post_copy", "policy_overrides": {"max_downtime_ms": "700", "patience_s": 1.5}}
PLAN = {
    "guests": [{"name": "erp01", "uuid": "u1", "from": "kvm01", "to": "kvm02", "order": 1, "sent_bytes": 5,
                "policy_overrides": {"postcopy": "never"}}],
    "shutdown": [{"name": "test01", "uuid": "u2", "host": "kvm01", "reason": "asked for"}],
    "left": [],
    "rules": {"guests": [{"name": "erp*", "priority": 3, "policy_overrides": {"max_pause_s": 1}}], "hosts": [],
              "groups": [{"name": "g", "guests": ["a", "b"], "rule": "apart", "hard": True}],
              "uplinks": [{"name": "rack", "mib_per_s": 900.0}], "destinations": ["kvm02"],
              "metadata_may": ["policy"], "policy": "minimal_downtime", "policy_overrides": {"deadline_s": 60},
              "max_transfers": 2},
}  # fmt: skip

# Of each filter what it is called with: by position, and by name.
Given = tuple[list[t.Any], dict[str, t.Any]]
FILTERS: dict[str, tuple[t.Callable[..., t.Any], Given]] = {
    "awx_configuration": (awx_configuration, ([[PATTERN]], OF_A_SITE)),
    "batch_size": (batch_size, ([[1, "20%"]], {})),
    "certificate_is_for": (certificate_is_for, ([captured("certificate.pem"), "kvm02"], {})),
    "evacuation_plan": (evacuation_plan, ([PLAN], {})),
    "expected_course": (
        expected_course,
        ([{"ram_mib": 4096, "touched_mib": "about 4000", "dirty_rate_mib_s": "80-90", "bandwidth_mib_s": 110,
           "working_set_mib": 500, "mode": "multifd 4 channels", "connections": 4, "link_mib_s": 1100}], {}),
    ),
    "expected_transfer": (
        expected_transfer,
        ([GUEST, 100], {"policy": "minimal_downtime", "touched_bytes": 500 * MIB, "host_devices": 1,
                        "link_mib_per_s": 110, **LIMITS}),
    ),
    "guest_options": (guest_options, ([[OF_GUEST, {"name": "web*", "copy_storage": "all"}], "guest_options"], {})),
    "hosts_of_pattern": (hosts_of_pattern, ([["kvm01", "racks"], GROUPS, "all:!kvm02"], {})),
    "hosts_outside": (hosts_outside, ([["kvm01", "kvm09"], GROUPS, "all:!kvm02"], {})),
    "incoming_not_cancelled": (
        incoming_not_cancelled,
        ([[{**rescues.job("erp01"), "operation": "incoming"}],
          [{"item": "kvm02", "jobs": [], "guests": [{"name": "erp01", "uuid": "uuid-erp01", "state": "running"}]}],
          [{"item": {"uuid": "uuid-crm01", "host": "kvm02"}, "reason": "MONITOR_HUNG", "msg": "It hangs."}]], {}),
    ),
    "installed_collections": (installed_collections, ([["ansible.builtin", "infra.aap_configuration"]], {})),
    "libvirt_conf": (
        libvirt_conf,
        (['user = "a"\nb = [1, "2"]\n', {"user": "b", "migration_port_min": 49160, "migration_host": "10.0.0.1"}], {}),
    ),
    "migration_policy": (migration_policy, (["minimal_downtime", LIMITS], {})),
    "migration_select": (migration_select, ([[{"name": "a", "left": 3}, {"name": "b"}], "[?left > `2`].name"], {})),
    "migration_what_if": (
        migration_what_if,
        ([reports.record("strict-small-hot-set.json"), "post_copy", {"max_downtime_ms": 500}], {}),
    ),
    "name_list": (name_list, ([["erp01", "crm01"], True, 5], {})),
    "parse_domjobinfo": (parse_domjobinfo, (["Job type: Unbounded\nTime elapsed: 294154 ms\n", "erp01"], {})),
    "printable": (printable, ([["erp01", "a\r"]], {})),
    "required_bandwidth": (required_bandwidth, ([GUEST], {"touched_bytes": 500 * MIB, "host_devices": 0, **LIMITS})),
    "rescue_order": (
        rescue_order,
        ([[rescues.job("hard", needed_ms=5000), rescues.job("capped", reason="BANDWIDTH_CAP")],
          "minimal_downtime", 500, "never", 3,
          [{"name": "hard", "policy": "post_copy", "policy_overrides": {"max_pause_s": 1}}], True], {}),
    ),
    "rescue_report": (rescue_report, ([RESULTS, ENDS, {"uuid-erp01": "kvm02"}, "erp01"], {})),
    "takes_guests": (takes_guests, ([{"virtops_live_migration": {"cordoned": True}}], {})),
    "uri_for_host": (
        uri_for_host,
        (["qemu+ssh://root@{host}/system?keyfile=/root/key", ["kvm02", "2001:db8::1"], ["keyfile"], True], {}),
    ),
}  # fmt: skip

told = pytest.fixture(scope="module", autouse=True)(printed)


def calls(name: str, seed: int) -> t.Iterator[t.Callable[[], t.Any]]:
    """With one of the things that are given changed, so that all of them are still given."""
    function, (values, options) = FILTERS[name]
    dice, places = random.Random(seed), [*enumerate(values), *options.items()]
    for _number in range(CHANGES_EACH):
        place, value = dice.choice(places)
        other = changed(value, dice.getrandbits(48))
        first = [other if place == position else one for position, one in enumerate(values)]
        named = {key: other if key == place else one for key, one in options.items()}
        yield lambda first=first, named=named: function(*first, **named)  # type: ignore[misc]


def test_no_filter_is_left_out() -> None:
    """Those that take documents of this collection are in test_fuzz_documents; one hands back whatever it is given."""
    documents = {"bandwidth_shares", "evacuation_table", "migration_diagnosis", "migration_report"}
    documents |= {"readiness_overview", "readiness_table", "report_html", "report_summary"}
    there = {path.stem for path in (ROOT / "plugins" / "filter").glob("[!_]*.py")}
    assert there == set(FILTERS) | documents | {"unless_blank"}


@pytest.mark.parametrize("name", FILTERS)
def test_what_is_whole_gives_a_result(name: str) -> None:
    function, (values, options) = FILTERS[name]
    function(*values, **options)


@pytest.mark.parametrize("name", FILTERS)
@FUZZ
@given(seed=st.integers(0, 2**48))
def test_a_filter(name: str, seed: int) -> None:
    for call in calls(name, seed):
        tried(name, AnsibleFilterError, call, as_given=name in HAND_BACK)


@pytest.mark.parametrize(
    ("name", "given", "says"),
    [
        ("awx_configuration", [[None]], "NOT_A_DOCUMENT|Expected documents"),
        ("awx_configuration", [[{"name": "a"}]], "not the content of a pattern.json"),
        ("expected_course", [{"bandwidth_mib_s": 10**400}], "bandwidth_mib_s is 1000"),
        ("hosts_outside", [["kvm01"], {"all": None}], "not the variable groups"),
        ("hosts_outside", [["kvm01"], {"all": [""]}, "kvm01"], "not the variable groups"),
        ("hosts_of_pattern", ["kvm01", ["kvm01"]], "not the variable groups"),
        ("uri_for_host", ["qemu://{host}/system", "kvm02", [1]], "1"),
        ("name_list", ["a,b", True, "many"], "at_most is 'many'"),
    ],
)
def test_what_was_a_traceback(name: str, given: list[t.Any], says: str) -> None:
    with pytest.raises(AnsibleFilterError, match=says):
        FILTERS[name][0](*given)


def test_one_parameter_that_is_allowed_may_be_a_text() -> None:
    """As an option of a module may be."""
    found = uri_for_host("qemu+ssh://{host}/system?keyfile=/k&socket=/s", "kvm02", "keyfile, socket")
    assert found == "qemu+ssh://kvm02/system?keyfile=/k&socket=/s"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"hosts": 5}, "hosts has to be a list"),
        ({"project": "https://git.example.com"}, "project has to be a dictionary"),
        ({"pattern_vars": {"return_home": 5}}, "a dictionary for 'return_home'"),
        ({"more_templates": ["other"]}, "more_templates have to be dictionaries"),
    ],
)
def test_wrong_variables_of_a_site_are_named(options: dict[str, t.Any], says: str) -> None:
    with pytest.raises(AnsibleFilterError, match=says):
        awx_configuration([PATTERN], **{**OF_A_SITE, **options})

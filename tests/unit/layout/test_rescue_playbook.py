# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook that rescues has every field of the policy, and so has its survey."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from ansible_collections.virtops.live_migration.plugins.module_utils._core.policy import Policy

ROOT = Path(__file__).resolve().parents[3]
PLAYBOOK = ROOT / "playbooks" / "rescue.yml"
# A rescue starts nothing, so it starts nothing again; and libvirt allows no change of memory while a job runs.
NOT_FOR_A_RESCUE = {"max_restarts", "shrink", "shrink_keep_mib"}
_VARIABLE = re.compile(r"(?<![.\w])live_migration_\w+")


def overrides() -> dict[str, str]:
    """By field, what it is made from."""
    plays = yaml.safe_load(PLAYBOOK.read_text(encoding="utf-8"))
    (limits,) = (play["vars"]["__rescue_limits"] for play in plays if "vars" in play)
    return dict(re.findall(r"'(\w+)': (live_migration_.*),", limits))


def test_every_field_of_the_policy_has_a_variable() -> None:
    assert set(overrides()) == set(Policy.__dataclass_fields__) - NOT_FOR_A_RESCUE


def test_every_variable_is_in_the_specification_and_in_the_survey() -> None:
    meta = yaml.safe_load(PLAYBOOK.with_name("rescue.meta.yml").read_text(encoding="utf-8"))
    options = meta["argument_specs"]["rescue"]["options"]
    pattern = ROOT / "extensions" / "patterns" / "rescue_migration" / "meta" / "pattern.json"
    (template,) = json.loads(pattern.read_text(encoding="utf-8"))["aap_resources"]["controller_job_templates"]
    asked = {question["variable"] for question in template["survey"]["spec"]}
    for field, value in overrides().items():
        (variable,) = set(_VARIABLE.findall(value))
        assert variable in options, field
        assert variable in asked, field


def test_what_is_not_given_is_the_word_of_the_policy() -> None:
    """But for what is done in the end, of which the module has a word of its own."""
    own = {field for field, value in overrides().items() if "default('')" not in value}
    assert own == {"on_hopeless"}
    plays = yaml.safe_load(PLAYBOOK.read_text(encoding="utf-8"))
    name = "virtops.live_migration.migration_rescue"
    (task,) = (one for play in plays for one in play["tasks"] if name in one)
    assert task[name]["policy_overrides"] == "{{ __rescue_limits }}"


@pytest.mark.parametrize("playbook", ["rescue", "rescue_by_event"])
def test_what_is_said_of_single_guests_counts(playbook: str) -> None:
    """A guest that must not go by post-copy does not, whichever way a rescue is started."""
    path = PLAYBOOK.with_name(f"{playbook}.yml")
    options = yaml.safe_load(path.with_suffix(".meta.yml").read_text(encoding="utf-8"))["argument_specs"][playbook]
    name = "virtops.live_migration.migration_rescue"
    (task,) = (
        one[name] for play in yaml.safe_load(path.read_text(encoding="utf-8")) for one in play["tasks"] if name in one
    )
    for option in ("guest_options", "heed_metadata"):
        assert f"live_migration_{option} |" in task[option]
        assert f"live_migration_{option}" in options["options"]


def test_the_rulebooks_leave_that_to_the_inventory() -> None:
    """What they handed on would come before it."""
    for path in (ROOT / "extensions" / "eda" / "rulebooks").glob("*.yml"):
        assert "live_migration_guest_options" not in path.read_text(encoding="utf-8"), path.name

# SPDX-License-Identifier: GPL-3.0-or-later
"""What the user allows a migration to do to a guest, and how long it may go on.

The reason code of a policy that makes no sense is BAD_CONTRACT, after the option ``contract`` that two modules have:
playbooks go by the code, so it stays.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import asdict, dataclass

from .errors import MigrationError

MAX_DOWNTIME_LIMIT_MS = 2_000_000  # QEMU refuses more
# From careful to bold, but for the modes. A guest that goes on at home is safer than one whose migration nobody ends,
# and that one than a guest that stands still.
POSTCOPY_CHOICES = ("never", "if_needed", "prefer")
HOPELESS_CHOICES = ("abort", "leave", "pause")
MODES = ("act", "observe")
SHRINK_CHOICES = ("never", "balloon")
MAX_THROTTLE_PERCENT = 99  # QEMU's own end
_MOST_RESTARTS = 100
_MOST_KEPT_MIB = 1 << 30
_MOST = 1e12  # seconds, or times the memory; what is reckoned with it stays a number


@dataclass(frozen=True)
class Policy:
    """The limits a migration, and a remedy for it, have to keep to. None: chosen from the size of the guest.

    ``max_downtime_ms``: how long the guest may stand still at the switch-over. ``postcopy``: whether the guest may run
    split over two hosts: not at all, when it cannot finish otherwise, or whenever that is faster.
    ``max_postcopy_s``: how long it may depend on both hosts. ``max_pause_s``: how long it may stand still to finish
    when nothing shorter does (0: not at all). ``max_throttle_percent``: how much of its processor time auto-converge,
    or the quotas of its virtual processors in a job without that, may take (0: none). ``deadline_s``: how long its
    memory may take, ``storage_deadline_s`` the same for its disks, which come first; ``setup_deadline_s``: how long
    nothing may be sent at its beginning, while the destination gets its memory ready. ``max_data_factor``: how many
    times its memory may be sent. ``patience_s``: how long a finish that is possible already may be put off for a
    shorter downtime. ``on_hopeless``: what to do when the deadline or the data limit is reached. ``max_restarts``: how
    many times it may be started again where a restart of libvirt on the source has ended it. ``shrink``: whether memory
    that the guest does not use is taken from it by its balloon before it is sent, and given back afterwards;
    ``shrink_keep_mib``: what it keeps to give out meanwhile.
    ``mode``: ``observe`` decides and records, and touches nothing.
    """

    max_downtime_ms: int = 1000
    postcopy: str = "if_needed"
    max_pause_s: float = 0.0
    max_throttle_percent: int = 60
    deadline_s: t.Optional[float] = None
    storage_deadline_s: t.Optional[float] = None
    setup_deadline_s: t.Optional[float] = None
    max_data_factor: float = 6.0
    max_postcopy_s: float = 120.0
    on_hopeless: str = "abort"
    patience_s: t.Optional[float] = None
    max_restarts: int = 0
    shrink: str = "never"
    shrink_keep_mib: int = 256
    mode: str = "act"

    def __post_init__(self) -> None:
        self._whole("max_downtime_ms", 1, MAX_DOWNTIME_LIMIT_MS)
        self._whole("max_throttle_percent", 0, MAX_THROTTLE_PERCENT)
        self._whole("max_restarts", 0, _MOST_RESTARTS)
        self._whole("shrink_keep_mib", 0, _MOST_KEPT_MIB)
        self._one_of("shrink", SHRINK_CHOICES)
        self._one_of("postcopy", POSTCOPY_CHOICES)
        self._one_of("on_hopeless", HOPELESS_CHOICES)
        self._one_of("mode", MODES)
        self._seconds("max_pause_s")
        self._seconds("patience_s", optional=True)
        for name in ("deadline_s", "storage_deadline_s", "setup_deadline_s"):
            self._seconds(name, optional=True, zero=False)
        self._seconds("max_postcopy_s", zero=False)
        if not _is_number(self.max_data_factor) or self.max_data_factor < 1:
            raise _bad("max_data_factor", self.max_data_factor, "a number from 1 up: all memory has to be sent once")
        if self.on_hopeless == "pause" and self.max_pause_s == 0:
            raise _bad("on_hopeless", "pause", "something else while max_pause_s is 0, which allows no pause")

    def document(self) -> dict[str, t.Any]:
        return asdict(self)

    def _whole(self, name: str, low: int, high: int) -> None:
        value = getattr(self, name)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise _bad(name, value, f"a number from {low} to {high}")

    def _one_of(self, name: str, choices: t.Sequence[str]) -> None:
        if getattr(self, name) not in choices:
            raise _bad(name, getattr(self, name), "one of " + ", ".join(choices))

    def _seconds(self, name: str, *, optional: bool = False, zero: bool = True) -> None:
        value = getattr(self, name)
        if optional and value is None:
            return
        if not _is_number(value) or value < 0 or (value == 0 and not zero):
            raise _bad(name, value, f"{'0 or more' if zero else 'more than 0'} seconds, and {_MOST:g} at most")


# The names are those that administrators know from oVirt, and so is what they stand for. What they do not say keeps
# the default of the policy.
PRESETS: t.Mapping[str, t.Mapping[str, t.Any]] = {
    "minimal_downtime": {"max_downtime_ms": 500, "postcopy": "never"},
    "suspend_workload": {"max_downtime_ms": 500, "postcopy": "never", "max_pause_s": 5.0, "on_hopeless": "pause"},
    "post_copy": {"max_downtime_ms": 500, "postcopy": "prefer", "max_throttle_percent": 0},
    "very_large": {"max_downtime_ms": 1500, "postcopy": "never", "max_pause_s": 5.0, "max_postcopy_s": 1800.0},
}
DEFAULT_PRESET = "minimal_downtime"


_WHOLE = re.compile(r"[+-]?[0-9]{1,18}")
_DECIMAL = re.compile(r"[+-]?[0-9]{1,18}(\.[0-9]{1,18})?")


def with_numbers(fields: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """The same fields, with those that are numbers as numbers where they came as texts; what is no number stays as it
    is, and is refused as a policy. Ansible before 2.19 makes a text of each template, also within a dictionary."""
    found = dict(fields)
    for key, value in fields.items():
        declared = Policy.__dataclass_fields__.get(key)
        if declared is None or declared.type == "str" or not isinstance(value, str):
            continue
        if declared.type == "int" and _WHOLE.fullmatch(value):
            found[key] = int(value)
        elif declared.type != "int" and _DECIMAL.fullmatch(value):
            found[key] = float(value)
    return found


def policy_from(fields: t.Mapping[str, t.Any]) -> Policy:
    """A policy from option values; a field that is missing or None keeps its default. Raises BAD_CONTRACT."""
    known = {key: value for key, value in with_numbers(fields).items() if value is not None}
    unknown = sorted(set(known) - set(Policy.__dataclass_fields__))
    if unknown:
        raise MigrationError(
            "BAD_CONTRACT",
            f"The policy has no field {unknown[0]!r}.",
            state="Nothing was changed.",
            remedy="Its fields are: " + ", ".join(Policy.__dataclass_fields__) + ".",
        )
    return Policy(**known)


def preset(name: str = DEFAULT_PRESET, overrides: t.Optional[t.Mapping[str, t.Any]] = None) -> Policy:
    """The policy of a preset, with the fields of ``overrides`` in their place; a None overrides nothing.

    Without a pause the preset does not pause a hopeless guest either; who asks for both is told.
    """
    if name not in PRESETS:
        raise MigrationError(
            "BAD_CONTRACT",
            f"There is no policy {name!r}.",
            state="Nothing was changed.",
            remedy="The policies are: " + ", ".join(PRESETS) + ".",
        )
    given = {key: value for key, value in (overrides or {}).items() if value is not None}
    fields = dict(PRESETS[name])
    if given.get("max_pause_s") == 0 and fields.get("on_hopeless") == "pause":
        del fields["on_hopeless"]
    return policy_from({**fields, **given})


def _is_number(value: t.Any) -> bool:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return number and -_MOST <= value <= _MOST  # which nan is not


def _bad(name: str, value: t.Any, wanted: str) -> MigrationError:
    return MigrationError(
        "BAD_CONTRACT",
        f"The policy's {name} is {value!r}, but must be {wanted}.",
        state="Nothing was changed.",
        remedy="Correct the value and run it again.",
    )

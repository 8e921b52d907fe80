# SPDX-License-Identifier: GPL-3.0-or-later
"""What the supervisor decides, as data: the driver does it, the record keeps it, a person reads it."""

from __future__ import annotations

import enum
import typing as t
from dataclasses import dataclass, field


class Kind(str, enum.Enum):
    """``LEAVE``: the job goes on without supervision; ``RECOVER``: join the halves of a broken post-copy; ``THROTTLE``:
    hold the guest's virtual processors back by their quotas, where QEMU does not slow it down."""

    WAIT = "wait"
    SET_DOWNTIME = "set_downtime"
    SET_BANDWIDTH = "set_bandwidth"
    THROTTLE = "throttle"
    START_POSTCOPY = "start_postcopy"
    SUSPEND = "suspend"
    ABORT = "abort"
    RECOVER = "recover"
    LEAVE = "leave"


@dataclass(frozen=True)
class Action:
    """One decision. ``reason`` is a stable code, ``because`` a sentence, ``numbers`` what it rests on.

    ``value``: SET_DOWNTIME milliseconds, SET_BANDWIDTH MiB/s (0: no limit), THROTTLE the percent of their time that the
    virtual processors are to lose (0: none), SUSPEND the seconds after which the pause has to end, RECOVER the number
    of the attempt; else None. ``apply``: whether it is to be done (WAIT: nothing is).
    """

    kind: Kind
    reason: str
    because: str
    numbers: t.Mapping[str, t.Any] = field(default_factory=dict)
    value: t.Optional[float] = None
    apply: bool = True

    def document(self) -> dict[str, t.Any]:
        return {
            "action": self.kind.value,
            "reason": self.reason,
            "because": self.because,
            "numbers": dict(self.numbers),
            "value": self.value,
            "apply": self.apply,
        }


class ActionResult(t.NamedTuple):
    """What became of an action that was to be done; ``problem`` is empty when it was, ``reason`` its stable code."""

    kind: Kind
    problem: str = ""
    reason: str = ""

    @property
    def failed(self) -> bool:
        return bool(self.problem)

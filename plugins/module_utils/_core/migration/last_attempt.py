# SPDX-License-Identifier: GPL-3.0-or-later
"""What a failed attempt has taught of the network to a destination: the next one is planned with it, in whichever run.

The note is in the guest's live metadata, which are there for as long as the guest runs. Whoever may edit the guest can
write it: it makes plans more careful only, since it counts where it is less than what is known otherwise.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass
from xml.etree import ElementTree

from ..errors import MigrationError
from ..guest_metadata import attributes_of
from ..job.observation import CAPPED_SHARE
from ..units import KIB, MIB

ATTEMPT_NAMESPACE = "https://github.com/virtops/ansible-live-migration/attempt"
ATTEMPT_PREFIX = "attempt"
_ELEMENT = "attempt"
_COUNTS_FOR_S = 24 * 3600.0  # a choice: the next night the network may be another one
_LEAST_SENDING_S = 2.0  # of less the beginning of a stream is most
# The limits that a guest reaches that is sent all the time; any other end says nothing of what a network carries.
_TEACHING = ("DEADLINE", "DATA_LIMIT", "THROTTLE_LIMIT")
_NUMBER = re.compile(r"[0-9]{1,12}")


@dataclass(frozen=True)
class LastAttempt:
    """``destination``: the name of the host that it was to go to. ``ended_epoch_s``: when it was given up."""

    guest_uuid: str
    destination: str
    ended_epoch_s: int
    carried_bytes_per_s: int

    def xml(self) -> str:
        carried = self.carried_bytes_per_s // KIB
        numbers = {"ended-s": str(self.ended_epoch_s), "carried-kib-per-s": str(carried)}
        written = {"uuid": self.guest_uuid, "destination": self.destination, **numbers}
        return ElementTree.tostring(ElementTree.Element(_ELEMENT, written), encoding="unicode")


def read_attempt(text: t.Any, guest_uuid: str, destination: str, now_s: float) -> t.Optional[LastAttempt]:
    """None for what is no such note, for that of another guest or way, and for one that is old or of the future."""
    found = attributes_of(text)
    if found is None or found.element != _ELEMENT:
        return None
    if (found.values.get("uuid"), found.values.get("destination")) != (guest_uuid, destination):
        return None
    numbers = [found.values.get(name, "") for name in ("ended-s", "carried-kib-per-s")]
    if not all(_NUMBER.fullmatch(one) for one in numbers):
        return None
    ended_s, carried = map(int, numbers)
    if carried == 0 or not 0 <= now_s - ended_s <= _COUNTS_FOR_S:
        return None
    return LastAttempt(guest_uuid, destination, ended_s, carried * KIB)


def carried_bytes_per_s(failed: MigrationError) -> t.Optional[int]:
    """What the network carried while memory was sent, by the record of an attempt that was given up; None where it
    does not tell: the attempt ended for another reason, was short, or was held back by a bandwidth limit of its own.
    """
    if failed.reason != "GIVEN_UP" or failed.evidence.get("decision") not in _TEACHING:
        return None
    record = failed.facts.get("record") or {}
    columns, looks = record.get("columns") or [], record.get("looks") or []
    sending = [one for one in (dict(zip(columns, row)) for row in looks) if one["memory_processed_bytes"] > 0]
    if not sending or sending[-1]["at_s"] - sending[0]["at_s"] < _LEAST_SENDING_S:
        return None
    first, last = sending[0], sending[-1]
    sent_bytes = last["memory_processed_bytes"] - first["memory_processed_bytes"]
    carried = int(sent_bytes / (last["at_s"] - first["at_s"]))
    limits = [one["bandwidth_mib_per_s"] for one in sending if one["bandwidth_mib_per_s"]]
    held_back = bool(limits) and carried >= CAPPED_SHARE * min(limits) * MIB
    return carried if carried > 0 and not held_back else None

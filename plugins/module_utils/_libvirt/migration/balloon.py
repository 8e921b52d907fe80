# SPDX-License-Identifier: GPL-3.0-or-later
"""The memory of a guest that is migrated: taken before as far as its policy allows, given back wherever it ends."""

from __future__ import annotations

import contextlib
import time
import typing as t
from dataclasses import replace

from ..._core.balloon.note import ShrunkNote
from ..._core.balloon.pressure import pressure
from ..._core.balloon.reclaim import Obstacle, Reclaim
from ..._core.errors import MigrationError
from ..._core.forecast.forecast import Forecast, forecast
from ..._core.forecast.simulation import MigrationFacts
from ..._core.job.sample import Phase
from ..._core.migration.location import Situation
from ..._core.migration.shrink import LEFT_SMALL, NOT_WAITED, ONLY_WATCHED, ShrinkOutlook, left_small
from ..._core.policy import Policy
from ..._core.units import MIB, human_bytes
from ..balloon.calls import note_of, read_statistics
from ..balloon.giving import GivenBack, give_back
from ..balloon.taking import Taken, Taking
from ..connection import libvirt
from ..guest import Guest
from ..job.sampling import glance
from ..measure.facts import MeasuredFacts, touched_memory
from ..timeout import within
from .definition import defined
from .two_hosts import TwoHosts

_LOOK_EACH_S, _LOOK_LIMIT_S = 1.0, 3.0
_MAY_GO_BACK = (Phase.SETUP, Phase.PRECOPY)

Result = dict[str, t.Any]


class MigrationMemory:
    """``say``: for what the user should know although it went well. ``pressed``: why its migration was ended for it."""

    def __init__(self, ends: TwoHosts, say: t.Callable[[str], None]) -> None:
        self._ends, self._say = ends, say
        self._note: t.Optional[ShrunkNote] = None
        self._taking: t.Optional[Taking] = None
        self._outlook: t.Optional[ShrinkOutlook] = None
        self._taken: t.Optional[Taken] = None
        self._given: t.Optional[GivenBack] = None
        self._given_on: t.Optional[str] = None
        self._looked_s = 0.0
        self.pressed = ""

    # --- what is found

    def found_with(self, situation: Situation, *, check: bool) -> None:
        """Looks for the note of a run before. Of a guest that nothing moves it is given back at once."""
        if situation not in (Situation.START, Situation.ADOPT, Situation.BROKEN, Situation.THERE):
            return
        guest = self._ends.there if situation is Situation.THERE else self._ends.here
        self._note = note_of(guest) if guest is not None else None
        if self._note is not None and not check and situation is Situation.START:
            self._give(self._ends.here, self._ends.source_name)
            if self._given is not None and self._given.problem:
                self._say(f"{self._ends.guest.name!r}: {self._given.problem}")

    # --- before the start

    def begin(self, guest: Guest, policy: Policy, *, wait: bool) -> None:
        """Before it is measured: the guest tells its figures meanwhile."""
        self._outlook = self._taking = self._taken = None
        if policy.shrink == "never":
            return
        why_not = NOT_WAITED if not wait else ONLY_WATCHED if policy.mode != "act" else None
        why_not = LEFT_SMALL if self._note is not None and self._given is not None else why_not
        if why_not is None:
            self._taking = Taking(guest, policy.shrink_keep_mib * MIB)
            why_not = _begun(self._taking)
        if why_not is not None:
            self._outlook = ShrinkOutlook(why_not)

    def look(self, found: MeasuredFacts, planned: t.Callable[[MeasuredFacts], Forecast]) -> MeasuredFacts:
        """The facts of the guest as it will be when it is sent."""
        if self._taking is None or self._outlook is not None:
            return found
        what = _asked(self._taking, found.facts)
        self._outlook = ShrinkOutlook(what, planned(found))
        if isinstance(what, Obstacle):
            self._taking.end()
            return found
        return _with_touched(found, found.facts.touched_bytes - what.saved_bytes, "what its balloon takes")

    def document(self, seen: Forecast) -> t.Optional[Result]:
        """Of the forecast; None where the policy does not allow it."""
        return self._outlook.document(seen) if self._outlook is not None else None

    def end_of_check(self) -> None:
        """Nothing is changed by check mode: the guest tells its figures as often as before."""
        if self._taking is not None:
            self._taking.end()

    def take(self, guest: Guest, found: MeasuredFacts) -> MeasuredFacts:
        """Right before the start. The facts of the guest as it is then."""
        outlook = self._outlook
        if self._taking is None or outlook is None or isinstance(outlook.found, Obstacle) or self._taken is not None:
            return found
        try:
            self._taken = self._taking.take(persistent=defined(guest))
        except (MigrationError, libvirt.libvirtError) as exc:
            self._say(f"Nothing was taken from the memory of {guest.name!r} after all: {exc}")
            self._note, self._given = self._taking.note, None
            self.back_at_the_source()
            self._taking.end()
            return found
        self._note, self._given = self._taking.note, None
        # Where only the size of its memory is known, what it is left with is the most that it can have touched.
        touched = min(touched_memory(self._ends.source, guest, guest.memory().maximum_bytes)[0], self._taken.left_bytes)
        return _with_touched(found, touched, "what its balloon has taken")

    def watch(self, numbers: t.Mapping[str, t.Any]) -> None:
        """At each look. A guest that runs short of memory is called back: while it moves nothing can be given to it."""
        now_s, guest = time.monotonic(), self._ends.here
        if self._taken is None or self._taking is None or self.pressed or guest is None:
            return
        if Phase(numbers["phase"]) not in _MAY_GO_BACK or now_s - self._looked_s < _LOOK_EACH_S:
            return
        self._looked_s = now_s
        # A look that fails, and an order that comes too late, change nothing: it is looked at again.
        with contextlib.suppress(MigrationError, libvirt.libvirtError):
            words = pressure(self._taken.held, read_statistics(guest, _LOOK_LIMIT_S), self._taking.keep_bytes)
            job = glance(guest) if words else None
            if job is not None and job.phase in _MAY_GO_BACK:
                within(guest.raw.abortJob, f"aborting the migration of {guest.name!r}")
                self.pressed = words

    # --- afterwards

    def back_at_the_source(self) -> None:
        """Before another attempt that may be a while off."""
        if self._note is not None:
            self._give(self._ends.here, self._ends.source_name)

    def foreseen(self, result: Result) -> Result:
        """For check mode: a guest that a run before has left small gets its memory back, wherever it is."""
        if self._note is None:
            return result
        self._say(f"{self._ends.guest.name!r} was left small by a run that has ended. It would get its memory back.")
        return {**result, "changed": True}

    def after(self, result: Result) -> Result:
        """It is where it should be. Raises LEFT_SMALL, with all that is to be told of its migration."""
        if result["outcome"] == "started" or (self._note is None and self._given is None):
            return result
        name, host = self._ends.guest.name, self._ends.destination_name
        was_small = self._note is not None
        try:
            self._give(self._ends.there, host)
            problem = self._given.problem if was_small and self._given else ""
        except (MigrationError, libvirt.libvirtError) as exc:
            problem = str(exc)
        result = {**result, "shrink": self._told()}
        if problem:
            raise left_small(name, host, problem, result)
        return {**result, "changed": result["changed"] or was_small}

    def after_failure(self, failed: MigrationError) -> MigrationError:
        """Given back where it is still, or again, on the source, and nothing moves it. Else the next run does so.

        The error with what is to be told of that.
        """
        small, told = self.after_trouble(), self._told()
        if not small and told is None:
            return failed
        facts = {"shrink": told, **failed.facts}
        state = f"{failed.state} {small}".strip()
        evidence, remedy = failed.evidence, failed.remedy
        return MigrationError(failed.reason, failed.problem, state=state, remedy=remedy, evidence=evidence, facts=facts)

    def after_trouble(self) -> str:
        """As :meth:`after_failure`; what it has not got back, as a sentence, or nothing."""
        if self._taking is not None:
            self._taking.end()
        return self._give_where_it_is(self._note) if self._note is not None else ""

    def _give_where_it_is(self, note: ShrunkNote) -> str:
        """What it has not got back, as a sentence; empty where it has it."""
        name, problem = self._ends.guest.name, "Its migration may go on."
        try:
            where = self._ends.settled()
            if where.situation is Situation.START:
                self._give(self._ends.here, self._ends.source_name)
            elif where.situation is Situation.THERE:
                self._give(self._ends.there, self._ends.destination_name)
        except (MigrationError, libvirt.libvirtError) as exc:
            problem = f"{exc}"
        if self._note is None:
            return ""
        problem = self._given.problem if self._given and self._given.problem else problem
        return (
            f"{name!r} has not got back the {human_bytes(note.former_bytes)} of memory that it had. {problem}"
            " Running this again gives it back."
        )

    def _give(self, guest: t.Optional[Guest], host: str) -> None:
        if self._note is None or guest is None:
            return
        self._given, self._given_on = give_back(guest, self._note), host
        if not self._given.problem:
            self._note = None
            if self._taking is not None:
                self._taking.note = None

    def _told(self) -> t.Optional[Result]:
        if self._taken is None and self._given is None:
            return None
        taken, given = self._taken, self._given
        return {
            "former_bytes": given.former_bytes if given else self._note.former_bytes if self._note else None,
            "left_bytes": taken.left_bytes if taken else None,
            "freed_bytes": taken.resident_bytes if taken else None,
            "took_s": taken.took_s if taken else None,
            "stopped_by": taken.stop.value if taken else None,
            "given_back": given is not None and not given.problem,
            "given_back_on": self._given_on if given is not None else None,
        }


def _with_touched(found: MeasuredFacts, touched_bytes: int, words: str) -> MeasuredFacts:
    facts = replace(found.facts, touched_bytes=max(1, touched_bytes))
    known_from = found.touched_from.partition(", less what its balloon")[0]
    return replace(found, facts=facts, touched_from=f"{known_from}, less {words}")


def _begun(taking: Taking) -> t.Optional[Obstacle]:
    """What cannot be asked is no reason not to migrate."""
    try:
        return taking.begin()
    except (MigrationError, libvirt.libvirtError) as exc:
        return _not_asked(exc)


def _asked(taking: Taking, facts: MigrationFacts) -> t.Union[Reclaim, Obstacle]:
    try:
        return taking.look(facts.touched_bytes, facts.bandwidth_bytes_per_s)
    except (MigrationError, libvirt.libvirtError) as exc:
        return _not_asked(exc)


def _not_asked(exc: Exception) -> Obstacle:
    return Obstacle("NOT_ASKED", f"its memory could not be asked for ({str(exc).rstrip('.')})")


class ShrinkQuestion:
    """What shrinking would come to, for a guest that is only asked about. Begun before the guest is measured."""

    def __init__(self, guest: Guest, policy: Policy) -> None:
        self._policy = policy
        self._taking = Taking(guest, policy.shrink_keep_mib * MIB) if policy.shrink != "never" else None
        self._why_not = _begun(self._taking) if self._taking is not None else None

    def answer(self, facts: MigrationFacts) -> tuple[MigrationFacts, t.Optional[Result]]:
        """The facts of the guest as it would be sent; None for a policy that does not allow it."""
        if self._taking is None:
            return facts, None
        found = self._why_not or _asked(self._taking, facts)
        self._taking.end()
        outlook = ShrinkOutlook(found, forecast(self._policy, facts))
        less = replace(facts, touched_bytes=max(1, facts.touched_bytes - outlook.saved_bytes))
        return less, outlook.document(forecast(self._policy, less))

    def end(self) -> None:
        """When it is not asked to its end."""
        if self._taking is not None:
            self._taking.end()

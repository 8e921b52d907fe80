# SPDX-License-Identifier: GPL-3.0-or-later
"""A guest's definition and autostart, kept with it when it moves.

libvirt does not carry the autostart mark, and forgets it with the source's definition. So that it is not lost when
nobody is there at the end, it is noted in the guest's own metadata for the way.
"""

from __future__ import annotations

import contextlib
import typing as t
from xml.etree import ElementTree

from ..._core.errors import MigrationError
from ..._core.guest_metadata import attributes_of
from ..._core.libvirt_errors.codes import Err
from ..._core.migration.definition import DefinitionState, Step
from ..connection import libvirt
from ..errors import translate
from ..guest import Guest
from ..metadata import CONFIG, LIVE, NOT_THERE, element_of, write_element
from ..timeout import within
from .two_hosts import TwoHosts

_NAMESPACE = "https://github.com/virtops/ansible-live-migration/carried"
_PREFIX = "carried"
_NOTE = "autostart"
_INACTIVE, _SECURE, _MIGRATABLE = 2, 1, 8  # VIR_DOMAIN_XML_*
_KEEP_NVRAM, _KEEP_TPM = 1 << 3, 1 << 6  # VIR_DOMAIN_UNDEFINE_KEEP_*, since libvirt 2.3 and 8.9


def autostarts(guest: Guest) -> bool:
    """Whether the guest starts with its host."""
    return bool(within(guest.raw.autostart, f"reading the autostart of {guest.name!r}"))


def defined(guest: t.Optional[Guest]) -> bool:
    """Whether a host keeps the guest when it is off. A host that cannot say so raises: that is no "not defined"."""
    if guest is None:
        return False
    try:
        return bool(within(guest.raw.isPersistent, f"looking whether {guest.name!r} is defined"))
    except libvirt.libvirtError as exc:
        if exc.get_error_code() != Err.NO_DOMAIN:
            raise
        return False


def note_autostart(guest: Guest, on: bool) -> None:
    """Write the note, live and for good, or take it away. It names its guest: a clone is made with the metadata."""
    text = f"<{_NOTE} uuid='{guest.uuid}'/>" if on else None
    doing = f"noting the autostart of {guest.name!r}"
    write_element(guest, text, _PREFIX, _NAMESPACE, LIVE | CONFIG, doing)


def autostart_noted(guest: Guest) -> bool:
    """Whether it carries the note of :func:`note_autostart`; one of version 0.1.0 names no guest, and counts.

    What could not be read is an error.
    """
    text = element_of(guest, _NAMESPACE, (CONFIG,), (*NOT_THERE, Err.NO_DOMAIN))
    found = attributes_of(text) if text is not None else None
    return found is not None and found.element == _NOTE and found.values.get("uuid", guest.uuid) == guest.uuid


def kept(ends: TwoHosts, autostart: bool = False) -> DefinitionState:
    """Where the guest is defined now. ``autostart``: whether it is known to have started with the source."""
    here, there = ends.here, ends.there
    on_source = defined(here)
    starts_here = here is not None and on_source and autostarts(here)
    if there is None or not defined(there):
        return DefinitionState(on_source, False, autostart_noted=autostart or starts_here)
    note = autostart_noted(there)
    return DefinitionState(on_source, True, autostarts(there), autostart or starts_here or note, note)


def do(
    ends: TwoHosts, missing: t.Sequence[Step], *, note_there: bool, definition_there: t.Callable[[str], str] = str
) -> None:
    """Carry out the missing steps, for a guest that runs on the destination and not on the source.

    ``definition_there``: makes the definition that the destination gets from that of the source.
    """
    guest = ends.guest
    calls: dict[Step, t.Callable[[], t.Any]] = {
        Step.DEFINE: lambda: _define(ends, definition_there),
        Step.AUTOSTART: lambda: ends.there and ends.there.raw.setAutostart(1),
        Step.UNDEFINE: lambda: _undefine(ends.here),
    }
    for step in missing:
        words = step.value.replace("_", " ")
        try:
            within(calls[step], f"{words} of {guest.name!r}")
        except libvirt.libvirtError as exc:
            raise translate(
                exc,
                f"{guest.name!r} runs on {ends.destination_name}, but one step after that failed: {words}.",
                state=f"The guest runs on {ends.destination_name}, and only there.",
            ) from exc
    if note_there and ends.there is not None:
        with contextlib.suppress(libvirt.libvirtError, MigrationError):
            note_autostart(ends.there, False)


def _define(ends: TwoHosts, definition_there: t.Callable[[str], str]) -> None:
    """Define the guest on the destination: by the source's definition, else, where it has none, by the guest as it
    runs."""
    here, there = ends.here, ends.there
    if here is not None and defined(here):
        ends.destination.raw.defineXML(definition_there(here.raw.XMLDesc(_INACTIVE | _SECURE | _MIGRATABLE)))
    elif there is not None:
        ends.destination.raw.defineXML(there.raw.XMLDesc(_SECURE | _MIGRATABLE))


def _undefine(here: t.Optional[Guest]) -> None:
    """Take the definition off the source, and nothing else that belongs to the guest.

    Without the flags libvirt refuses a guest with an NVRAM file, and deletes the state of an emulated TPM, which the
    guest is using by now where it is on shared storage. What is left out keeps libvirt from undefining a guest that has
    a saved state, snapshots or checkpoints here.
    """
    if here is None or here.state().active:
        return
    try:
        try:
            here.raw.undefineFlags(_KEEP_NVRAM | _KEEP_TPM)
        except libvirt.libvirtError as exc:
            if exc.get_error_code() != Err.INVALID_ARG:
                raise
            _undefine_by_an_old_daemon(here)
    except libvirt.libvirtError:
        if here.known_state() is not None:  # else another run was faster
            raise


def _undefine_by_an_old_daemon(here: Guest) -> None:
    """By one that does not know the flag for the TPM; or neither, which refuses a guest with an NVRAM file itself."""
    if loses_tpm_state(here.raw.XMLDesc(_INACTIVE)):
        raise MigrationError(
            "TPM_STATE_AT_RISK",
            f"{here.name!r} runs on the destination, and stays defined on the source as well: libvirt before 8.9"
            " deletes the state of its TPM with the definition, and on shared storage that is what the guest uses now.",
            state="The guest runs on the destination, and only there. Nothing was deleted.",
            remedy="Update libvirt on the source to 8.9 or later and run this again; or see that the directory of the"
            " TPM's state is not shared, and undefine it by hand. With undefine_source: false it is left out.",
        )
    try:
        here.raw.undefineFlags(_KEEP_NVRAM)
    except libvirt.libvirtError as exc:
        if exc.get_error_code() != Err.INVALID_ARG:
            raise
        here.raw.undefineFlags(0)


def loses_tpm_state(xml: str) -> bool:
    """Whether libvirt deletes the state of an emulated TPM with this definition, when it is not told to keep it."""
    backends = ElementTree.fromstring(xml).iterfind("devices/tpm/backend")
    return any(one.get("type") == "emulator" and one.get("persistent_state") != "yes" for one in backends)

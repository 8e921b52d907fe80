# SPDX-License-Identifier: GPL-3.0-or-later
"""Readiness: certificates, confinement and clocks."""

from __future__ import annotations

import typing as t

from ...host.document import HostDocument, TlsFile
from ...host.parse.certificate import is_for
from ...units import human_ms
from .check_types import FAIL, WARN, Case, Check, Finding, Pair, failed, listed, passed, skipped, warned

_THEME = "security and time"
_DAY_S = 86_400
_SOON_S = 30 * _DAY_S  # a choice: until then a certificate can be renewed without haste
_CLOCK_WARN_MS = 2_000  # a choice: NTP keeps clocks within milliseconds
_CLOCK_FAIL_MS = 300_000  # where certificates, Kerberos and clusters begin to refuse

# What each side of a migration over TLS needs of its own.
_SOURCE_ROLES = ("ca", "client", "client-key")
_DESTINATION_ROLES = ("ca", "server", "server-key")


def _tls(pair: Pair) -> Finding:
    forced = [host.name for host in (pair.source, pair.destination) if _forces_tls(host)]
    if not pair.options.tls:
        if forced:
            return failed(
                f"{listed(forced)} take migrations over TLS only (migrate_tls_force).",
                "Migrate with --tls (option tls), or change qemu.conf there.",
                hosts=forced,
            )
        return skipped("The migration is not meant to use TLS.")
    broken: list[str] = []
    soon: list[str] = []
    for host, roles in ((pair.source, _SOURCE_ROLES), (pair.destination, _DESTINATION_ROLES)):
        if host.tls.files is None or host.clock is None:
            return skipped(f"The certificates of {host.name} are not known.")
        for file in host.tls.files:
            if file.purpose == "migration" and file.role in roles:
                problem = _problem(file, host.clock.epoch_s, optional=file.role.startswith("client"))
                broken += [f"{host.name}: {file.path} {problem}"] if problem else []
                soon += [f"{host.name}: {file.path}"] if not problem and _ends_soon(file, host.clock.epoch_s) else []
    broken += _wrong_name(pair)
    if broken:
        return failed(
            f"TLS does not work: {'; '.join(broken)}.",
            "Put valid certificates in place; see migrate_tls_x509_cert_dir in qemu.conf for where.",
            problems=broken,
        )
    if soon:
        return warned(f"Certificates end within 30 days: {listed(soon)}.", "Renew them.", files=soon)
    return passed("The certificates of both hosts are there and valid.")


def _forces_tls(host: HostDocument) -> bool:
    return host.daemon.qemu_settings.get("migrate_tls_force") == 1


def _problem(file: TlsFile, now_s: float, *, optional: bool) -> str:
    if not file.present:
        # A client shows a certificate only to a server that asks for one.
        return "" if optional else "is missing"
    if not file.readable:
        return "cannot be read"
    if file.problem:
        return file.problem
    if file.not_before_epoch_s is not None and now_s < file.not_before_epoch_s:
        return "is not valid yet by the host's clock"
    if file.not_after_epoch_s is not None and now_s > file.not_after_epoch_s:
        return "has expired"
    return ""


def _ends_soon(file: TlsFile, now_s: float) -> bool:
    return file.not_after_epoch_s is not None and file.not_after_epoch_s - now_s < _SOON_S


def _wrong_name(pair: Pair) -> list[str]:
    """The source compares the name or address that it connects to with those in the certificate."""
    host = pair.destination
    announced = host.daemon.qemu_settings.get("migration_host")
    wanted = {host.migration.address, host.hostname, announced if isinstance(announced, str) else ""} - {""}
    for file in host.tls.files or []:
        is_read = file.purpose == "migration" and file.role == "server" and file.not_after_epoch_s is not None
        if is_read and wanted and not any(is_for(file.names, name) for name in wanted):
            whose = listed(file.names) if file.names else "nobody"
            return [f"{host.name}: {file.path} is for {whose}, not for {listed(sorted(wanted))}"]
    return []


def _confinement(case: Case) -> Finding:
    there = set(case.destination.security.drivers)
    if not there:
        return skipped("The security drivers of the destination are not known.")
    labels = [one for one in case.guest.security_labels if one.type != "none" and one.model not in ("dac", "none")]
    static = [one.model for one in labels if one.type == "static" and one.model not in there]
    if static:
        return failed(
            f"The guest has a fixed label of {listed(static)}, which the destination does not have.",
            "Make its label dynamic, or turn the driver on there (security_driver in qemu.conf).",
            models=static,
        )
    lost = [one.model for one in labels if one.model not in there]
    if lost:
        return warned(
            f"The guest is confined by {listed(lost)} here, and would not be on the destination.",
            "Turn the driver on there (security_driver in qemu.conf).",
            models=lost,
        )
    return passed("The destination confines the guest as the source does.")


def _clock(pair: Pair) -> Finding:
    """Only a difference to one and the same clock, the controller's, can be compared."""
    here, there = pair.source.clock, pair.destination.clock
    if here is None or there is None:
        return skipped("The clock of one of the hosts was not read.")
    loose = [host.name for host in (pair.source, pair.destination) if host.clock and host.clock.synchronised is False]
    if here.offset_ms is not None and there.offset_ms is not None:
        apart_ms = abs(here.offset_ms - there.offset_ms)
        evidence: dict[str, t.Any] = {"apart_ms": round(apart_ms), "not_synchronised": loose}
        remedy = "Start chronyd or ntpd on both hosts, with the same servers."
        if apart_ms > _CLOCK_FAIL_MS:
            return failed(f"The clocks of the two hosts are {human_ms(apart_ms)} apart.", remedy, **evidence)
        if apart_ms > _CLOCK_WARN_MS:
            return warned(f"The clocks of the two hosts are {human_ms(apart_ms)} apart.", remedy, **evidence)
        if not loose:
            return passed("The clocks of the two hosts agree, and are kept right.", **evidence)
    if loose:
        return warned(
            f"Nothing keeps the clock of {listed(loose)} right.",
            "Start chronyd or ntpd there. After a migration the guest's clock follows its new host.",
            not_synchronised=loose,
        )
    return passed("Both clocks are kept right.")


CHECKS = (
    Check(
        "tls", _THEME, "Are the certificates in place and valid, if the stream is to be encrypted?",
        "The migration fails at its start.", (WARN, FAIL), of_hosts=_tls,
    ),
    Check(
        "confinement", _THEME, "Is the guest confined on the destination as it is on the source (SELinux, AppArmor)?",
        "libvirt refuses, or the guest runs with less protection.", (WARN, FAIL), of_guest=_confinement,
    ),
    Check(
        "clocks", _THEME, "Do the clocks of the two hosts agree?",
        "The guest's time jumps, and certificates may not be valid.", (WARN, FAIL), of_hosts=_clock,
    ),
)  # fmt: skip

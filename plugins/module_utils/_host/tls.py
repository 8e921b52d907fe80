# SPDX-License-Identifier: GPL-3.0-or-later
"""The TLS files of migrations and of the daemon: there, readable, until when, and for whom. No key is read."""

from __future__ import annotations

import os
import typing as t

from .._core.host.document import Tls, TlsFile
from .._core.host.parse.certificate import parse_certificate
from .._core.host.parse.libvirt_conf import Value
from .configuration import text_of
from .files import read

_MIGRATION_FILES = {
    "ca": "ca-cert.pem",
    "server": "server-cert.pem",
    "server-key": "server-key.pem",
    "client": "client-cert.pem",
    "client-key": "client-key.pem",
}
_DAEMON_FILES = {
    "ca": ("ca_file", "/etc/pki/CA/cacert.pem"),
    "server": ("cert_file", "/etc/pki/libvirt/servercert.pem"),
    "server-key": ("key_file", "/etc/pki/libvirt/private/serverkey.pem"),
    "client": ("", "/etc/pki/libvirt/clientcert.pem"),
    "client-key": ("", "/etc/pki/libvirt/private/clientkey.pem"),
}


def read_tls(qemu: t.Mapping[str, Value], daemon: t.Mapping[str, Value]) -> Tls:
    directory = text_of(qemu, "migrate_tls_x509_cert_dir") or _default_directory(qemu)
    files = [_file(os.path.join(directory, name), role, "migration") for role, name in _MIGRATION_FILES.items()]
    files += [
        _file((text_of(daemon, setting) if setting else "") or path, role, "daemon")
        for role, (setting, path) in _DAEMON_FILES.items()
    ]
    return Tls(directory, files)


def _default_directory(qemu: t.Mapping[str, Value]) -> str:
    """libvirt takes the directory for migrations if it exists, and else the one for everything of QEMU."""
    own = "/etc/pki/libvirt-migrate"
    return own if os.path.isdir(own) else text_of(qemu, "default_tls_x509_cert_dir") or "/etc/pki/qemu"


def _file(path: str, role: str, purpose: str) -> TlsFile:
    if not os.path.exists(path):
        return TlsFile(path, role, purpose)
    if role.endswith("-key"):
        return TlsFile(path, role, purpose, present=True, readable=os.access(path, os.R_OK))
    text = read(path)
    if text is None:
        return TlsFile(path, role, purpose, present=True)
    try:
        found = parse_certificate(text)
    except ValueError as exc:
        return TlsFile(path, role, purpose, present=True, readable=True, problem=str(exc))
    return TlsFile(path, role, purpose, True, True, found.not_before_epoch_s, found.not_after_epoch_s, found.names)

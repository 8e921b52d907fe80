# SPDX-License-Identifier: GPL-3.0-or-later
"""libvirtd of a lab's hosts behind TLS, with an authority of its own and a certificate for this machine."""

from __future__ import annotations

import contextlib
import subprocess
import typing as t
from pathlib import Path

from virtlab.lab import Lab

_CONF = "/etc/libvirt/libvirtd.conf"
_PLACES = {
    "ca.pem": "/etc/pki/CA/cacert.pem",
    "cert.pem": "/etc/pki/libvirt/servercert.pem",
    "key.pem": "/etc/pki/libvirt/private/serverkey.pem",
}


def _openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


def _authority(directory: Path) -> None:
    files = ("-keyout", str(directory / "ca.key"), "-out", str(directory / "ca.pem"))
    _openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=lab", "-days", "2", *files)


def _certificate(directory: Path, name: str, address: str, place: Path) -> None:
    """``cert.pem`` and ``key.pem`` in ``place``, signed by the authority in ``directory``."""
    place.mkdir()
    request, key = str(place / "request.pem"), str(place / "key.pem")
    _openssl("req", "-new", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-keyout", key, "-out", request)
    (place / "names").write_text(f"subjectAltName=IP:{address}\n", encoding="ascii")
    signed = ("-CA", str(directory / "ca.pem"), "-CAkey", str(directory / "ca.key"), "-CAcreateserial", "-days", "2")
    more = ("-extfile", str(place / "names"), "-out", str(place / "cert.pem"))
    _openssl("x509", "-req", "-in", request, *signed, *more)


@contextlib.contextmanager
def behind_tls(lab: Lab, directory: Path) -> t.Iterator[Path]:
    """Gives the directory that a client names as ``pkipath``; libvirtd is as before afterwards."""
    _authority(directory)
    before = {host.name: lab.execute(host.name, "cat", _CONF).stdout for host in lab.hosts}
    try:
        for host in lab.hosts:
            place = directory / host.name
            _certificate(directory, host.name, host.mgmt_address, place)
            (place / "ca.pem").write_bytes((directory / "ca.pem").read_bytes())
            lab.execute(host.name, "mkdir", "-p", *{str(Path(path).parent) for path in _PLACES.values()})
            for name, path in _PLACES.items():
                lab.execute(host.name, "tee", path, input_text=(place / name).read_text(encoding="ascii"))
            conf = before[host.name].replace("listen_tls = 0", "listen_tls = 1")
            assert conf != before[host.name]
            lab.execute(host.name, "tee", _CONF, input_text=conf)
            lab.restart_libvirtd(host.name)
        client = directory / "client"
        _certificate(directory, "controller", "192.0.2.1", client)
        for source, name in (("cert.pem", "clientcert.pem"), ("key.pem", "clientkey.pem"), ("../ca.pem", "cacert.pem")):
            (client / name).write_bytes((client / source).read_bytes())
        yield client
    finally:
        for name, conf in before.items():
            lab.execute(name, "tee", _CONF, input_text=conf)
            lab.execute(name, "rm", "-f", *_PLACES.values())
            lab.restart_libvirtd(name)

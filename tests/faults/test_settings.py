# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts that are set up in a way that a fault becomes worse, or that have a certificate that nobody may accept."""

from __future__ import annotations

import contextlib
import subprocess
import typing as t
from pathlib import Path

import pytest
from bench.runs import assert_refused
from harm import networks
from results import Seen
from scene import END_S, Scene, told

PKI = "/etc/pki/qemu"
CONF = "/etc/libvirt/qemu.conf"


@pytest.fixture
def without_keepalive(scene: Scene) -> t.Iterator[Scene]:
    """The daemons do not ask each other whether they are alive, so that a silent network is never noticed by them."""
    for host in scene.hosts:
        scene.lab.execute(host, "sh", "-c", f"cp {CONF} {CONF}.before; echo 'keepalive_interval = -1' >>{CONF}")
        scene.lab.restart_libvirtd(host)
    yield scene
    for host in scene.hosts:
        scene.lab.execute(host, "mv", f"{CONF}.before", CONF)
        scene.lab.restart_libvirtd(host)


@pytest.mark.parametrize("phase", ["precopy", "postcopy"])
def test_keep_alive_off_and_the_destination_gone(without_keepalive: Scene, seen: Seen, phase: str) -> None:
    scene = without_keepalive
    source, destination = scene.hosts
    wanted = {"on_hopeless": "abort"} if phase == "precopy" else {}
    running = scene.under_way("migration", phase, **wanted)
    networks.gone("destination", 20)(scene)
    if phase == "precopy":
        scene.calm_if_alive()
    (result,) = running.wait(END_S).results
    print(told(result))
    if phase == "precopy":
        assert_refused(result, "GIVEN_UP")
        assert result["evidence"]["decision"] == "NO_PATH"
        scene.alone_on(source)
    else:
        assert result.get("outcome") == "moved", result
        scene.alone_on(destination)
    seen("keep-alive off, destination gone for 20 s", phase, "migration", result.get("reason") or result["outcome"])
    if phase == "precopy":
        print("again:", told(scene.run_again()))


def openssl(*words: str) -> None:
    subprocess.run(["openssl", *words], check=True, capture_output=True)


def certificates(directory: Path, names: str, days: int) -> dict[str, str]:
    """What QEMU reads, by file name, signed by an authority of their own."""
    ca, key, request = (str(directory / each) for each in ("ca.pem", "ca-key.pem", "request.pem"))
    openssl(
        "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=lab", "-days", "3", "-keyout", key, "-out", ca
    )
    own, cert, extensions = (directory / each for each in ("own-key.pem", "own.pem", "extensions"))
    extensions.write_text(f"subjectAltName={names}\nextendedKeyUsage=serverAuth,clientAuth\n")
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=host", "-keyout", str(own), "-out", request)
    signed = ["-CA", ca, "-CAkey", key, "-CAcreateserial", "-extfile", str(extensions), "-days", str(days)]
    openssl("x509", "-req", "-in", request, *signed, "-out", str(cert))
    texts = {"ca-cert.pem": Path(ca).read_text()}
    for side in ("server", "client"):
        texts[f"{side}-cert.pem"], texts[f"{side}-key.pem"] = cert.read_text(), own.read_text()
    return texts


@contextlib.contextmanager
def installed(scene: Scene, texts: t.Mapping[str, str]) -> t.Iterator[None]:
    for host in scene.hosts:
        scene.lab.execute(host, "mkdir", "-p", PKI)
        for name, text in texts.items():
            scene.lab.execute(host, "tee", f"{PKI}/{name}", input_text=text)
    try:
        yield
    finally:
        for host in scene.hosts:
            scene.lab.execute(host, "rm", "-rf", PKI)


def test_certificates(scene: Scene, seen: Seen, tmp_path: Path) -> None:
    """Of another host, or expired, none is accepted; with a good one the guest goes."""
    source = scene.guest.source
    addresses = ",".join(f"IP:{host.migration_address}" for host in scene.lab.hosts)
    for kind, names, days in (
        ("certificate of another host", "IP:192.0.2.1", 2),
        ("certificate expired", addresses, -1),
    ):
        with installed(scene, certificates(tmp_path, names, days)):
            (result,) = scene.ansible.run(source, scene.migration(tls=True))
        print(kind, told(result), result.get("state"))
        assert_refused(result, "TLS_FAILED")
        scene.alone_on(source)
        seen(kind, "setup", "migration", result["reason"])
    with installed(scene, certificates(tmp_path, addresses, 2)):
        print("again:", told(scene.run_again(tls=True)))

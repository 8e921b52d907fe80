# Copyright (c) 2026, The virtops.live_migration authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.uri_secrets import secrets_in, uri_secrets


@pytest.mark.parametrize(
    "uri",
    [
        "qemu:///system",
        "qemu+ssh://root@kvm02/system?keyfile=/etc/keys/id_rsa&no_verify=1",
        "qemu+tls://kvm02/system?pkipath=/etc/pki/kvm",
        "qemu+tcp://[fe80::1]/system",
        "tcp://10.0.0.12:49152",
        "qemu+ssh://root:abc@kvm02/system",
        "",
        "http://[broken",
    ],
)
def test_nothing_to_hide(uri: str) -> None:
    assert uri_secrets(uri) == set()


def test_a_password_and_what_libvirt_does_not_know() -> None:
    assert uri_secrets("qemu+ssh://root:hunter2!@kvm02/system") == {"hunter2!"}
    uri = "qemu+tls://kvm02/system?pkipath=/etc/pki&tls_password=s%C3%A9same-open;token=abcd"
    assert uri_secrets(uri) == {"s%C3%A9same-open", "s\u00e9same-open", "abcd"}


def test_wherever_the_options_have_one() -> None:
    options = {
        "uri": "qemu+ssh://root:first-one@kvm01/system",
        "name": "qemu+ssh://root:not-a-uri@kvm01/system",
        "destinations": [{"name": "kvm02", "destination_uri": "qemu+tcp://kvm02/system?key=second-one"}],
        "policy": {"max_downtime_ms": 300},
        "migrate_uri": None,
    }
    assert secrets_in(options) == {"first-one", "second-one"}

# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.virtops.live_migration.plugins.filter.certificate_is_for import certificate_is_for
from ansible_collections.virtops.live_migration.plugins.filter.libvirt_conf import libvirt_conf
from ansible_collections.virtops.live_migration.tests.unit.plugins.captured_texts import captured


@pytest.mark.parametrize(
    ("host", "expected"),
    [("KVM01", True), ("2001:DB8:0::11", True), ("kvm01.example.com", False), ("192.0.2.12", False)],
)
def test_certificate_is_for(host: str, expected: bool) -> None:
    assert certificate_is_for(captured("certificate.pem"), host) is expected


@pytest.mark.parametrize("pem", ["", "no certificate", captured("certificate.pem").replace("MIIB", "MIIC")])
def test_a_damaged_certificate_is_for_nobody(pem: str) -> None:
    assert certificate_is_for(pem, "kvm01") is False


def test_what_is_no_text() -> None:
    with pytest.raises(AnsibleFilterError, match="certificate_is_for: Expected the text"):
        certificate_is_for(None, "kvm01")


def test_a_refused_secret_is_not_shown() -> None:
    with pytest.raises(AnsibleFilterError, match="vnc_password must be a text") as caught:
        libvirt_conf("", {"vnc_password": ["swordfish"]})
    assert "swordfish" not in str(caught.value)

# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: certificate_is_for
author:
  - virtops maintainers (@virtops)
version_added: 0.1.0
short_description: Whether QEMU and libvirt would take a certificate for that of a host
description:
  - Compares the names of a certificate with the name or address that others connect to, by the rules of GnuTLS, which
    QEMU and libvirt use. An address has to be among its alternative addresses, however it is spelt. A name has to be
    among its alternative names; the common name only counts where there are no alternative names and addresses. A
    wildcard stands for the first label, or for its beginning. Upper and lower case are the same.
positional: _input, host
options:
  _input:
    description: A certificate in PEM. Of several ones in it the first one is looked at.
    type: str
    required: true
  host:
    description: The name or address that others connect to.
    type: str
    required: true
"""

EXAMPLES = r"""
---
- name: Read the certificate
  ansible.builtin.slurp:
    path: /etc/pki/qemu/server-cert.pem
  register: certificate

- name: It is for the host
  ansible.builtin.assert:
    that: certificate.content | b64decode | virtops.live_migration.certificate_is_for(migration_address)
"""

RETURN = r"""
_value:
  description: Whether it is. A certificate that is damaged is for nobody.
  type: bool
  sample: true
"""

import typing as t

from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.parse.certificate import (
    parse_certificate,
)
from ansible_collections.virtops.live_migration.plugins.plugin_utils._filters import plain, reported_to_the_user


@reported_to_the_user
def certificate_is_for(pem: t.Any, host: t.Any) -> bool:
    pem, host = plain(pem), plain(host)
    if not isinstance(pem, str) or not isinstance(host, str):
        raise MigrationError("NOT_A_TEXT", "Expected the text of a certificate, and a name or an address.")
    try:
        return parse_certificate(pem).is_for(host)
    except ValueError:
        return False


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"certificate_is_for": certificate_is_for}

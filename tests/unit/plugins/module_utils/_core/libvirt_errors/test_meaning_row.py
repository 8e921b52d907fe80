# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.libvirt_errors.all_meanings import (
    meaning_of,
)

INVALID = "Requested operation is not valid: "


# What somebody called a guest, a file or a network says nothing about the trouble.
@pytest.mark.parametrize("name", ["certificate", "nc: host key", "monitor", "no space left", "TLS handshake", "swtpm"])
@pytest.mark.parametrize(
    ("code", "text", "reason"),
    [
        (55, INVALID + "network '{}' is not active", "NETWORK_MISSING"),
        (55, INVALID + "domain '{}' is already active", "GUEST_EXISTS"),
        (38, "Cannot access storage file '/srv/{}.qcow2': No such file or directory", "STORAGE_MISSING"),
        (87, "resource busy: Lockspace resource '/srv/{}.qcow2' is locked", "STORAGE_LOCKED"),
        (67, "unsupported configuration: Target domain name '{}' does not match source 'x'", "DEFINITION_MISMATCH"),
        (
            1,
            'internal error: qemu: -blockdev {{"a":{{"filename":"/srv/{}"}}}}: Failed to get "write" lock',
            "STORAGE_LOCKED",
        ),
        (
            9,
            "operation failed: job 'migration out' failed: Unable to write to socket: Broken pipe ('{}')",
            "STREAM_BROKEN",
        ),
        (38, "キー '{}' を開けません", "SYSTEM_ERROR"),
        (38, "Datei »{}« kann nicht geöffnet werden", "SYSTEM_ERROR"),
    ],
)
def test_names_do_not_mislead(code: int, text: str, reason: str, name: str) -> None:
    assert meaning_of(code, text.format(name)).reason == reason

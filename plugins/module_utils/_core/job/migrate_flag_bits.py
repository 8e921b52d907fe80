# SPDX-License-Identifier: GPL-3.0-or-later
"""The bits of libvirt's virDomainMigrateFlags that are used here, by libvirt's names without their prefix VIR_.

Which of them a migration is started with is chosen in ``migration/call_parameters.py``.

They are part of libvirt's ABI and never change; bindings that are older than a flag lack its name.
"""

from __future__ import annotations

MIGRATE_LIVE = 1 << 0
MIGRATE_PEER2PEER = 1 << 1
MIGRATE_PERSIST_DEST = 1 << 3
MIGRATE_UNDEFINE_SOURCE = 1 << 4
MIGRATE_NON_SHARED_DISK = 1 << 6
MIGRATE_NON_SHARED_INC = 1 << 7
MIGRATE_UNSAFE = 1 << 9
MIGRATE_COMPRESSED = 1 << 11
MIGRATE_AUTO_CONVERGE = 1 << 13
MIGRATE_POSTCOPY = 1 << 15
MIGRATE_TLS = 1 << 16
MIGRATE_PARALLEL = 1 << 17
MIGRATE_NON_SHARED_SYNCHRONOUS_WRITES = 1 << 18  # since libvirt 8.0
MIGRATE_POSTCOPY_RESUME = 1 << 19

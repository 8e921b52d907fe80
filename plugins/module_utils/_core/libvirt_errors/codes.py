# Copyright (c) 2026, The virtops.live_migration authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This file is private to the collection and may change at any time.
"""libvirt's error codes (virErrorNumber of virterror.h) that the tables of meanings speak of."""

from __future__ import annotations

import enum


class Err(enum.IntEnum):
    """As ``libvirtError.get_error_code()`` gives them; the names are libvirt's without ``VIR_ERR_``."""

    INTERNAL_ERROR = 1
    NO_MEMORY = 2
    NO_SUPPORT = 3
    NO_CONNECT = 5
    INVALID_DOMAIN = 7
    INVALID_ARG = 8
    OPERATION_FAILED = 9
    OS_TYPE = 16
    XML_ERROR = 27
    DOM_EXIST = 28
    OPERATION_DENIED = 29
    CONF_SYNTAX = 33
    XML_DETAIL = 35
    SYSTEM_ERROR = 38
    RPC = 39
    GNUTLS_ERROR = 40
    NO_DOMAIN = 42
    NO_NETWORK = 43
    INVALID_MAC = 44
    AUTH_FAILED = 45
    NO_STORAGE_POOL = 49
    NO_STORAGE_VOL = 50
    NO_SECURITY_MODEL = 54
    OPERATION_INVALID = 55
    NO_INTERFACE = 57
    INVALID_NWFILTER = 61
    NO_NWFILTER = 62
    INVALID_SECRET = 65
    NO_SECRET = 66
    CONFIG_UNSUPPORTED = 67
    OPERATION_TIMEOUT = 68
    MIGRATE_PERSIST_FAILED = 69
    HOOK_SCRIPT_FAILED = 70
    INVALID_DOMAIN_SNAPSHOT = 71
    NO_DOMAIN_SNAPSHOT = 72
    ARGUMENT_UNSUPPORTED = 74
    STORAGE_PROBE_FAILED = 75
    STORAGE_POOL_BUILT = 76
    OPERATION_ABORTED = 78
    AUTH_CANCELLED = 79
    NO_DOMAIN_METADATA = 80
    MIGRATE_UNSAFE = 81
    OVERFLOW = 82
    BLOCK_COPY_ACTIVE = 83
    OPERATION_UNSUPPORTED = 84
    SSH = 85
    AGENT_UNRESPONSIVE = 86
    RESOURCE_BUSY = 87
    ACCESS_DENIED = 88
    DBUS_SERVICE = 89
    STORAGE_VOL_EXIST = 90
    CPU_INCOMPATIBLE = 91
    XML_INVALID_SCHEMA = 92
    MIGRATE_FINISH_OK = 93
    AUTH_UNAVAILABLE = 94
    LIBSSH = 98
    DEVICE_MISSING = 99
    NO_NWFILTER_BINDING = 101
    INVALID_DOMAIN_CHECKPOINT = 102
    NO_DOMAIN_CHECKPOINT = 103
    NO_DOMAIN_BACKUP = 104
    CHECKPOINT_INCONSISTENT = 109


# Under these the text of a library, of QEMU or of another daemon arrives that has no code of its own.
CARRIED = (
    Err.INTERNAL_ERROR,
    Err.NO_SUPPORT,
    Err.NO_CONNECT,
    Err.INVALID_ARG,
    Err.OPERATION_FAILED,
    Err.SYSTEM_ERROR,
    Err.RPC,
    Err.GNUTLS_ERROR,
    Err.AUTH_FAILED,
    Err.OPERATION_INVALID,
    Err.CONFIG_UNSUPPORTED,
    Err.OPERATION_UNSUPPORTED,
    Err.SSH,
    Err.LIBSSH,
)

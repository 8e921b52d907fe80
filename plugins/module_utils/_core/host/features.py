# SPDX-License-Identifier: GPL-3.0-or-later
"""What versions mean: features that a host has, and bugs that it is known to have.

Every version of libvirt or QEMU that is compared with stands here, under the name of what it brings.
"""

from __future__ import annotations

import re
import typing as t

from .document import KnownBug, Versions

Version = tuple[int, ...]

_NEWS_AND_QAPI = "libvirt's release notes; 'Since' in QEMU's qapi/migration.json"
_NEWS = "libvirt's release notes"


class Feature(t.NamedTuple):
    """A feature that a host has from these versions on; of an empty one any will do. ``qemu_before``: it is gone from
    this one on. ``source``: where the versions are from."""

    id: str
    libvirt: Version = ()
    qemu: Version = ()
    kernel: Version = ()
    qemu_before: Version = ()
    source: str = _NEWS_AND_QAPI


# Post-copy beside several connections is none of them: QEMU takes both from 10.1 on, but with libvirt 12.8 and QEMU
# 11.1 such a job stood still and could not be aborted (docs/design.md), so nothing here asks for it.
FEATURES = (
    Feature("postcopy", (1, 3, 3), (2, 5), (4, 3)),
    Feature("postcopy_recovery", (8, 5, 0), (2, 12)),
    Feature("postcopy_bandwidth", (5, 1, 0), (3, 0)),
    Feature("postcopy_preempt", (10, 0, 0), (7, 1)),
    Feature("userfaultfd_device", (10, 1, 0), (8, 0), (6, 1)),
    Feature("multifd", (5, 2, 0), (4, 0)),
    Feature("multifd_zstd", (9, 4, 0), (5, 0)),
    Feature("zero_copy", (8, 5, 0), (7, 1), (4, 14)),
    Feature("compress_mt", (1, 3, 4), (2, 4), qemu_before=(9, 1)),
    Feature("auto_converge", (1, 2, 3), (1, 6)),
    Feature("dirty_rate", (7, 2, 0), (5, 2)),
    Feature("dirty_rate_modes", (8, 1, 0), (6, 2)),
    Feature("switchover_bandwidth", (11, 1, 0), (8, 2)),
    Feature("tls", (3, 2, 0), (2, 7)),
    Feature("tls_destination", (6, 0, 0), (2, 7)),
    Feature("vfio_migration", (8, 6, 0), (8, 1), (6, 0)),
    Feature("virtiofs_migration", (11, 0, 0), (8, 2)),
    Feature("detect_zeroes_of_disks", (10, 9, 0), (2, 3)),
    # What frees pages is the driver in the guest, which has it since kernel 5.7.
    Feature("free_page_reporting", (6, 9, 0), (5, 1), source=f"{_NEWS}; ChangeLog of QEMU 5.1"),
    # QEMU lets go of cached pages of a disk before the other host begins to use it.
    Feature("disk_caches_dropped", (), (4, 0), source="QEMU_CAPS_MIGRATION_FILE_DROP_CACHE of libvirt"),
    # The setting of that name in qemu.conf.
    Feature("shared_filesystems", (10, 8, 0), source=_NEWS),
)

# Not among the features of a host, of which nobody asks for it: from here on QEMU counts what several connections send
# as it is sent, and before that the pages it takes.
COUNTS_WHAT_CONNECTIONS_SEND = Feature(
    "counts_what_connections_send", qemu=(8, 1), source="an assumption: which version began it was not confirmed"
)


class Bug(t.NamedTuple):
    """A bug of these versions: from the first on and before the second. Both libvirt's and QEMU's have to fit.

    ``source``: where the versions are from.
    """

    id: str
    summary: str
    remedy: str
    libvirt: tuple[Version, Version] = ((), ())
    qemu: tuple[Version, Version] = ((), ())
    source: str = _NEWS

    def of_libvirt(self, version: Version) -> bool:
        """Whether a libvirt of this version has it, as far as it is libvirt's."""
        return _within(version, self.libvirt)


BUGS = (
    Bug(
        "resume_crashes_daemon",
        "libvirt 11.2 and 11.3 crash on the destination when a broken post-copy is resumed",
        "Update libvirt to 11.4, do without post-copy, or recover by the playbook virtops.live_migration.recover.",
        libvirt=((11, 2, 0), (11, 4, 0)),
        source=f"{_NEWS}; qemuProcessIncomingDefNew of libvirt 11.3.0 reads through the null pointer that"
        " qemuMigrationDstPrepareResume hands it, whatever the call says",
    ),
    Bug(
        "shutdown_during_migration_crashes_daemon",
        "before libvirt 10.5 the daemon can crash when a guest shuts down while it migrates",
        "Update libvirt to 10.5, or keep the guest from shutting down meanwhile.",
        libvirt=((0,), (10, 5, 0)),
    ),
    Bug(
        "restart_with_migration_crashes_daemon",
        "libvirt 8.8 crashes when it is restarted while a migration runs",
        "Update libvirt to 8.9, and do not restart it during a migration.",
        libvirt=((8, 8, 0), (8, 9, 0)),
    ),
    Bug(
        "extra_feature_ht",
        "between libvirt before 11.10 and QEMU from 10.0 on a migration may fail with 'extra features: ht'",
        "Update libvirt to 11.10 on the destination.",
        libvirt=((0,), (11, 10, 0)),
        qemu=((10, 0, 0), (99,)),
    ),
    Bug(
        "postcopy_false_failure",
        "before libvirt 11.0 a post-copy that is resumed may be reported as failed although it is not",
        "Look at the states of both halves before acting on the report.",
        libvirt=((8, 5, 0), (11, 0, 0)),
    ),
    Bug(
        "dirty_bitmap_crashes_tcg",
        "QEMU before 8.0 crashes when the dirty rate of a guest without KVM is measured by its dirty bitmap",
        "Measure by page-sampling.",
        qemu=((6, 2, 0), (8, 0, 0)),
        source="on the lab QEMU 7.2 crashed and QEMU 10.0 did not; between them 8.0 is an assumption",
    ),
)

_FEATURE = {one.id: one for one in FEATURES}
_BUG = {one.id: one for one in BUGS}


def feature(name: str) -> Feature:
    """By its id, which has to be one of ``FEATURES``."""
    return _FEATURE[name]


def bug(name: str) -> Bug:
    """By its id, which has to be one of ``BUGS``."""
    return _BUG[name]


def version_of(text: str) -> Version:
    """``7.2.22 (Debian)`` as ``(7, 2, 22)``; empty when there is none."""
    found = re.match(r"\d+(?:\.\d+)*", text)
    return tuple(int(part) for part in found[0].split(".")) if found else ()


def features_of(versions: Versions) -> list[str]:
    """Ids of what these versions can do, as far as the versions tell."""
    libvirt, qemu, kernel = (version_of(one) for one in (versions.libvirt, versions.qemu, versions.kernel))
    return [
        one.id
        for one in FEATURES
        if libvirt >= one.libvirt
        and qemu >= one.qemu
        # Over a remote connection the kernel is not known; it is seldom what is missing.
        and (not kernel or kernel >= one.kernel)
        and (not one.qemu_before or qemu < one.qemu_before)
    ]


def bugs_of(versions: Versions) -> list[KnownBug]:
    """The bugs that both versions have, libvirt's and QEMU's."""
    libvirt, qemu = version_of(versions.libvirt), version_of(versions.qemu)
    return [
        KnownBug(one.id, one.summary, one.remedy) for one in BUGS if one.of_libvirt(libvirt) and _within(qemu, one.qemu)
    ]


def _within(version: Version, limits: tuple[Version, Version]) -> bool:
    return not limits[1] or limits[0] <= version < limits[1]

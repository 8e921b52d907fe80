# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.document import Versions
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.features import (
    BUGS,
    FEATURES,
    bug,
    bugs_of,
    feature,
    features_of,
    version_of,
)


@pytest.mark.parametrize(
    ("text", "version"), [("7.2.22 (Debian 1:7.2+dfsg)", (7, 2, 22)), ("9", (9,)), ("", ()), ("unknown", ())]
)
def test_versions(text: str, version: tuple[int, ...]) -> None:
    assert version_of(text) == version


def test_a_debian_12() -> None:
    found = features_of(Versions("9.0.0", "7.2.22", "6.1.0-28-amd64"))
    assert {"postcopy", "postcopy_recovery", "multifd", "zero_copy", "compress_mt"} <= set(found)
    assert not {"multifd_zstd", "postcopy_preempt", "switchover_bandwidth", "userfaultfd_device"} & set(found)


def test_what_newer_versions_bring_and_take() -> None:
    found = features_of(Versions("11.3.0", "10.0.13", "6.12.0"))
    assert {"multifd_zstd", "switchover_bandwidth", "userfaultfd_device"} <= set(found)
    assert "compress_mt" not in found


def test_post_copy_beside_several_connections_is_no_feature_of_any_version() -> None:
    """QEMU takes both from 10.1 on, and such a job stood still with 11.1: nothing here asks for both."""
    found = features_of(Versions("12.8.0", "11.1.0", "6.18.0"))
    assert {"postcopy", "multifd"} <= set(found)
    assert not [one for one in found if "postcopy" in one and "multifd" in one]


def test_a_kernel_that_is_not_known_or_too_old() -> None:
    assert "vfio_migration" in features_of(Versions("9.0.0", "8.1.0"))
    assert "vfio_migration" not in features_of(Versions("9.0.0", "8.1.0", "5.14.0"))


def test_each_bug_has_a_beginning_and_an_end() -> None:
    def bugs(libvirt: str, qemu: str) -> set[str]:
        return {bug.id for bug in bugs_of(Versions(libvirt, qemu))}

    assert "resume_crashes_daemon" in bugs("11.3.0", "9.0.0")
    assert not {"resume_crashes_daemon"} & (bugs("11.1.0", "9.0.0") | bugs("11.4.0", "9.0.0"))
    assert "extra_feature_ht" in bugs("9.0.0", "10.0.0")
    assert "extra_feature_ht" not in bugs("9.0.0", "7.2.0") | bugs("11.10.0", "10.0.0")
    assert "dirty_bitmap_crashes_tcg" in bugs("9.0.0", "7.2.22")
    assert bugs("12.0.0", "11.0.0") == set()


def test_ids_are_used_once() -> None:
    assert len({one.id for one in FEATURES}) == len(FEATURES)
    assert len({one.id for one in BUGS}) == len(BUGS)


def test_each_says_where_its_versions_are_from() -> None:
    assert all(one.source for one in (*FEATURES, *BUGS))


def test_by_id() -> None:
    assert (feature("multifd").libvirt, feature("multifd").qemu) == ((5, 2, 0), (4, 0))
    crashes = bug("resume_crashes_daemon")
    assert [crashes.of_libvirt(one) for one in ((11, 1, 9), (11, 2, 0), (11, 3, 9), (11, 4, 0))] == [
        False,
        True,
        True,
        False,
    ]

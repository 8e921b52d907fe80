# Copyright (c) 2026, The virtops.live_migration authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This file is private to the collection and may change at any time.
"""The options that modules share; plugins/doc_fragments/_libvirt.py documents them."""

from __future__ import annotations

import typing as t

Spec = dict[str, dict[str, t.Any]]


def connection_spec() -> Spec:
    return {"uri": {"type": "str", "default": "qemu:///system"}}


def domain_spec() -> Spec:
    return {"name": {"type": "str", "aliases": ["guest"]}, "uuid": {"type": "str"}}


ONE_DOMAIN = ("name", "uuid")

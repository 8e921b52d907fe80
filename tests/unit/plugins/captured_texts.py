# Copyright (c) 2026, The virtops.live_migration authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Texts as real hosts gave them (``capabilities.xml``, ``domain_capabilities_qemu.xml``, ``ip_addr.json``: a host of
the lab, shortened), and a definition with one of everything."""

from __future__ import annotations

from pathlib import Path

_DIRECTORY = Path(__file__).with_name("captured")


def captured(name: str) -> str:
    return (_DIRECTORY / name).read_text(encoding="utf-8")

# SPDX-License-Identifier: GPL-3.0-or-later

"""Texts as real hosts gave them (``capabilities.xml``, ``domain_capabilities_qemu.xml``, ``ip_addr.json``: a host of
the lab, shortened), and a definition with one of everything."""

from __future__ import annotations

from pathlib import Path

_DIRECTORY = Path(__file__).with_name("captured")


def captured(name: str) -> str:
    return (_DIRECTORY / name).read_text(encoding="utf-8")

# SPDX-License-Identifier: GPL-3.0-or-later
"""Pages of reports, for tests that look for something in them."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.virtops.live_migration.plugins.module_utils._core.report.documents import report_of
from ansible_collections.virtops.live_migration.plugins.module_utils._core.report.page import page


def made(**documents: t.Any) -> str:
    return page(report_of(documents))


def body_of(**documents: t.Any) -> str:
    """Without the style sheet, in which there are all classes."""
    return made(**documents).partition("</style>")[2]


def within(text: str, class_: str) -> int:
    return len(re.findall(rf'class="[^"]*\b{class_}\b', text))

# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from hypothesis import settings

# A busy machine is no failure: no property here depends on how long an example takes.
settings.register_profile("steady", deadline=None)
settings.load_profile("steady")

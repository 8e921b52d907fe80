# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os

from hypothesis import settings

# A busy machine is no failure: no property here depends on how long an example takes. The examples are the same in each
# run, so that what fails fails again; HYPOTHESIS_PROFILE=search draws new ones.
settings.register_profile("steady", deadline=None, derandomize=True)
settings.register_profile("search", deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))

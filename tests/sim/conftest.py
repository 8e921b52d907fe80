# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from hypothesis import HealthCheck, settings

# A busy machine is no failure: no property here depends on how long an example takes. --hypothesis-profile=thorough
# runs thousands of migrations.
settings.register_profile("steady", deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("thorough", settings.get_profile("steady"), max_examples=400)
settings.load_profile("steady")

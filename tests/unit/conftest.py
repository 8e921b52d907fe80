# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os

from hypothesis import settings

try:
    from ansible.plugins.loader import init_plugin_loader
    from ansible.utils.collection_loader import AnsibleCollectionConfig
except ImportError:
    pass  # where only what runs on hosts is tested
else:
    # Templates find the filters of the collection. ansible-test has seen to that already, pytest by itself has not.
    if AnsibleCollectionConfig.collection_finder is None:
        init_plugin_loader()

# A busy machine is no failure: no property here depends on how long an example takes. The examples are the same in each
# run, so that what fails fails again; HYPOTHESIS_PROFILE=search draws new ones, and few draws a fifth of them.
settings.register_profile("steady", deadline=None, derandomize=True)
settings.register_profile("few", settings.get_profile("steady"), max_examples=20)
settings.register_profile("search", deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))

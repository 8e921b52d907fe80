# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ..plugin_utils._detached_run import LiveAction


class ActionModule(LiveAction):
    """Prints the progress of the module of the same name, whose documentation is this plugin's too."""

# Copyright (c) 2026, The virtops.live_migration authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ..plugin_utils._live import LiveAction


class ActionModule(LiveAction):
    """Prints the progress of the module of the same name, whose documentation is this plugin's too."""

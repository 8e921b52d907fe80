# SPDX-License-Identifier: GPL-3.0-or-later
"""What the integration tests stand on: runs of Ansible, and a guest that is migrated again and again."""

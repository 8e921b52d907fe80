# SPDX-License-Identifier: GPL-3.0-or-later
"""Firewalls in a network namespace of their own, and what really gets through them."""

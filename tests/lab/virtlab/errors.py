"""What the lab says when it cannot do what was asked."""

from __future__ import annotations


class LabError(Exception):
    """Something the user should read: one sentence, with what to do when that is known."""

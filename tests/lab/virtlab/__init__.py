"""Several libvirt hosts on one machine, for tests of live migration: `from virtlab import Lab`."""

from __future__ import annotations

from .errors import LabError
from .guest import Guest, GuestOptions
from .lab import Lab
from .migrate import Migration
from .report import GuestReport, VerifyResult
from .state import Host

__all__ = ["Guest", "GuestOptions", "GuestReport", "Host", "Lab", "LabError", "Migration", "VerifyResult"]

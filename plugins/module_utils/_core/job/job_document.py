# Copyright (c) 2026, The virtops.live_migration authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This file is private to the collection and may change at any time.
"""Reading a job document back, as users hand it around in playbooks."""

from __future__ import annotations

import dataclasses
import typing as t

from ..errors import MigrationError
from .sample import JobSample, sample_from_document

NOT_A_JOB_REMEDY = "Use an element of what migration_job_info returns as jobs, or the result of parse_domjobinfo."
_MOST = 2**200  # libvirt counts with 64 bits; beyond this a sum or a quotient may fail


def read_job(document: t.Any) -> JobSample:
    """The sample of a job document; raises MigrationError NOT_A_JOB for anything else."""
    if not isinstance(document, t.Mapping):
        raise _not_a_job(f"a {type(document).__name__}")
    try:
        sample = sample_from_document(document)
    except KeyError as exc:
        raise _not_a_job(f"a dictionary without the key {exc.args[0]!r}") from exc
    except (AttributeError, TypeError, ValueError, OverflowError) as exc:
        raise _not_a_job(f"a dictionary with a value that does not fit ({exc!s:.200})") from exc
    _check_numbers(sample)
    return sample


def _check_numbers(part: t.Any) -> None:
    """Each count fits what is reckoned with it. A rate, a size or a time is never below 0."""
    for name, value in vars(part).items():
        if dataclasses.is_dataclass(value):
            _check_numbers(value)
        elif isinstance(value, (int, float)) and not 0 <= value < _MOST:
            raise _not_a_job(f"a dictionary with a value that does not fit ({name} is not from 0 to 200 bits)")


def _not_a_job(what: str) -> MigrationError:
    return MigrationError(
        "NOT_A_JOB",
        f"Expected a job document, but got {what}.",
        remedy=NOT_A_JOB_REMEDY,
    )

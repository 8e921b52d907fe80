# SPDX-License-Identifier: GPL-3.0-or-later
"""What the filters share: plain data in, one kind of error out."""

from __future__ import annotations

import functools
import json
import typing as t

from ansible.errors import AnsibleFilterError
from ansible.release import __version__

from ..module_utils._core.diagnosis.verdict import Context
from ..module_utils._core.errors import MigrationError
from ..module_utils._core.forecast.simulation import MigrationFacts
from ..module_utils._core.forecast.working_set import read_working_set
from ..module_utils._core.job.domjobinfo import parse_domjobinfo
from ..module_utils._core.job.sample import JobSample, read_job
from ..module_utils._core.number_options import MOST
from ..module_utils._core.policy import DEFAULT_PRESET, Policy, policy_from, preset
from ..module_utils._core.text import printable
from ..module_utils._core.units import BYTES_PER_MBIT, MIB
from ._expanded_size import refuse_expansion

# Before ansible-core 2.19 each text may be a template that is not marked as none. Ansible marks what a module returns,
# and what is made of it in a template; not where that is reached by hostvars, and a filter makes a new text of it.
_EACH_TEXT_IS_A_TEMPLATE = tuple(int(part) for part in __version__.split(".")[:2]) < (2, 19)
if _EACH_TEXT_IS_A_TEMPLATE:
    from ansible.utils.unsafe_proxy import wrap_var

F = t.TypeVar("F", bound=t.Callable[..., t.Any])


def reported_to_the_user(function: F) -> F:
    """A filter whose errors are those of Ansible, with the text of ours, and whose result holds no template.

    A guest may be called ``{{ lookup('pipe', ...) }}``.
    """

    @functools.wraps(function)
    def wrapped(*args: t.Any, **kwargs: t.Any) -> t.Any:
        try:
            found = function(*args, **kwargs)
            return wrap_var(found) if _EACH_TEXT_IS_A_TEMPLATE else found
        except MigrationError as exc:
            # Without a cause: newer versions of Ansible would print its text a second time.
            raise AnsibleFilterError(printable(f"{function.__name__}: {exc}")) from None

    return t.cast("F", wrapped)


def plain(value: t.Any) -> t.Any:
    """The same as built-in types: what a template passes in are lazy or tagged subclasses, or not yet templated."""
    refuse_expansion(value)
    try:
        return json.loads(json.dumps(value, default=str))
    # A key that is no text; a value within itself, or nested deeper than Python can follow; a number of 5000 digits.
    except (TypeError, ValueError, RecursionError) as exc:
        raise MigrationError(
            "NOT_A_DOCUMENT",
            f"This is no document that could be JSON, or it is nested too deep: {exc!s:.100}.",
            remedy="Give what a module of this collection returned.",
        ) from None


def text_of(value: t.Any) -> str:
    value = plain(value)
    if isinstance(value, str):
        return value
    raise MigrationError(
        "NOT_A_TEXT",
        f"Expected the text of 'virsh domjobinfo', but got {'nothing' if value is None else type(value).__name__}.",
        remedy="Of a registered result, give stdout.",
    )


def sample_from(value: t.Any) -> JobSample:
    """A sample from a job document, or from the text of ``virsh domjobinfo``."""
    value = plain(value)
    return parse_domjobinfo(value) if isinstance(value, str) else read_job(value)


def documents_of(value: t.Any) -> list[dict[str, t.Any]]:
    """A list of documents, or a single one without a list."""
    value = plain(value)
    documents = value if isinstance(value, list) else [value]
    wrong = [one for one in documents if not isinstance(one, dict)]
    if wrong:
        got = "nothing" if wrong[0] is None else type(wrong[0]).__name__
        raise MigrationError(
            "NOT_A_DOCUMENT",
            f"Expected documents, but got {got}.",
            remedy="Give the jobs or guests that migration_job_info returns.",
        )
    return documents


def context_from(
    max_downtime_ms: t.Any = None, postcopy: t.Any = None, max_pause_s: t.Any = None, link_mbit_per_s: t.Any = None
) -> Context:
    """What the user allows and knows; None is a default of the policy, or not known."""
    policy = policy_from(
        {
            "max_downtime_ms": number("max_downtime_ms", max_downtime_ms, int),
            "postcopy": plain(postcopy),
            "max_pause_s": number("max_pause_s", max_pause_s, float),
        }
    )
    link = number("link_mbit_per_s", link_mbit_per_s, float)
    if link is not None and link <= 0:
        raise _bad_option("link_mbit_per_s", link_mbit_per_s, "a number above 0")
    return Context(policy, None if link is None else int(link * BYTES_PER_MBIT))


def policy_of(policy: t.Any, **overrides: t.Any) -> Policy:
    """A policy with some of its fields replaced; None replaces nothing."""
    return preset(str(plain(policy) or DEFAULT_PRESET), policy_fields(overrides))


def policy_fields(given: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """The same fields of a policy as what they are: numbers of the command line and of older Ansible are texts."""
    found = {}
    for key, value in given.items():
        known = Policy.__dataclass_fields__.get(key)
        text = known is None or known.type == "str"
        found[key] = plain(value) if text else number(key, value, int if known.type == "int" else float)
    return found


def facts_from(
    dirty_rate: t.Any,
    bandwidth_mib_per_s: t.Any,
    touched_bytes: t.Any = None,
    host_devices: t.Any = None,
    link_mib_per_s: t.Any = None,
) -> MigrationFacts:
    """A guest as ``migration_dirty_rate_info`` describes it, and what its memory is sent over."""
    document = plain(dirty_rate)
    if not isinstance(document, dict):
        got = "nothing" if document is None else type(document).__name__
        raise MigrationError(
            "NOT_A_DIRTY_RATE",
            f"Expected the dirty_rate of a guest, but got {got}.",
            remedy="Give what migration_dirty_rate_info returns as dirty_rate.",
        )
    touched = number("touched_bytes", touched_bytes, int)
    name = "memory_bytes" if touched is None else "touched_bytes"
    touched = number(name, document.get(name), int) if touched is None else touched
    bandwidth = number("bandwidth_mib_per_s", bandwidth_mib_per_s, float)
    for option, value in ((name, touched), ("bandwidth_mib_per_s", bandwidth)):
        if value is None or value <= 0:
            raise _bad_option(option, value, "a number above 0")
    devices = number("host_devices", host_devices, int) or 0
    link = number("link_mib_per_s", link_mib_per_s, float) or 0.0
    for option, value in (("host_devices", devices), ("link_mib_per_s", link)):
        if value < 0:
            raise _bad_option(option, value, "a number from 0 up")
    numbers = {key: number(key, document.get(key), int) for key in ("working_set_bytes", "dirty_bytes_per_s")}
    memory = number("memory_bytes", document.get("memory_bytes"), int) or 0
    measured = read_working_set({**document, **numbers})
    return MigrationFacts(
        touched,
        max(1, int(bandwidth * MIB)),
        measured,
        host_devices=devices,
        memory_bytes=memory,
        link_bytes_per_s=int(link * MIB),
    )


def number(name: str, value: t.Any, kind: t.Callable[[t.Any], t.Any]) -> t.Any:
    # A variable from the command line, or templated by an older Ansible, arrives as text.
    value = plain(value)
    if value is None:
        return None
    try:
        number = kind(value)
    except (TypeError, ValueError, OverflowError) as exc:
        raise _bad_option(name, value, "a number") from exc
    if not -MOST <= number <= MOST:  # which nan is not
        raise _bad_option(name, value, "a number")
    return number


def _bad_option(name: str, value: t.Any, wanted: str) -> MigrationError:
    shown = repr(value)[:80] if isinstance(value, (str, int, float, type(None))) else f"a {type(value).__name__}"
    return MigrationError("BAD_OPTION", f"{name} is {shown}, but must be {wanted}.")

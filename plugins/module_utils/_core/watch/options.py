# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of the event source: which hosts it watches, under which policy, and how often it reports."""

from __future__ import annotations

import math
import typing as t
from dataclasses import dataclass

from ..errors import MigrationError
from ..libvirt_uri import PLACE, for_host, parse
from ..number_options import MOST
from ..policy import DEFAULT_PRESET, Policy, preset
from ..units import BYTES_PER_MBIT

# Choices.
LEAST_PROGRESS_S = 1.0
_PROGRESS_S = 30.0
_AGAIN_S = 300.0
_KNOWN = ("hosts", "uri", "uri_allow", "policy", "policy_overrides", "link_mbit_per_s", "progress_s", "stuck_again_s")
# What ansible-rulebook itself puts beside the arguments of a source.
_OF_THE_RULEBOOK = ("eda_feedback_queue",)
_STATE = "Nothing is being watched."


@dataclass(frozen=True)
class WatchOptions:
    """``hosts``: URI of each host, by its name in the inventory. ``policy``: in mode ``observe``.

    ``link_bytes_per_s``: what the links should carry (None: not known). ``progress_s``: the least time between two
    events ``progress`` of a guest. ``stuck_again_s``: after which a guest that is still stuck, or still broken, is told
    once more.
    """

    hosts: t.Mapping[str, str]
    policy: Policy
    link_bytes_per_s: t.Optional[int] = None
    progress_s: float = _PROGRESS_S
    stuck_again_s: float = _AGAIN_S


def watch_options(given: t.Mapping[str, t.Any]) -> WatchOptions:
    """From the arguments in a rulebook. Raises BAD_OPTION, BAD_CONTRACT, BAD_URI, BAD_HOST, URI_NOT_ALLOWED."""
    unknown = sorted(str(key) for key in given if key not in (*_KNOWN, *_OF_THE_RULEBOOK))
    if unknown:
        raise _bad(f"There is no option {unknown[0]!r}.", "The options are: " + ", ".join(_KNOWN) + ".")
    overrides = given.get("policy_overrides") or {}
    if not isinstance(overrides, t.Mapping):
        raise _bad("policy_overrides is no dictionary.", "Write the fields of the policy below it.")
    policy = preset(str(given.get("policy") or DEFAULT_PRESET), {**overrides, "mode": "observe"})
    link = _number(given, "link_mbit_per_s", None, 0.001)
    return WatchOptions(
        hosts=_hosts(given),
        policy=policy,
        link_bytes_per_s=None if link is None else int(link * BYTES_PER_MBIT),
        progress_s=_number(given, "progress_s", _PROGRESS_S, LEAST_PROGRESS_S) or _PROGRESS_S,
        stuck_again_s=_number(given, "stuck_again_s", _AGAIN_S, LEAST_PROGRESS_S) or _AGAIN_S,
    )


def _hosts(given: t.Mapping[str, t.Any]) -> dict[str, str]:
    """A dictionary of URIs by host, or a list of hosts with one ``uri`` that has ``{host}`` in it."""
    hosts, template, allow = given.get("hosts"), given.get("uri"), given.get("uri_allow") or []
    if isinstance(allow, str):
        allow = [allow]
    if not isinstance(allow, list) or not all(isinstance(one, str) for one in allow):
        raise _bad("uri_allow is no list of texts.", "Write the names of parameters one below the other.")
    if isinstance(hosts, str):
        hosts = [one.strip() for one in hosts.split(",") if one.strip()]
    if not hosts or not isinstance(hosts, (list, t.Mapping)):
        raise _bad(
            "hosts names no host.",
            f"Write the names of the hosts and a uri with {PLACE} in it, or below hosts NAME: URI for each of them.",
        )
    if isinstance(hosts, t.Mapping):
        found = {str(name): uri for name, uri in hosts.items()}
        for name, uri in found.items():
            parse(uri, allow, f"The URI of {name!r}")
        return found
    if template is None:
        raise _bad(
            "hosts is a list, and there is no uri.", f"Add a uri with {PLACE}, such as qemu+ssh://root@{PLACE}/system."
        )
    return {str(name): for_host(template, name, allow, "uri") for name in hosts}


def _number(given: t.Mapping[str, t.Any], name: str, default: t.Optional[float], least: float) -> t.Optional[float]:
    """A text counts as a number, since what is put into a rulebook by a variable may be one."""
    value = given.get(name)
    if value is None or value == "":
        return default
    try:
        number = float(value) if isinstance(value, (int, float, str)) and not isinstance(value, bool) else math.nan
    except (ValueError, OverflowError):
        number = math.nan
    if not least <= number <= MOST:
        shown = f"{value!r:.40}" if isinstance(value, (str, float, bool)) else f"a value of type {type(value).__name__}"
        raise _bad(f"{name} is {shown}, but must be a number from {least:g} to {MOST:g}.", "Correct the value.")
    return number


def _bad(problem: str, remedy: str) -> MigrationError:
    return MigrationError("BAD_OPTION", problem, state=_STATE, remedy=remedy)

# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.evacuation.run.link_gain import LinkGain


class Links:
    """Looked at each half second."""

    def __init__(self) -> None:
        self.gain, self.now_s = LinkGain(), 0.0

    def carry(self, *rates: tuple[str, float], looks: int = 20) -> None:
        for _look in range(looks):
            self.gain.note(rates, self.now_s)
            self.now_s += 0.5


def told(*mixes: tuple[list[str], float], looks: int = 20) -> LinkGain:
    """Each mix of destinations with what each transfer of it got."""
    links = Links()
    for destinations, rate in mixes:
        links.carry(*((name, rate) for name in destinations), looks=looks)
    return links.gain


def test_nothing_is_known_at_first() -> None:
    assert LinkGain().pays([], "kvm02")
    assert LinkGain().pays(["kvm02"], "kvm03")
    assert told((["kvm02"], 45.0), (["kvm02", "kvm03"], 22.5), looks=12).pays(["kvm02"], "kvm03")


@pytest.mark.parametrize(("each", "pays"), [(22.5, False), (25.0, False), (27.0, True), (45.0, True)])
def test_two_that_carry_no_more_than_one_do_not_pay(each: float, pays: bool) -> None:
    gain = told((["kvm02"], 45.0), (["kvm02", "kvm03"], each))
    assert gain.pays(["kvm03"], "kvm02") is pays
    assert gain.pays([], "kvm02")


def test_two_destinations_are_another_matter_than_one() -> None:
    """Each may have a link of its own."""
    gain = told((["kvm02"], 45.0), (["kvm02", "kvm02"], 22.5))
    assert not gain.pays(["kvm02"], "kvm02")
    assert gain.pays(["kvm02"], "kvm03")


def test_one_that_is_silent_tells_nothing() -> None:
    links = Links()
    links.carry(("kvm02", 45.0))
    links.carry(("kvm02", 45.0), ("kvm03", 0.0))
    assert links.gain.pays(["kvm02"], "kvm03")


def test_rates_that_have_not_settled_do_not_count() -> None:
    """What one got before is still in its rate when another one begins or ends."""
    links = Links()
    links.carry(("kvm02", 45.0), looks=6)
    for _turn in range(5):
        links.carry(("kvm02", 45.0), ("kvm03", 30.0), looks=9)
        links.carry(("kvm02", 22.5), ("kvm03", 22.5), looks=5)
        links.carry(("kvm02", 22.5), looks=9)
    assert not links.gain.pays(["kvm02"], "kvm03")


def test_what_was_seen_long_ago_does_not_count() -> None:
    links = Links()
    links.carry(("kvm02", 45.0))
    links.carry(("kvm02", 22.5), ("kvm03", 22.5))
    links.carry(("kvm02", 45.0), ("kvm03", 45.0), looks=60)
    assert links.gain.pays(["kvm02"], "kvm03")

# SPDX-License-Identifier: GPL-3.0-or-later
"""A definition that is taken apart by its indentation says what it says as a whole, and equal parts are parsed once."""

from __future__ import annotations

import os
import typing as t
from pathlib import Path
from unittest import mock
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.parse import elements
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.parse.domain_xml import (
    _document,
    parse_domain,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.parse.elements import take_apart, whole
from ansible_collections.virtops.live_migration.tests.unit.plugins.module_utils._core.host.parse import (
    test_fuzz_domains,
)

EXAMPLES = int(os.environ.get("VIRTOPS_FUZZ_EXAMPLES", "200"))
CAPTURED = Path(__file__).parents[4] / "captured"
LIVE = (CAPTURED / "everything.xml").read_text(encoding="utf-8")

HEAD = """<domain type='kvm'>
  <name>erp01</name>
  <uuid>1f3c6f0a-6a40-4d0c-9d5e-0a6b1d1f0c11</uuid>
"""
CPU = """  <cpu mode='custom'>
    <model>Skylake-Server</model>
    <feature policy='require' name='vmx'/>
  </cpu>
"""
DISK = """    <disk type='file' device='disk'>
      <source file='/srv/nfs/{0}.qcow2'/>
      <target dev='vda' bus='virtio'/>
    </disk>
"""
ALIKE = "    <controller type='pci' index='0' model='pcie-root'/>\n    <memballoon model='virtio'>\n    </memballoon>\n"
TAIL = "</domain>\n"


def indented(xml: str) -> str:
    root = ElementTree.fromstring(xml)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode") + "\n"


def outcome(read: t.Callable[[], t.Any]) -> t.Any:
    try:
        return read()
    except MigrationError as exc:
        return exc.reason


def same(xml: str) -> t.Any:
    """What is read, both ways."""
    found = outcome(lambda: parse_domain(xml))
    try:
        root = ElementTree.fromstring(xml)
    except ElementTree.ParseError:
        assert found == "BAD_DEFINITION"
        return found
    assert found == outcome(lambda: _document(whole(root)))
    return found


@settings(max_examples=EXAMPLES, database=None)
@given(st.integers(0, 2**48), st.sampled_from([0.0, 0.1]))
def test_both_ways_say_the_same(seed: int, odd: float) -> None:
    same(indented(test_fuzz_domains.Maker(seed, odd).domain()))


@settings(max_examples=EXAMPLES, database=None)
@given(st.integers(0, 2**48), st.integers(0, 20_000), st.text("<>/!?'= \nacdeipsuv-\u00b7", max_size=8))
def test_damaged_ones_too(seed: int, place: int, text: str) -> None:
    xml = indented(test_fuzz_domains.Maker(seed).domain())
    place %= len(xml)
    same(xml[:place] + text + xml[place + len(text) :])


def test_a_captured_one_is_taken_apart() -> None:
    assert elements._by_indentation(LIVE) is not None
    assert same(LIVE).disks


def devices(inner: str) -> str:
    return f"  <devices>\n{inner}  </devices>\n"


# What only looks like a part: read as a whole, or refused.
ODD = {
    "in a comment": HEAD + "  <!--\n" + CPU + "  -->\n" + devices(ALIKE) + TAIL,
    "in text that is quoted": HEAD + "  <description><![CDATA[\n" + CPU + "]]></description>\n" + devices(ALIKE) + TAIL,
    "in metadata": HEAD
    + "  <metadata>\n<a:a xmlns:a='urn:a'>\n"
    + CPU
    + "</a:a>\n  </metadata>\n"
    + devices("")
    + TAIL,
    "in an attribute": HEAD + "  <title a='\n" + CPU + "'/>\n" + devices(ALIKE) + TAIL,
    "twice": HEAD + CPU + CPU.replace("vmx", "avx") + devices(ALIKE) + TAIL,
    "devices twice": HEAD + devices(ALIKE) + devices(DISK.format("a")) + TAIL,
    "beside the root": HEAD + devices(ALIKE) + TAIL + CPU,
    "a prefix of the root": HEAD.replace("'kvm'", "'kvm' xmlns:q='urn:q'") + devices("    <disk q:a='1'/>\n") + TAIL,
    "a default name space": HEAD.replace("'kvm'", "'kvm' xmlns='urn:q'") + CPU + devices(DISK.format("a")) + TAIL,
    "text between devices": HEAD + devices(ALIKE + "    text\n" + DISK.format("a")) + TAIL,
    "text after a device": HEAD + devices("    <hub type='usb'/>text\n" + DISK.format("a")) + TAIL,
    "attributes of devices": HEAD + devices(DISK.format("a")).replace("<devices>", "<devices a='1'>") + TAIL,
    "a device that does not end": HEAD + devices("    <disk>\n" + DISK.format("a")) + TAIL,
    "two devices at once": HEAD + devices("    <hub type='usb'/><hub type='usb'/>\n" + DISK.format("a")) + TAIL,
    "the mark": HEAD + CPU.replace("vmx", "vm\u00b7") + devices(ALIKE) + TAIL,
    "an element of that name": HEAD + "  <cpu\u00b7/>\n" + CPU + devices(ALIKE) + TAIL,
    "another root": HEAD.replace("domain", "guest") + CPU + devices(ALIKE) + "</guest>\n",
    "an entity": '<!DOCTYPE a [<!ENTITY b "c">]>\n' + HEAD + CPU + devices(DISK.format("&b;")) + TAIL,
    "none of all": HEAD + TAIL,
    "cut off": HEAD + CPU + devices(ALIKE),
}


@pytest.mark.parametrize("what", sorted(ODD))
def test_what_only_looks_like_a_part(what: str) -> None:
    same(ODD[what])


def test_a_processor_in_metadata_is_not_that_of_the_guest() -> None:
    assert same(ODD["in metadata"]).cpu.model == ""
    assert same(ODD["in a comment"]).cpu.model == ""
    assert same(ODD["in an attribute"]) == "BAD_DEFINITION"
    assert same(ODD["devices twice"]).disks[0].source == "/srv/nfs/a.qcow2"


def test_equal_parts_are_parsed_once() -> None:
    """Of each guest of its own: what is around the parts, and its disk. So twice as many guests are twice the work.

    Where they differ in more than names; others are not parsed at all (test_definition_cache.py).
    """
    elements._kept.cache_clear()
    asked: list[int] = []
    real = ElementTree.fromstring

    def parse(text: str) -> t.Any:
        asked.append(len(text))
        return real(text)

    def work(first: int, last: int) -> tuple[int, int]:
        asked.clear()
        for number in range(first, last):
            take_apart(HEAD + CPU + devices(ALIKE + DISK.format(f"{number:06d}")) + TAIL)
        return len(asked), sum(asked)

    with mock.patch.object(elements.ElementTree, "fromstring", parse):
        work(0, 1)
        once, twice = work(1, 1001), work(1001, 3001)
    assert once[0] == 2 * 1000
    assert twice == (2 * once[0], 2 * once[1])
    assert once[1] < 1000 * (len(HEAD + TAIL + DISK) + 60)


def test_what_is_shared_is_not_given_away() -> None:
    """A guest's metadata is a dictionary of its own."""
    xml = HEAD + "  <metadata>\n    <a:a xmlns:a='urn:a'/>\n  </metadata>\n" + devices(ALIKE) + TAIL
    found = [parse_domain(xml) for _number in range(4)]
    for one in found:
        assert list(one.metadata) == ["urn:a"]
        one.metadata["urn:b"] = "x"

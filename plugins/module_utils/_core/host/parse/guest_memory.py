# SPDX-License-Identifier: GPL-3.0-or-later
"""What a guest's definition wants of its host's processors and memory by number: pins, NUMA nodes, kinds of pages."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from ...units import KIB
from ..guest import Balloon, GuestMemory, MemoryCell
from .elements import Devices, Element, first, get, inside
from .xml_values import bytes_of, number_set, size_of, whole_number

_PINS = ("vcpupin", "emulatorpin", "iothreadpin")
_LARGEST_ORDINARY_BYTES = 64 * KIB  # of 64-bit ARM and POWER; 4 KiB elsewhere


def pinned_cpus(root: Element) -> list[int]:
    """Processors of the host that threads of the guest are bound to by number."""
    vcpu = root.find("vcpu")
    tuned = [one for tune in root.findall("cputune") for one in tune if one.tag in _PINS]
    texts = [one.get("cpuset", "") for one in tuned]
    if vcpu is not None and vcpu.get("placement", "static") != "auto":
        texts.append(vcpu.get("cpuset", ""))
    return sorted({number for text in texts for number in number_set(text)})


def balloon(devices: Devices) -> Balloon:
    """A guest has one at most."""
    found = next(iter(devices.get("memballoon", ())), None)
    if found is None:
        return Balloon()
    return Balloon(
        model=found.get("model", ""),
        autodeflate=found.get("autodeflate") == "on",
        free_page_reporting=found.get("freePageReporting") == "on",
        period_s=whole_number(get(found.find("stats"), "period") or "0"),
    )


def memory(root: Element, cpu: t.Optional[Element], devices: Devices) -> GuestMemory:
    total = bytes_of(root.find("memory")) or 0
    current = bytes_of(root.find("currentMemory"))
    backing, numa = root.find("memoryBacking"), first(root, "numatune", "memory")
    backed = _Backing() if backing is None else _backing(backing)
    cells = inside(cpu, "numa", "cell") if cpu is not None else []
    modules = devices.get("memory", ())
    nodes = number_set(numa.get("nodeset", "")) if numa is not None else []
    mode = numa.get("mode", "strict") if numa is not None else ""
    return GuestMemory(
        total_bytes=total,
        current_bytes=total if current is None else current,
        hugepages=backed.hugepages,
        hugepage_size_bytes=next((size for size in backed.pages.values() if size), None),
        nodes=nodes,
        node_mode=mode,
        locked=backed.locked,
        shared=backed.shared or any(one.get("memAccess") == "shared" for one in cells),
        source=backed.source,
        nvdimm=any(one.get("model") == "nvdimm" for one in modules),
        cells=_cells(root, cells, modules, backed.pages, MemoryCell(None, total, nodes=nodes, node_mode=mode)),
    )


class _Backing(t.NamedTuple):
    """``memoryBacking``. ``pages``: the size of the hugepages by node of the guest; None: for all others, and as a
    size: the host's default."""

    hugepages: bool = False
    pages: t.Mapping[t.Optional[int], t.Optional[int]] = {}
    locked: bool = False
    shared: bool = False
    source: str = ""


def _backing(backing: Element) -> _Backing:
    huge = backing.findall("hugepages")
    pages: dict[t.Optional[int], t.Optional[int]] = {}
    for page in inside(backing, "hugepages", "page"):
        size = size_of(page, "size") or None
        cells: list[t.Optional[int]] = [*number_set(page.get("nodeset", ""))]
        pages.update(dict.fromkeys(cells or [None], size))
    if huge and not pages:
        pages[None] = None
    return _Backing(
        hugepages=bool(huge),
        pages=pages,
        locked=backing.find("locked") is not None,
        shared=any(one.get("mode") == "shared" for one in backing.findall("access")),
        source=get(backing.find("source"), "type"),
    )


def _cells(
    root: Element,
    cells: t.Sequence[Element],
    modules: t.Sequence[Element],
    pages: t.Mapping[t.Optional[int], t.Optional[int]],
    whole: MemoryCell,
) -> list[MemoryCell]:
    """Part by part what the host has to provide; nothing where all parts are alike. ``whole``: as if all were.

    As qemuBuildMemoryGetPagesize of libvirt has it: a plugged-in module may name a size itself; else that of its node
    counts, else that which is for all. A size that is no hugepage of the host (4 KiB) means ordinary pages.
    """
    bound = {
        whole_number(one.get("cellid", "0")): (number_set(one.get("nodeset", "")), one.get("mode", "strict"))
        for one in inside(root, "numatune", "memnode")
    }
    plain = set(pages) <= {None} and not bound and all(one.find("source") is None for one in modules)
    ordinary = any(size is not None and size <= _LARGEST_ORDINARY_BYTES for size in pages.values())
    if plain and not ordinary:
        return []
    found: list[MemoryCell] = []
    for cell in cells:
        number = whole_number(cell.get("id", str(len(found))))
        size = size_of(cell, "memory")
        found.append(_cell(number, size, pages, bound, whole))
    for module in modules:
        found += _module(module, pages, bound, whole)
    if not any(one.cell is not None for one in found):
        rest = max(0, whole.size_bytes - sum(one.size_bytes for one in found))
        # Without nodes of its own the guest is one, number 0, to what is said of nodes.
        found.insert(0, replace(_cell(0, rest, pages, bound, whole), cell=None))
    return found


def _cell(
    number: int,
    size_bytes: int,
    pages: t.Mapping[t.Optional[int], t.Optional[int]],
    bound: t.Mapping[int, tuple[list[int], str]],
    whole: MemoryCell,
) -> MemoryCell:
    huge = number in pages or None in pages
    page = pages.get(number, pages.get(None))
    if page is not None and page <= _LARGEST_ORDINARY_BYTES:
        huge, page = False, None
    nodes, mode = bound.get(number, (whole.nodes, whole.node_mode))
    return MemoryCell(number, size_bytes, huge, page if huge else None, nodes, mode)


def _module(
    module: Element,
    pages: t.Mapping[t.Optional[int], t.Optional[int]],
    bound: t.Mapping[int, tuple[list[int], str]],
    whole: MemoryCell,
) -> list[MemoryCell]:
    """Of an NVDIMM or persistent memory the host has a file, and of SGX memory of its own kind."""
    if module.get("model") not in ("dimm", "virtio-mem"):
        return []
    size, node = bytes_of(module.find("target/size")) or 0, module.findtext("target/node", "")
    current = bytes_of(module.find("target/current"))
    found = _cell(whole_number(node or "0"), size if current is None else current, pages, bound, whole)
    page, mask = bytes_of(module.find("source/pagesize")), number_set(module.findtext("source/nodemask", ""))
    if page is not None:
        huge = page > _LARGEST_ORDINARY_BYTES
        found = replace(found, hugepages=huge, hugepage_size_bytes=page if huge else None)
    if mask:
        found = replace(found, nodes=mask, node_mode=found.node_mode or "strict")
    return [found]

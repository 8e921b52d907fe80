# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t
from dataclasses import astuple, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError
from ansible_collections.virtops.live_migration.plugins.module_utils._core.job.domjobinfo import (
    ParseError,
    parse_domjobinfo,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.job.sample import (
    JobSample,
    Phase,
    Progress,
    sample_from_stats,
)

MIB = 1 << 20
TIB = 1 << 40

# The example of the troubleshooting chapter.
CHAPTER = """\
Job type:         Unbounded
Operation:        Outgoing migration
Time elapsed:     168286974    ms
Data processed:   26.106 TiB
Data remaining:   34.383 MiB
Data total:       10.586 TiB
Memory processed: 26.106 TiB
Memory remaining: 34.383 MiB
Memory total:     10.586 TiB
Memory bandwidth: 29.056 MiB/s
Dirty rate:       17225        pages/s
Page size:        4096         bytes
"""
CHAPTER_SAMPLE = JobSample(
    phase=Phase.PRECOPY,
    operation="outgoing",
    elapsed_ms=168286974,
    memory=Progress(round(10.586 * TIB), round(26.106 * TIB), round(34.383 * MIB)),
    bandwidth_bytes_per_s=round(29.056 * MIB),
    dirty_pages_per_s=17225,
    page_size_bytes=4096,
)

RUNNING = (
    CHAPTER
    + """\
Iteration:        812
Postcopy requests: 0
File processed:   1.500 GiB
File remaining:   512.000 B
File total:       2.000 GiB
File bandwidth:   1.000 PiB/s
Constant pages:   1024
Normal pages:     2048
Normal data:      8.000 MiB
Expected downtime: 4022         ms
Setup time:       3            ms
Compression cache: 64.000 MiB
Compression cache misses: 5
Auto converge throttle: 40
VFIO data transferred: 3.000 EiB
"""
)
COMPLETED = """\
Job type:         Completed
Operation:        Incoming migration
Time elapsed:     7123         ms
Time elapsed w/o network: 7120 ms
Memory processed: 330.000 MiB
Memory remaining: 0.000 B
Memory total:     512.000 MiB
Memory bandwidth: 45.600 MiB/s
Dirty rate:       0            pages/s
Iteration:        4
Total downtime:   351          ms
Downtime w/o network: 349      ms
"""
RAW = """\
Job type: 2

operation: 5
time_elapsed: 1234
downtime: 300
setup_time: 2
data_total: 547430400
memory_total: 547430400
memory_processed: 119414784
memory_remaining: 426885120
memory_bps: 47815376
memory_dirty_rate: 0
memory_iteration: 1
memory_page_size: 4096
memory_postcopy_requests: 7
disk_total: 10
disk_processed: 4
disk_remaining: 6
vfio_data_transferred: 12
some_new_text: of any kind
auto_converge_throttle: 20
"""


def lines_of(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.splitlines()]


# name, what happened to the text on its way
SHAPES: list[tuple[str, t.Callable[[str], str]]] = [
    ("as virsh prints it", lambda text: text),
    ("Windows line ends", lambda text: text.replace("\n", "\r\n")),
    ("folded with slashes", lambda text: " / ".join(lines_of(text))),
    ("folded with spaces", lambda text: " ".join(lines_of(text))),
    ("folded with semicolons", lambda text: "; ".join(lines_of(text))),
    ("folded with commas", lambda text: ", ".join(lines_of(text))),
    ("no-break spaces", lambda text: text.replace(" ", "\u00a0")),
    ("indented", lambda text: "".join(f"    {line}\n" for line in text.splitlines())),
    ("log prefix", lambda text: "".join(f"2026-11-23T14:00:01Z kvm01 watch[7]: {x}\n" for x in text.splitlines())),
    ("prompt", lambda text: f"root@kvm01:~# virsh domjobinfo erp01\n{text}\nroot@kvm01:~# "),
    ("broken anywhere by a mail program", lambda text: text.replace(" ", "\n")),
    ("quoted in a mail", lambda text: "".join(f"> {line}\n" for line in text.splitlines())),
    ("quoted twice and wrapped", lambda text: text.replace(" ", "\n> > ")),
    ("wrapped while quoted", lambda text: text.replace("Memory ", "Memory\n> ")),
    ("a table", lambda text: "".join(f"| {line}\n" for line in text.splitlines())),
    ("time stamps", lambda text: "".join(f"[14:00:01] {line}\n" for line in text.splitlines())),
    ("comments", lambda text: "".join(f"# {line}\n" for line in text.splitlines())),
    ("the last of several", lambda text: f"{COMPLETED}\nJob type: None\n\n{text}"),
]


@pytest.mark.parametrize("shape", [shape for _name, shape in SHAPES], ids=[name for name, _shape in SHAPES])
def test_every_shape_reads_the_same(shape: t.Callable[[str], str]) -> None:
    assert parse_domjobinfo(shape(CHAPTER)) == CHAPTER_SAMPLE
    assert parse_domjobinfo(shape(RUNNING)) == parse_domjobinfo(RUNNING)
    assert parse_domjobinfo(shape(RAW)) == parse_domjobinfo(RAW)


def test_running() -> None:
    sample = parse_domjobinfo(RUNNING)
    assert (sample.phase, sample.pass_number, sample.throttle_percent) == (Phase.PRECOPY, 812, 40)
    assert sample.disk == Progress(2 << 30, 3 << 29, 512)
    assert (sample.expected_downtime_ms, sample.downtime_ms) == (4022, None)


def test_completed() -> None:
    sample = parse_domjobinfo(COMPLETED)
    assert (sample.phase, sample.operation, sample.elapsed_ms) == (Phase.COMPLETED, "incoming", 7123)
    assert (sample.expected_downtime_ms, sample.downtime_ms) == (None, 351)
    assert (sample.pass_number, sample.memory.processed_bytes) == (4, 330 * MIB)


def test_raw() -> None:
    assert parse_domjobinfo(RAW) == JobSample(
        phase=Phase.POSTCOPY,
        operation="outgoing",
        elapsed_ms=1234,
        pass_number=1,
        memory=Progress(547430400, 119414784, 426885120),
        disk=Progress(10, 4, 6),
        bandwidth_bytes_per_s=47815376,
        expected_downtime_ms=300,
        throttle_percent=20,
        postcopy_requests=7,
    )


TIME = "Time elapsed: 5 ms"
MEMORY = "Memory processed: 1.000 KiB\nMemory remaining: 1.000 KiB\nMemory total: 1.000 KiB"
FILE = "File processed: 1.000 B\nFile remaining: 1.000 B\nFile total: 1.000 B"

# text, phase, operation. A job without an operation is of a libvirt before 3.3, and migrates: as in raw statistics.
PHASES = [
    ("Job type:         None        \n\n", Phase.NONE, "outgoing"),
    ("Job type: 0", Phase.NONE, "outgoing"),
    (f"Job type: Unbounded\nOperation: Outgoing migration\n{TIME}", Phase.SETUP, "outgoing"),
    (f"Job type: Unbounded\nOperation: Unknown\n{TIME}", Phase.SETUP, "outgoing"),
    (f"Job type: Unbounded\n{TIME}", Phase.SETUP, "outgoing"),
    (f"Job type: Bounded\nOperation: Backup\n{TIME}\n{FILE}", Phase.PRECOPY, "other"),
    (f"Job type: Unbounded\nOperation: Snapshot revert\n{TIME}\n{FILE}", Phase.PRECOPY, "other"),
    ("Job type: Failed\nOperation: Outgoing migration", Phase.FAILED, "outgoing"),
    ("Job type: Cancelled\nOperation: Outgoing  migration", Phase.CANCELLED, "outgoing"),
    ("Job type: 3\noperation: 4\ntime_elapsed: 5", Phase.COMPLETED, "incoming"),
    ("Job type: 2\noperation: 99\ntime_elapsed: 5", Phase.SETUP, "other"),
    (
        f"Job type: Unbounded\n{TIME}\n{MEMORY}\nDirty rate: 3 pages/s\nPostcopy requests: 3",
        Phase.POSTCOPY,
        "outgoing",
    ),
]


@pytest.mark.parametrize(("text", "phase", "operation"), PHASES)
def test_phase_and_operation(text: str, phase: Phase, operation: str) -> None:
    sample = parse_domjobinfo(text)
    assert (sample.phase, sample.operation) == (phase, operation)


UNBOUNDED = f"Job type: Unbounded\n{TIME}\n"

# text, what the message shows of it
REFUSED = [
    # a field that virsh always prints is missing
    ("Job type: Unbounded\nOperation: Outgoing migration", "'Time elapsed: ...', which every job has"),
    ("Job type: 2\noperation: 5", "'time_elapsed: ...', which every job has"),
    (UNBOUNDED + "Memory total: 1.000 KiB", "'Memory processed: ...', which 'Memory total'"),
    (UNBOUNDED + MEMORY.replace("remaining", "left"), "'Memory remaining: ...', which 'Memory processed'"),
    (UNBOUNDED + FILE.replace("File total", "File sum"), "'File total: ...', which 'File processed'"),
    (UNBOUNDED + MEMORY + "\nIteration: 3", "'Dirty rate: ...', which 'Iteration' never comes without"),
    (UNBOUNDED + MEMORY.replace("Memory", "Data"), "'Memory total: ...', which 'Data processed' never comes without"),
    ("Job type: 2\ntime_elapsed: 4\nmemory_total: 5\nmemory_processed: 5", "'memory_remaining: ...', which"),
    # half in another language
    (f"Job type: Unbounded\nToimenpide: Outgoing migration\n{TIME}", "found 'Toimenpide: Outgoing migration'"),
    (f"Job type: Unbounded / Toimenpide: Incoming migration / {TIME}", "'Operation: ...' in English"),
    (f"Job type: Unbounded\nOperation: Ausgehende Migration\n{TIME}", "'Operation:' with one of Unknown, Outgoing"),
    (UNBOUNDED + "J\u00e4ljell\u00e4 oleva muisti: 26.287 GiB", "labels as virsh has them in English"),
    (UNBOUNDED + MEMORY + "\nD\u00e9bit m\u00e9moire : 101,960 MiB/s", "labels as virsh has them in English"),
    # torn apart by something that is no quotation of a mail
    (UNBOUNDED + MEMORY + "\nMemory\n~ bandwidth: 101.960 MiB/s", "labels as virsh has them in English, in one"),
    # not possible
    (UNBOUNDED + MEMORY + "\nDirty rate: 1 pages/s\nPage size: 0 bytes", "a power of two up to 1 GiB for 'Page size'"),
    (UNBOUNDED + MEMORY + "\nDirty rate: 1 pages/s\nPage size: 5000 bytes", "a power of two up to 1 GiB"),
    (UNBOUNDED + "Auto converge throttle: 101", "a percentage for 'Auto converge throttle'"),
    # thousands as other languages have them
    (UNBOUNDED + "Iteration: 1 234", "'Iteration: 1 234'"),
    (UNBOUNDED + "Iteration: 1\u00a0234", "such as 'Iteration: 812'"),
    (UNBOUNDED + "Iteration: 1.234", "such as 'Iteration: 812'"),
    (UNBOUNDED + "Iteration: 1'234", "such as 'Iteration: 812'"),
    (UNBOUNDED + "Memory total: 1.234.567 KiB", "such as 'Memory total: 34.383 MiB'"),
    (UNBOUNDED + "Memory total: 1 234.5 KiB", "such as 'Memory total: 34.383 MiB'"),
    (UNBOUNDED + "Dirty rate: 31 340 pages/s", "such as 'Dirty rate: 17225 pages/s'"),
    ("", "found nothing"),
    (" \r\n\t", "found nothing"),
    ("hello\nworld", "found 'hello'"),
    ("error: Domain not found: no domain with matching name 'x'", "found 'error: Domain not found"),
    ("Memory total: 3.000 MiB", "found 'Memory total: 3.000 MiB'"),
    ("Auftragstyp:      Unbegrenzt", "found 'Auftragstyp:"),
    ("Job type: Unbegrenzt", "found 'Unbegrenzt'"),
    ("Job type: ", "found nothing"),
    ("Job type: 6", "a job type from 0 to 5"),
    ("Job type: 22", "'Job type:' with one of None, Bounded, Unbounded"),
    ("Job type: Unbounded Iteration: -1", "'Iteration: -1'"),
    ("Job type: Unbounded Iteration: nan", "'Iteration: nan'"),
    ("Job type: Unbounded Iteration: 1,234", "'Iteration: 1,234'"),
    ("Job type: Unbounded Iteration: 1.5", "'Iteration: 1.5'"),
    ("Job type: Unbounded Iteration:", "'Iteration:'"),
    ("Job type: Unbounded Time elapsed: inf ms", "'Time elapsed: inf ms'"),
    ("Job type: Unbounded Time elapsed: 12 s", "such as 'Time elapsed: 168286974 ms'"),
    ("Job type: Unbounded Memory total: 29,056 MiB", "'Memory total: 29,056 MiB'"),
    ("Job type: Unbounded Memory total: 29.056 MB", "'Memory total: 29.056 MB'"),
    ("Job type: Unbounded Memory total: 29.056", "'Memory total: 29.056'"),
    ("Job type: Unbounded Memory total: 1e9 MiB", "'Memory total: 1e9 MiB'"),
    ("Job type: Unbounded Memory total: 17.000 EiB", "below 2^64 for 'Memory total'"),
    ("Job type: Unbounded Iteration: 99999999999999999999", "below 2^64 for 'Iteration'"),
    ("Job type: Unbounded Iteration: " + "9" * 5000, "such as 'Iteration: 812'"),
    ("Job type: Unbounded Iteration: 1 Iteration: 2", "'Iteration' once in a report"),
    ("Job type: Unbounded Dirty rate: \u0661\u0662 pages/s", "'Dirty rate: \u0661\u0662 pages/s'"),
    ("Job type: 2 memory_bps: -7", "'memory_bps: -7'"),
    ("\x1b[31mred\x07", "'?[31mred?'"),
    ("x" * 500, "'" + "x" * 57 + "...'"),
]


@pytest.mark.parametrize(("text", "shown"), REFUSED)
def test_refused(text: str, shown: str) -> None:
    with pytest.raises(ParseError) as caught:
        parse_domjobinfo(text)
    assert shown in str(caught.value)
    assert caught.value.reason == "UNPARSABLE"
    assert "LC_ALL=C" in caught.value.remedy
    assert "--rawstats" in caught.value.remedy
    assert isinstance(caught.value, MigrationError)


# Of reports as people sent them: English of virsh 11, of one in Finnish, of a daemon before 3.3, of QEMU before 3.0.
REPORT = """\
Job type:         Unbounded
Operation:        Outgoing migration
Time elapsed:     294154       ms
Data processed:   32.196 GiB
Memory processed: 32.196 GiB
Memory remaining: 26.287 GiB
Memory total:     32.009 GiB
Memory bandwidth: 101.960 MiB/s
Dirty rate:       31340        pages/s
Iteration:        5
Expected downtime: 264000       ms
"""
FINNISH = {
    "Operation:": "Toimenpide:",
    "Memory processed:": "K\u00e4sitelty muisti:",
    "Memory remaining:": "J\u00e4ljell\u00e4 oleva muisti:",
    "Memory total:": "Muisti yhteens\u00e4:",
    "Memory bandwidth:": "Muistin kaistanleveys:",
}


def translated(labels: t.Mapping[str, str]) -> str:
    text = REPORT
    for english, other in labels.items():
        text = text.replace(english, other)
    return text


@pytest.mark.parametrize(
    "labels", [FINNISH, *({label: other} for label, other in FINNISH.items()), {"Iteration:": "Kierros:"}]
)
def test_labels_in_another_language_are_refused(labels: dict[str, str]) -> None:
    with pytest.raises(ParseError):
        parse_domjobinfo(translated(labels))


@pytest.mark.parametrize("missing", ["Time elapsed", "Memory processed", "Memory remaining", "Memory total", "Dirty"])
def test_a_line_that_is_missing_is_no_zero(missing: str) -> None:
    with pytest.raises(ParseError):
        parse_domjobinfo("".join(line for line in REPORT.splitlines(True) if not line.startswith(missing)))


def test_wrapped_and_quoted() -> None:
    sample = parse_domjobinfo(REPORT.replace("Memory remaining:", "Memory\n> remaining:"))
    assert sample == parse_domjobinfo(REPORT)
    assert sample.memory.remaining_bytes == 28225451327


def test_before_libvirt_3_3_there_was_no_operation() -> None:
    text = REPORT.replace("Operation:        Outgoing migration\n", "")
    assert parse_domjobinfo(text) == parse_domjobinfo(REPORT)
    prefixed = "".join(f"2026-11-23T14:00:01Z kvm01 watch[7]: {line}\n" for line in text.splitlines())
    assert parse_domjobinfo(prefixed) == parse_domjobinfo(REPORT)


# --- properties

LABELS = [line.split(":")[0] for line in (RUNNING + COMPLETED + RAW).splitlines() if line]
VALUES = [
    "Unbounded",
    "Completed",
    "2",
    "9",
    "Outgoing migration",
    "1.000 MiB",
    "17 EiB",
    "3 ms",
    "1,2",
    "-1",
    "nan",
    "",
]
anything_alike = st.lists(
    st.one_of(
        st.builds("{}: {}\n".format, st.sampled_from(LABELS), st.one_of(st.sampled_from(VALUES), st.text())),
        st.sampled_from([*LABELS, *VALUES, ":", "/", "\n"]),
        st.text(),
    )
).map("".join)


@given(text=st.one_of(st.text(), anything_alike))
def test_no_text_raises_anything_else(text: str) -> None:
    try:
        sample = parse_domjobinfo(text)
    except ParseError:
        return
    assert isinstance(sample, JobSample)


counts = st.integers(0, (1 << 64) - 1)


def group(*keys: str) -> st.SearchStrategy[dict[str, int]]:
    return st.one_of(st.just({}), st.fixed_dictionaries(dict.fromkeys(keys, counts)))


# As libvirt gives them: some only together, the others or not.
all_stats = st.builds(
    lambda *parts: {key: value for part in parts for key, value in part.items()},
    st.fixed_dictionaries(
        {"type": st.integers(0, 5), "operation": st.sampled_from([4, 5]), "time_elapsed": counts},
        optional={"downtime": counts, "auto_converge_throttle": st.integers(0, 100)},
    ),
    st.one_of(
        st.just({}),
        st.fixed_dictionaries(
            dict.fromkeys(
                ("memory_total", "memory_processed", "memory_remaining", "memory_dirty_rate", "memory_bps"), counts
            ),
            optional={
                "memory_page_size": st.sampled_from([4096, 16384, 65536]),
                **dict.fromkeys(("memory_iteration", "memory_postcopy_requests"), counts),
            },
        ),
    ),
    group("disk_total", "disk_processed", "disk_remaining"),
)

PLAIN_TYPES = ["None", "Bounded", "Unbounded", "Completed", "Failed", "Cancelled"]
PLAIN_FIELDS = [
    ("Time elapsed", "time_elapsed", "{:<12d} ms"),
    ("Memory processed", "memory_processed", "size"),
    ("Memory remaining", "memory_remaining", "size"),
    ("Memory total", "memory_total", "size"),
    ("Memory bandwidth", "memory_bps", "rate"),
    ("Dirty rate", "memory_dirty_rate", "{:<12d} pages/s"),
    ("Page size", "memory_page_size", "{:<12d} bytes"),
    ("Iteration", "memory_iteration", "{:<12d}"),
    ("Postcopy requests", "memory_postcopy_requests", "{:<12d}"),
    ("File processed", "disk_processed", "size"),
    ("File remaining", "disk_remaining", "size"),
    ("File total", "disk_total", "size"),
    ("Auto converge throttle", "auto_converge_throttle", "{:<13d}"),
]


def virsh_size(size_bytes: int) -> tuple[str, int]:
    """As virsh prints it (three decimals of the largest fitting unit), and how far that may be off."""
    power = next((p for p in range(6) if size_bytes < 1024 ** (p + 1)), 6)
    unit = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")[power]
    return f"{size_bytes / 1024**power:.3f} {unit}", 1024**power // 1000 + 1


def rendered(stats: dict[str, int]) -> str:
    """The plain text that virsh makes of statistics."""
    outgoing = stats["operation"] == 5
    lines = [
        f"{'Job type:':<17} {PLAIN_TYPES[stats['type']]:<12}",
        f"{'Operation:':<17} {'Outgoing' if outgoing else 'Incoming'} migration",
    ]
    for label, key, form in PLAIN_FIELDS:
        if key in stats:
            size = virsh_size(stats[key])[0]
            value = {"size": size, "rate": f"{size}/s"}.get(form) or form.format(stats[key])
            lines.append(f"{label + ':':<17} {value}")
    if "downtime" in stats:
        lines.append(f"{'Total' if stats['type'] == 3 else 'Expected'} downtime: {stats['downtime']:<12d} ms")
    return "\n".join(lines) + "\n\n"


def raw_rendered(stats: dict[str, int]) -> str:
    return f"Job type: {stats['type']}\n\n" + "".join(f"{k}: {v}\n" for k, v in stats.items() if k != "type")


folds = st.sampled_from(
    [lambda text: text, lambda text: " / ".join(text.split("\n")), lambda text: " ".join(text.split())]
)


@given(stats=all_stats, fold=folds)
def test_raw_and_plain_say_the_same(stats: dict[str, int], fold: t.Callable[[str], str]) -> None:
    exact = parse_domjobinfo(fold(raw_rendered(stats)))
    rounded = parse_domjobinfo(fold(rendered(stats)))
    for part in ("memory", "disk"):
        for left, right in zip(astuple(getattr(exact, part)), astuple(getattr(rounded, part))):
            assert abs(left - right) <= virsh_size(left)[1]
    bandwidth = exact.bandwidth_bytes_per_s
    assert abs(bandwidth - rounded.bandwidth_bytes_per_s) <= virsh_size(bandwidth)[1]
    same = {"memory": exact.memory, "disk": exact.disk, "bandwidth_bytes_per_s": bandwidth, "phase": exact.phase}
    assert replace(rounded, **same) == exact


@given(stats=all_stats)
def test_raw_is_exact(stats: dict[str, int]) -> None:
    assert parse_domjobinfo(raw_rendered(stats)) == sample_from_stats(stats)

# SPDX-License-Identifier: GPL-3.0-or-later

"""Run every check of the collection, show and keep its output, and end with one line that counts.

A step that runs pytest counts its tests; any other step counts as one. A pytest step that ran no test, or that failed
although no test did, counts as one failure more. A failed step does not keep the later ones from running.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import os
import re
import signal
import subprocess
import sys
import threading
import time
import typing as t
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from outcome import Counts, count_tests, failures

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "build" / "test"
TERMINAL = sys.stdin is not None and sys.stdin.isatty()

# What pip says about each package of each environment of ansible-test. It is in the log only.
CHATTER = re.compile(
    r"\s*(Collecting|Downloading|Processing|Using cached|Looking in|Requirement already|Preparing|Getting requirements"
    r"|Building wheel|Created wheel|Stored in|Installing (collected|build|backend)|Successfully|INFO: pip|\[notice\]"
    r"|WARNING: Location|━)|\s*$"
)

# Versions of ansible-core that "make test-matrix" adds, with the Pythons that they support on the controller.
MATRIX = {"2.16": "3.10,3.11,3.12", "2.18": "3.11,3.12,3.13"}
# Tests of playbooks and roles, whose templates yield texts before 2.19: on the lab, with each version of the matrix.
PLAYED_FAST = ["answers", "answers_carried_out", "untrusted_texts"]
PLAYED_ROLES = ["role_bandwidth", "role_guest_quiesce", "role_prerequisites", "role_readiness"]
PLAYED = [*PLAYED_FAST, "awx", "evacuation", "playbooks", "recover_by_monitor", *PLAYED_ROLES]
# Without the matrix only the fast tests of the first of them, with its oldest version.
OLDEST = next(iter(MATRIX))
CONTROLLER = f"{sys.version_info.major}.{sys.version_info.minor}"  # Python of the environment, which runs this, too
AT_ONCE = 2  # of the steps that may run beside others
FEWER = {"WORKERS": "2"}  # labs of a step that runs beside another one with labs

_running: list[subprocess.Popen[str]] = []


class Step(t.NamedTuple):
    name: str
    command: list[str]
    junit: Path | None = None
    environment: t.Mapping[str, str] = {}
    beside: bool = False  # it uses one processor, or waits, so that others of the kind run at the same time


def log_of(step: Step) -> Path:
    return RESULTS / f"{step.name}.log"


def run_script(name: str, *arguments: str) -> list[str]:
    return [str(ROOT / "tests" / "run" / name), *arguments]


def results_of(core: str) -> Path:
    return RESULTS / f"core-{core}"


def set_up(core: str) -> Step:
    command = [str(ROOT / "tests" / "setup" / "python"), "--core", core, "--python", MATRIX[core]]
    return Step(f"setup-{core}", command, beside=True)


def play(core: str, names: list[str], *, fast: bool = False) -> Step:
    """Integration tests by pytest of the newest environment, which runs the ansible-playbook of another one."""
    results = results_of(core)
    environment = {"CORE_VENV": str(ROOT / f".venv-{core}"), "RESULTS": str(results), **(FEWER if fast else {})}
    files = [f"tests/integration/test_{name}.py" for name in names]
    command = run_script("integration", "-m", "fast" if fast else "not wide", *files)
    return Step(f"play-{core}", command, results / "integration", environment, beside=fast)


def units_by_ansible_test() -> Step:
    """Some of them, as Ansible runs those of a collection; all are run by pytest itself, which is quicker."""
    results = RESULTS / "ansible-test"
    command = run_script("units", "--python", CONTROLLER, "tests/unit/plugins/modules/")
    return Step("ansible-test", command, results / "units", {"RESULTS": str(results)}, beside=True)


def labs_at_once(matrix: bool) -> list[Step]:
    """The steps with labs. Two of them run at once, so that no processor waits for the last test of one."""
    results = RESULTS / "versions"
    return [
        Step(
            "integration",
            run_script("integration", *([] if matrix else ["--fast"])),
            RESULTS / "integration",
            beside=True,
        ),
        Step("faults", run_script("faults", "-m", "fast"), RESULTS / "faults", beside=True),
        Step(
            "versions",
            run_script("versions", "--fast"),
            results / "integration",
            {"RESULTS": str(results), **FEWER},
            True,
        ),
        *([] if matrix else [play(OLDEST, PLAYED_FAST, fast=True)]),
        # The same seed each time, with five kinds of fault in its first steps: which others break something is for
        # "make soak" to find.
        Step("soak", run_script("soak", "--first", "1724", "--arrivals", "15"), beside=True),
    ]


def steps(matrix: bool) -> list[Step]:
    result = [
        # On one Python: on the oldest, units import all that runs on hosts.
        Step("sanity", run_script("sanity", *([] if matrix else ["--python", CONTROLLER])), beside=True),
        Step("lint", run_script("lint"), beside=True),
        Step("browser", run_script("browser"), RESULTS / "browser", beside=True),
        Step("docs-lint", run_script("docs-lint"), beside=True),
        Step("build", run_script("build"), beside=True),
        Step("eda", run_script("eda", "-k", "freed"), RESULTS / "eda", beside=True),
        Step("system-trixie", [str(ROOT / "tests" / "setup" / "system"), "trixie"], beside=True),
        *([] if matrix else [set_up(OLDEST), units_by_ansible_test()]),
        Step("units", run_script("units", *([] if matrix else ["--ends"])), RESULTS / "units"),
        Step("sim", run_script("sim"), RESULTS / "sim"),
        *labs_at_once(matrix),
    ]
    if matrix:
        for core in MATRIX:
            environment = {"VENV": str(ROOT / f".venv-{core}"), "RESULTS": str(results_of(core))}
            result += [
                set_up(core),
                Step(f"sanity-{core}", run_script("sanity"), None, environment),
                Step(f"units-{core}", run_script("units"), results_of(core) / "units", environment),
                Step(f"syntax-{core}", run_script("syntax"), None, environment),
                play(core, PLAYED),
            ]
    return result


def run(step: Step, *, live: bool = True) -> Counts:
    """Run one step with its output in a file and on the terminal, and say what came of it.

    ``live``: its output is shown as it comes; else when it has ended.
    """
    if step.junit:
        step.junit.mkdir(parents=True, exist_ok=True)
        for old in step.junit.glob("*.xml"):
            old.unlink()
    print(f"\n===== {step.name}" if live else f"{step.name} has begun.", flush=True)
    with log_of(step).open("w", encoding="utf-8", errors="replace") as file:
        process = subprocess.Popen(
            step.command,
            cwd=ROOT,
            env={**os.environ, **step.environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            # Without a terminal nothing but this script can tell the step to end.
            start_new_session=not TERMINAL,
        )
        _running.append(process)
        assert process.stdout is not None
        # After an interruption, too: the step is left to clean up, and must not be blocked meanwhile.
        for line in process.stdout:
            file.write(line)
            if live and not CHATTER.match(line):
                print(line, end="", flush=True)
        status = process.wait()
        _running.remove(process)
    if not live:
        lines = log_of(step).read_text("utf-8", "replace").splitlines(keepends=True)
        said = [line for line in lines if not CHATTER.match(line)]
        print("".join([f"\n===== {step.name}\n", *said]), end="", flush=True)
    if step.junit is None:
        return Counts(failed=1) if status else Counts(passed=1)
    counts = count_tests(step.junit)
    if counts.failed == 0 and (status or counts.passed == 0):
        counts = counts.add(Counts(failed=1))
    return counts


def groups(wanted: t.Sequence[Step]) -> t.Iterator[list[Step]]:
    """Neighbours that run beside each other, and each of the others alone. The output of the first is seen live."""
    for beside, found in itertools.groupby(wanted, lambda step: step.beside):
        together = list(found)
        yield from [together] if beside else [[step] for step in together]


class Summary:
    """The lines that the output ends with."""

    def __init__(self) -> None:
        self.total = Counts()
        self.lines: list[str] = []
        self.failed: list[str] = []
        self._adding = threading.Lock()

    def run(self, step: Step, *, live: bool) -> None:
        start_s = time.monotonic()
        counts = run(step, live=live)
        line = f"{step.name:<14} {time.monotonic() - start_s:6.0f} s   {counts}"
        with self._adding:
            self.total = self.total.add(counts)
            if counts.failed:
                self.failed += [f"{step.name}: {each}" for each in failures(step.junit, log_of(step))]
            self.lines.append(line)
            print(f"----- {line}", flush=True)

    def print(self) -> None:
        print(f"\n===== all steps (logs in {RESULTS.relative_to(ROOT)})")
        print("\n".join(self.lines))
        if self.failed:
            print("\n".join(["", "===== what failed", *self.failed]))
        print(self.total)


def run_group(group: t.Sequence[Step], summary: Summary) -> None:
    """Raises KeyboardInterrupt when all that ran has cleaned up and ended."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        done = [pool.submit(summary.run, step, live=step is group[0]) for step in group]
        try:
            for each in done:
                each.result()
        except KeyboardInterrupt:
            for each in done:
                each.cancel()
            for process in list(_running) if not TERMINAL else ():
                # One that sudo has made root's ends with its terminal, or by itself.
                with contextlib.suppress(PermissionError, ProcessLookupError):
                    os.killpg(process.pid, signal.SIGTERM)
            raise


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--matrix", action="store_true", help="also check on older versions of ansible-core")
    arguments = parser.parse_args()

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    RESULTS.mkdir(parents=True, exist_ok=True)
    summary = Summary()
    try:
        for group in groups(steps(arguments.matrix)):
            run_group(group, summary)
    except KeyboardInterrupt:
        print("Interrupted: not all steps ran.")
        summary.total = summary.total.add(Counts(failed=1))
    summary.print()
    return 1 if summary.total.failed else 0


if __name__ == "__main__":
    sys.exit(main())

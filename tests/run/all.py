# SPDX-License-Identifier: GPL-3.0-or-later

"""Run every check of the collection, show and keep its output, and end with one line that counts.

A step that runs pytest counts its tests; any other step counts as one. A pytest step that ran no test, or that failed
although no test did, counts as one failure more. A failed step does not keep the later ones from running.
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import subprocess
import sys
import time
import typing as t
from pathlib import Path
from xml.etree import ElementTree

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
PLAYED = [*PLAYED_FAST, "awx", "evacuation", "playbooks", *PLAYED_ROLES]
# Without the matrix only the fast tests of the first of them, with its oldest version.
OLDEST = next(iter(MATRIX))
CONTROLLER = f"{sys.version_info.major}.{sys.version_info.minor}"  # Python of the environment, which runs this, too
# In the log of a step that does not run pytest: with its place, or called an error.
FAULT = re.compile(r"(ERROR|FATAL)\b|\S+:\d+: |\S+:\d+:\d+: |(.*\s|)error(:|\s\s)")
MOST_TOLD = 5  # of what failed, for each step


class Counts(t.NamedTuple):
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    repeated: int = 0

    def add(self, other: Counts) -> Counts:
        return Counts(*(mine + its for mine, its in zip(self, other)))

    def __str__(self) -> str:
        text = f"{self.passed} passed, {self.failed} failed"
        if self.skipped:
            text += f", {self.skipped} skipped"
        return f"{text}, {self.repeated} run twice since libvirtd crashed" if self.repeated else text


class Step(t.NamedTuple):
    name: str
    command: list[str]
    junit: Path | None = None
    environment: t.Mapping[str, str] = {}


def run_script(name: str, *arguments: str) -> list[str]:
    return [str(ROOT / "tests" / "run" / name), *arguments]


def results_of(core: str) -> Path:
    return RESULTS / f"core-{core}"


def set_up(core: str) -> Step:
    return Step(f"setup-{core}", [str(ROOT / "tests" / "setup" / "python"), "--core", core, "--python", MATRIX[core]])


def play(core: str, names: list[str], *, fast: bool = False) -> Step:
    """Integration tests by pytest of the newest environment, which runs the ansible-playbook of another one."""
    results = results_of(core)
    environment = {"CORE_VENV": str(ROOT / f".venv-{core}"), "RESULTS": str(results)}
    files = [f"tests/integration/test_{name}.py" for name in names]
    command = run_script("integration", "-m", "fast" if fast else "not wide", *files)
    return Step(f"play-{core}", command, results / "integration", environment)


def steps(matrix: bool) -> list[Step]:
    result = [
        Step("lint", run_script("lint")),
        # On one Python: on the oldest, units import all that runs on hosts.
        Step("sanity", run_script("sanity", *([] if matrix else ["--python", CONTROLLER]))),
        Step("units", run_script("units", *([] if matrix else ["--ends"])), RESULTS / "units"),
        Step("sim", run_script("sim"), RESULTS / "sim"),
        Step("browser", run_script("browser"), RESULTS / "browser"),
        Step("integration", run_script("integration", *([] if matrix else ["--fast"])), RESULTS / "integration"),
        Step("eda", run_script("eda", "-k", "freed"), RESULTS / "eda"),
        *([] if matrix else [set_up(OLDEST), play(OLDEST, PLAYED_FAST, fast=True)]),
        Step("docs-lint", run_script("docs-lint")),
        Step("build", run_script("build")),
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


def count_tests(directory: Path) -> Counts:
    total = Counts()
    for file in directory.glob("*.xml"):
        for case in ElementTree.parse(file).iter("testcase"):
            outcomes = {child.tag for child in case}
            if any(each.get("name") == "repeated" for each in case.iter("property")):
                total = total.add(Counts(repeated=1))
            if outcomes & {"failure", "error"}:
                total = total.add(Counts(failed=1))
            elif "skipped" in outcomes:
                total = total.add(Counts(skipped=1))
            else:
                total = total.add(Counts(passed=1))
    return total


def failures(step: Step) -> list[str]:
    """What failed in a step, for the end of the output, which is often all that is kept of it: the names of tests, or
    what its log calls an error, or how that ends."""
    found = []
    for file in step.junit.glob("*.xml") if step.junit else ():
        for case in ElementTree.parse(file).iter("testcase"):
            broken = next((child for child in case if child.tag in ("failure", "error")), None)
            if broken is not None:
                said = " ".join((broken.get("message") or "").split())
                found.append(f"{case.get('classname', '')}.{case.get('name', '')}: {said}")
    if not found:
        lines = [line.strip() for line in (RESULTS / f"{step.name}.log").read_text("utf-8", "replace").splitlines()]
        found = [line for line in lines if FAULT.match(line)] or [line for line in lines if line][-MOST_TOLD:]
    more = [f"... and {len(found) - MOST_TOLD} more"] if len(found) > MOST_TOLD else []
    return [each[:300] for each in [*found[:MOST_TOLD], *more]]


def run(step: Step) -> Counts:
    """Run one step with its output on the terminal and in a file, and say what came of it."""
    if step.junit:
        step.junit.mkdir(parents=True, exist_ok=True)
        for old in step.junit.glob("*.xml"):
            old.unlink()
    log = RESULTS / f"{step.name}.log"
    print(f"\n===== {step.name}", flush=True)
    with log.open("w", encoding="utf-8", errors="replace") as file:
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
        assert process.stdout is not None
        try:
            for line in process.stdout:
                file.write(line)
                if not CHATTER.match(line):
                    print(line, end="", flush=True)
        except KeyboardInterrupt:
            if not TERMINAL:
                os.killpg(process.pid, signal.SIGTERM)
            file.writelines(process.stdout)  # the step is left to clean up, and must not be blocked meanwhile
            process.wait()
            raise
        status = process.wait()
    if step.junit is None:
        return Counts(failed=1) if status else Counts(passed=1)
    counts = count_tests(step.junit)
    if counts.failed == 0 and (status or counts.passed == 0):
        counts = counts.add(Counts(failed=1))
    return counts


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--matrix", action="store_true", help="also check on older versions of ansible-core")
    arguments = parser.parse_args()

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    RESULTS.mkdir(parents=True, exist_ok=True)
    total = Counts()
    lines: list[str] = []
    failed: list[str] = []
    interrupted = False
    for step in steps(arguments.matrix):
        start = time.monotonic()
        try:
            counts = run(step)
        except KeyboardInterrupt:
            counts = Counts(failed=1)
            interrupted = True
        total = total.add(counts)
        if counts.failed and not interrupted:
            failed += [f"{step.name}: {each}" for each in failures(step)]
        lines.append(f"{step.name:<14} {time.monotonic() - start:6.0f} s   {counts}")
        print(f"----- {lines[-1]}", flush=True)
        if interrupted:
            print("Interrupted: the steps after this one did not run.")
            break
    print(f"\n===== all steps (logs in {RESULTS.relative_to(ROOT)})")
    print("\n".join(lines))
    if failed:
        print("\n".join(["", "===== what failed", *failed]))
    print(total)
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main())

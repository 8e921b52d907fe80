# SPDX-License-Identifier: GPL-3.0-or-later
"""A stuck live migration, from the first sign to the proof that the guest lost nothing. Everything in it is real."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "lab"))

from virtlab import Lab
from virtlab.guest import FINE_BEAT_MS, GuestOptions

LINK_MBIT = 400
GUEST = GuestOptions(ram_mib=512, hot_mib=256, pages_per_s=20_000, beat_ms=FINE_BEAT_MS)
WATCH_S = 20


def tell(text: str) -> None:
    print(textwrap.fill(" ".join(text.split()), 100), flush=True)


def chapter(number: int, title: str) -> None:
    print(f"\n=== {number}. {title} ===\n", flush=True)


def run(command: list[str], **environment: str) -> None:
    """Show a command and its output as it comes; end the demonstration when it fails."""
    print("$ " + " ".join(command), flush=True)
    subprocess.run(command, check=True, env={**os.environ, **environment})


def build_collection(directory: Path) -> None:
    """Build the artifact from the checkout and install it as a user would."""

    def galaxy(*arguments: str) -> None:
        environment = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(directory)}
        command = ["ansible-galaxy", "collection", *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=ROOT, env=environment)

    galaxy("build", "--force", "--output-path", str(directory))
    (artifact,) = directory.glob("*.tar.gz")
    galaxy("install", "--offline", "-p", str(directory), str(artifact))
    tell(f"Built and installed {artifact.name}.")


def playbook(directory: Path, inventory: Path, name: str, *variables: str) -> None:
    extra = [part for variable in variables for part in ("-e", variable)]
    run(
        ["ansible-playbook", "-i", str(inventory), f"virtops.live_migration.{name}", *extra],
        ANSIBLE_COLLECTIONS_PATH=str(directory),
        ANSIBLE_DISPLAY_SKIPPED_HOSTS="false",
        ANSIBLE_NOCOWS="1",
    )


def wait_until_stuck(lab: Lab) -> None:
    """Until the third pass: the first one sends everything, the second one what was rewritten meanwhile."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        text = lab.virsh("kvm01", "domjobinfo", "erp01", "--rawstats").stdout
        passes = [line.split(":")[1] for line in text.splitlines() if line.startswith("memory_iteration:")]
        if passes and int(passes[0]) >= 3:
            return
        time.sleep(1)
    raise SystemExit("The migration did not come to its third pass within two minutes; this machine may be overloaded.")


def demonstrate(lab: Lab, directory: Path) -> None:
    chapter(1, "Two hosts and a busy guest")
    build_collection(directory)
    lab.up(host_count=2, link_mbit=LINK_MBIT)
    lab.guest_start("erp01", host="kvm01", options=GUEST)
    inventory = directory / "inventory.yml"
    inventory.write_text(lab.inventory())
    tell(
        f"""kvm01 and kvm02 are two libvirt hosts with a migration link of {LINK_MBIT} Mbit/s (about 45 MiB/s).
        The guest erp01 runs on kvm01 with {GUEST.ram_mib} MiB of memory. Its one program rewrites {GUEST.pages_per_s}
        pages a second (78 MiB/s), all within the same {GUEST.hot_mib} MiB, and checks that its memory is right."""
    )

    chapter(2, "Somebody migrates it, and it does not end")
    migration = lab.migrate("erp01", source="kvm01", destination="kvm02", flags=["--postcopy"])
    print("kvm01$ virsh migrate --live --p2p --persistent --postcopy erp01 qemu+tcp://kvm02/system\n")
    begin_s = time.monotonic()
    wait_until_stuck(lab)
    tell(f"{time.monotonic() - begin_s:.0f} seconds later libvirt says:")
    print("kvm01$ virsh domjobinfo erp01", flush=True)
    print(lab.virsh("kvm01", "domjobinfo", "erp01").stdout)
    tell("More than all of its memory has been sent, and it goes on. Will it ever end?")

    chapter(3, "Why: the diagnosis")
    playbook(directory, inventory, "diagnose", "live_migration_hosts=kvm01", f"live_migration_observe_s={WATCH_S}")

    chapter(4, "The rescue: taken over, and seen to its end")
    lab.guest_mark("erp01")
    allowed = ("live_migration_max_downtime_ms=1000", "live_migration_postcopy=if_needed")
    playbook(directory, inventory, "rescue", "live_migration_guest=erp01", *allowed)
    if migration.wait(60) != 0:
        raise SystemExit(f"virsh reports that the migration failed: {migration.output()}")

    chapter(5, "The proof, from inside the guest")
    report = lab.guest_report("erp01", since_mark=True)
    check = lab.guest_verify("erp01")
    completed = lab.virsh("kvm01", "domjobinfo", "erp01", "--completed", "--keep-completed", "--rawstats").stdout
    downtime_ms = next(line.split(":")[1].strip() for line in completed.splitlines() if line.startswith("downtime:"))
    print(f"runs on             {', '.join(report.running_on)}")
    print(f"memory checked      {check.checked_pages} pages, {check.bad_pages} of them wrong")
    print(f"downtime            {downtime_ms} ms by libvirt's own measurement")
    between = f"between two heartbeats (one is due every {FINE_BEAT_MS} ms)"
    print(f"longest standstill  {report.longest_gap_ms:.0f} ms {between}")
    print(f"work meanwhile      {report.work_pages} pages rewritten in {report.window_s:.0f} s")
    if report.running_on != ["kvm02"] or not check.ok or report.split_brain_beats:
        raise SystemExit("The guest is not as it should be: see above.")
    print()
    tell("The guest has moved, its migration has ended, and no byte of its memory was lost.")


def main() -> int:
    lab = Lab(sys.argv[1] if len(sys.argv) > 1 else "demo")
    # A terminated demonstration cleans up like an interrupted one.
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(143))
    begin_s = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="live_migration_demo.") as directory:
        try:
            lab.down()
            demonstrate(lab, Path(directory))
        except KeyboardInterrupt:
            print("\nInterrupted; cleaning up.")
            return 130
        finally:
            lab.down()
    print(f"\nThe lab is gone again. This took {time.monotonic() - begin_s:.0f} seconds.")
    return 0


if __name__ == "__main__":
    sys.exit(main())

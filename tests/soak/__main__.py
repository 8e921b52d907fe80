# SPDX-License-Identifier: GPL-3.0-or-later
"""Play random schedules until so many guests have arrived; a schedule that breaks something is shrunk and printed."""

from __future__ import annotations

import argparse
import itertools
import signal
import typing as t

from bench.lending import remove_labs_of_the_dead

from . import page
from .play import KEPT, ROOT, kept, play_seed
from .side_by_side import play_side_by_side

PAGE = ROOT / "docs" / "docsite" / "rst" / "soak.rst"
PLAYED = ROOT / "tests" / "soak" / "played.jsonl"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests/run/soak", description=__doc__)
    parser.add_argument("--seed", type=int, help="only this one")
    parser.add_argument("--first", type=int, help="begin with this seed; without it the first that was never played")
    parser.add_argument("--arrivals", type=int, default=2000, help="end after so many guests have arrived")
    parser.add_argument("--at-once", type=int, default=1, help="so many labs side by side")
    parser.add_argument("--tries", type=int, default=12, help="how often a failing schedule is played to shrink it")
    parser.add_argument(
        "--page", action="store_true", help="play nothing: keep what was played here with the tests, and write the page"
    )
    return parser.parse_args()


def main() -> int:
    args = arguments()
    before = kept()
    played = PLAYED.read_text(encoding="utf-8") if PLAYED.exists() else ""
    if args.page:
        lines = page.merged(played, before)
        PLAYED.write_text("".join(lines), encoding="utf-8")
        PAGE.write_text(page.text(page.rows_of(lines)), encoding="utf-8")
        return 0
    # A plain SIGTERM would end this without taking the lab down.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if args.seed is not None:
        return 1 if play_seed(args.seed, args.arrivals, args.tries)["problem"] else 0
    remove_labs_of_the_dead()
    known = [*page.rows_of(played.splitlines()), *before]
    first = args.first if args.first is not None else max((row["seed"] for row in known), default=0) + 1

    def left() -> int:
        arrived: int = sum(row["arrivals"] for row in kept()[len(before) :])
        return t.cast(int, args.arrivals) - arrived

    seeds = itertools.count(first)
    if args.at_once > 1:
        failed = play_side_by_side(seeds, args.at_once, ["--tries", str(args.tries)], KEPT.parent, lambda: left() <= 0)
        if failed is not None:
            print(failed.read_text("utf-8", "replace"))
    else:
        while left() > 0 and not play_seed(next(seeds), left(), args.tries)["problem"]:
            pass
    found = kept()[len(before) :]
    print(f"{sum(row['arrivals'] for row in found)} guests have arrived, from {len(found)} seeds")
    return 1 if any(row["problem"] for row in found) else 0


if __name__ == "__main__":
    raise SystemExit(main())

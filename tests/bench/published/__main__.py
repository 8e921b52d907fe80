# SPDX-License-Identifier: GPL-3.0-or-later
"""Our forecasts against migrations that others have measured and published."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from . import page, replay, rows


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("published", nargs="?", default=os.environ.get("FORECASTS_PUBLISHED"), help="CSV of migrations")
    parser.add_argument("--boundaries", default=os.environ.get("FORECASTS_BOUNDARIES"), help="CSV of bitmap syncs")
    parser.add_argument("--page", action="store_true", help="write the page of the documentation from it")
    arguments = parser.parse_args()
    if not arguments.published:
        parser.error("give the CSV of published migrations, or name it in FORECASTS_PUBLISHED; it is not in this tree")
    compared = rows.read(Path(arguments.published))
    traces = replay.summaries(replay.read(Path(arguments.boundaries))) if arguments.boundaries else []
    print(page.plain(compared, traces))
    if arguments.page:
        if not traces:
            parser.error("the page needs --boundaries as well")
        target = Path(os.environ["BENCH_ROOT"]) / "docs" / "docsite" / "rst" / "forecasts.rst"
        target.write_text(page.text(compared, traces), encoding="utf-8")
        print(f"written: {target.name}")
    median = rows.median_error(compared)
    return int(bool(rows.wrong(compared)) or (median is not None and median > rows.MOST_ERROR))


if __name__ == "__main__":
    sys.exit(main())

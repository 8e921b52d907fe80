# SPDX-License-Identifier: GPL-3.0-or-later
"""Why single forecasts are off, or why nothing is forecast, by the name of the migration."""

from __future__ import annotations

import typing as t

EXPLAINED: t.Mapping[str, str] = {
    "LW-Precopy_Convergent": (
        "The rate that is published is that of the first pass; in the short ones after it the guest dirtied twice "
        "as much a second. By a straight line, without coming back to the same pages, it would be 3 % too short "
        "instead of 7 %."
    ),
    "LW-Precopy_Nonconvergent_16T": (
        "It went on until the load ended, which no forecast knows. It does not finish by itself, as 62 MiB are "
        "left where 39 MiB fit; the engine ends it, see below."
    ),
    "LW-Postcopy_Late_16T_25s": (
        "The time is right, the data 10 % too little. The rate of 43 MiB/s is QEMU's for the first pass, of which "
        "it has rewritten 1.1 GiB; with the power of 0.85 it would be 650 MiB."
    ),
    "QEMU-AC-off": (
        "At 264 MiB/s against 252 MiB/s passes do not get less. What one leaves depends on how much the guest "
        "rewrites at all, which is not said."
    ),
    "QEMU-AC-on": (
        "It is not said how much the guest writes, but auto-converge goes up to 99 %, which ends any migration. "
        "The bandwidth is data by time, so the scan of 229 GiB of zeros is in it already and counts twice. The "
        "downtime was 59 % above its limit; why is not said."
    ),
    "VEP291-untuned": (
        "What it leaves goes up and down about QEMU's limit, and it ends by chance: after 91 to 161 s. The model "
        "has no chance in it; it makes the long passes longer than they were, and leaves out the many short ones "
        "at the end. The downtime is by KubeVirt's account."
    ),
    "QAT-compression": (
        "The downtime is far less than the limit allows. Probably the memory that is sent last is not in use: "
        "pages of zeros count as much for QEMU, and take no time."
    ),
    "QAT-qatzip": "The downtime as for QAT-compression.",
    "PVE-4G": (
        "The rate went from 243 to 587 MiB/s, and what is given is no mean over the time: 2.6 GiB in 9 s are 289 "
        "MiB/s. Only whole seconds are logged."
    ),
    "PVE-32G": (
        "In flight when it was reported. The link fell from 111 to 34 MiB/s on the way, which no forecast knows; "
        "it is that of a guest that writes nothing."
    ),
    "P9-log": "Nothing is said of what the guest writes, and without that nobody knows that it will not finish.",
    "FPH-0-legacy": (
        "Between two processes of one host more got through on this one than the 20 Gbit/s that are assumed."
    ),
    "FPH-2-legacy": (
        "Between two processes of one host more got through on this one than the 20 Gbit/s that are assumed: 3.1 GiB/s."
    ),
    "FPS-idle": (
        "Of an idle guest that has just started next to nothing is in use, 0.35 GiB of 8, but that is not among "
        "the facts, and all of it is assumed. With it the forecast is 0.9 s. The rest is the look at zeros, at 5 "
        "GiB/s in this QEMU of 2016, if nothing else took time."
    ),
    "OPNFV-8G": "A guest of 8 GiB of which it is not said what is in use, nor what it writes.",
    "VFIO-mlx-1": "Only the downtime can be forecast, as it is not said how much memory the guest has.",
    "VFIO-mlx-4": "Only the downtime can be forecast, as for VFIO-mlx-1.",
    "OSIC-shared_small": "The time has all that Nova does in it, and neither memory nor rate is said.",
    "OSIC-shared_small_tunnelled": "As for OSIC-shared_small; the daemons copy all of it once more.",
    "FPH-3-legacy": "A guest that builds a kernel writes, but it is not said how much.",
}

# Each of these is where a figure of the model is from, so it is met by itself.
FIGURES_FROM: t.Mapping[str, str] = {
    "LW-Postcopy_4T": "what it costs to place a page of zeros in post-copy",
    "LW-Postcopy_16T": "the same",
    "VFIO-mlx-1": "what a virtual function adds to the downtime",
    "VFIO-mlx-4": "the same",
}

TOO_LITTLE_SAID = """
Here the memory in use or the bandwidth is not published. All memory is taken to be in use, and the link to be
filled, so the time is the most that it may take by itself. These are not in the median.
"""

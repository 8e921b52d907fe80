# SPDX-License-Identifier: GPL-3.0-or-later

"""Give pip to an environment that has none, with the pip that the interpreter brings along.

tests/setup/python puts this file into the cache of ansible-test, in the place of the script it would download.
"""

from __future__ import annotations

import subprocess
import sys

packages = [argument for argument in sys.argv[1:] if not argument.startswith("-")]
# In a process of its own, because ensurepip removes the PIP_* variables from its environment.
subprocess.check_call([sys.executable, "-m", "ensurepip", "--upgrade"], stdout=subprocess.DEVNULL)
sys.exit(subprocess.call([sys.executable, "-m", "pip", "install", "--quiet", "--upgrade", *packages]))

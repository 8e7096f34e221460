"""How the pages' tests start Debian's chromium."""

from __future__ import annotations

import shutil

CHROMIUM = shutil.which("chromium")
ARGUMENTS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--disable-background-networking"]
SLOW = 90_000  # milliseconds; a loaded machine is no fault of the page

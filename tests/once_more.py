"""Run the browser tests that failed beside others once more, each file by itself, and say so.

On two processors shared with other work a page may come later than a browser test waits for it.
What fails again here has failed; other tests, or many of these, are not run again.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

AT_MOST = 3  # files; more than these did not fail for want of time
FAILED = Path(".pytest_cache/v/cache/lastfailed")


def files_to_run(failed: list[str]) -> list[str]:
    """The files of failed tests (node ids) where one more run may say something, else none."""
    files = sorted({test.partition("::")[0] for test in failed})
    browser = all(file.startswith("tests/browser/") for file in files)
    return files if browser and len(files) <= AT_MOST else []


def main() -> int:
    """Run them; the exit status of the first file that fails again, 1 where none may be run."""
    failed = list(json.loads(FAILED.read_text())) if FAILED.exists() else []
    files = files_to_run(failed)
    if not files:
        return 1
    print(f"Failed beside other tests, run once more alone: {', '.join(failed)}", flush=True)
    for file in files:
        if status := subprocess.run([sys.executable, "-m", "pytest", "-n", "0", file]).returncode:
            return status
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Every page at every size of window, dark and light, in each language, to be looked at.

    python -m tests.browser.screen_sizes FOLDER [--sizes 1440x900] [--themes dark]

The studies are those of `bench.reading_ward`, two of each kind, of synthetic films alone. Files are
named place-theme-language-size.png.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

from bench.reading_ward import FORTY, write_ward
from bench.reading_ways import take_in
from imaging.settings import ROOT
from imaging.store import Repository
from tests.browser.every_page import LANGUAGES, THEMES, open_screen, rest, walk
from tests.browser.lightbox import Server, find_chromium, open_chromium

SIZES = ("1024x768", "1280x720", "1440x900", "1920x1080", "2560x1440")


def main() -> int:
    """Write the pictures; 0, or 2 without a browser."""
    parser = argparse.ArgumentParser(description="See the module.")
    parser.add_argument("folder", type=Path)
    for name, every in (("sizes", SIZES), ("themes", THEMES), ("languages", LANGUAGES)):
        parser.add_argument(f"--{name}", type=lambda text: text.split(","), default=list(every))
    options = parser.parse_args()
    executable = find_chromium()
    if executable is None:
        print("This needs a Chromium.", file=sys.stderr)
        return 2
    options.folder.mkdir(parents=True, exist_ok=True)
    os.environ.pop("LIGHTBOX_DATA", None)  # synthetic films alone
    with tempfile.TemporaryDirectory() as name:
        ward = Path(name) / "ward"
        write_ward(ward, dict.fromkeys(FORTY, 2))
        server = Server(Path(name) / "home", ROOT / "models" / "weights", "Dr Example", roots=ward)
        server.start()
        try:
            store = Repository.open(server.home)
            for part in ("earlier", "films"):
                take_in(store, ward / part)
            store.close()
            with open_chromium(executable) as browser:
                for theme in options.themes:
                    for language in options.languages:
                        context = open_screen(browser, server.address, theme, language)
                        page = context.new_page()
                        for place in walk(page, server.address):
                            for size in options.sizes:
                                width, height = map(int, size.split("x"))
                                page.set_viewport_size({"width": width, "height": height})
                                rest(page)
                                page.wait_for_timeout(300)  # a canvas draws after the page
                                file = f"{place}-{theme}-{language}-{size}.png"
                                page.screenshot(path=options.folder / file)
                        context.close()
        finally:
            server.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())

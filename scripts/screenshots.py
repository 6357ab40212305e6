"""Take the README's pictures of the pages inside Airflow, from the running stack: ``make screenshots``.

Run ``make demo`` before it, so that there is something to see.
"""

from __future__ import annotations

import io
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from PIL import Image
from playwright.sync_api import Page, sync_playwright
from vodflow.stack.stack import Stack

IMAGES = Path(__file__).resolve().parents[1] / "docs" / "images"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
#: Pixels: what a README shows side by side stays legible.
SIZE = {"width": 1280, "height": 860}
#: Of a page there are few, and a file with so many is half as large.
COLOURS = 160
#: Milliseconds until a page must be there.
PATIENCE = 60_000


def main() -> None:
    """Write ``docs/images/page-*.png``; names as arguments: only these."""
    wanted = set(sys.argv[1:]) or set(PICTURES)
    if unknown := sorted(wanted - set(PICTURES)):
        sys.exit(f"There is no picture {', '.join(unknown)}; there are {', '.join(PICTURES)}.")
    config = Stack.load().config
    with browser(config.airflow_url, config.passwords["operator"]) as page:
        for name, show in PICTURES.items():
            if name in wanted:
                show(page)
                page.wait_for_load_state("networkidle")
                page.wait_for_timeout(1000)  # what fades in
                path = IMAGES / f"page-{name}.png"
                path.write_bytes(smaller(page.screenshot()))
                sys.stdout.write(f"{path}  {path.stat().st_size / 1000:.0f} kB\n")


@contextmanager
def browser(url: str, password: str) -> Iterator[Page]:
    """A tab of the operator in Airflow's light theme."""
    login = {"username": "operator", "password": password}
    answer = httpx.post(f"{url}/auth/token", json=login, timeout=60).raise_for_status()
    found = os.environ.get("VODFLOW_BROWSER") or next(filter(None, map(shutil.which, BROWSERS)), None)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
        context = chromium.new_context(base_url=url, viewport=SIZE, color_scheme="light", locale="en-GB")  # type: ignore[arg-type]
        context.add_cookies([{"name": "_token", "value": answer.json()["access_token"], "url": url}])
        context.add_init_script("localStorage.setItem('theme', 'light')")
        context.set_default_timeout(PATIENCE)
        yield context.new_page()
        chromium.close()


def inside(page: Page, name: str) -> None:
    """A page in Airflow's navigation, all of it there."""
    page.goto(f"plugin/vodflow-{name}")
    frame = page.frame_locator("iframe")
    frame.locator("h1").wait_for()


def dashboard(page: Page) -> None:
    page.goto("")
    page.locator("#vodflow-glance").wait_for()


def videos(page: Page) -> None:
    inside(page, "videos")
    page.frame_locator("iframe").locator("td.key a").first.wait_for()


def video(page: Page) -> None:
    videos(page)
    frame = page.frame_locator("iframe")
    frame.locator("tr", has=page.locator(".status.published")).first.locator("td.key a").first.click()
    frame.get_by_role("button", name="Open the player").click()
    frame.locator("#player[data-ready]").wait_for()


def reports(page: Page) -> None:
    inside(page, "reports")
    page.frame_locator("iframe").locator("section.chart svg").nth(1).wait_for()


def failures(page: Page) -> None:
    inside(page, "failures")


PICTURES = {"dashboard": dashboard, "videos": videos, "video": video, "reports": reports, "failures": failures}


def smaller(png: bytes) -> bytes:
    """The same picture with fewer colours."""
    sink = io.BytesIO()
    Image.open(io.BytesIO(png)).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(
        sink, "PNG", optimize=True
    )
    return sink.getvalue()


if __name__ == "__main__":
    main()

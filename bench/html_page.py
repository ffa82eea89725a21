#!/usr/bin/env python3
"""How big delegate-check's page is and how fast it can be used, in headless Chromium.

    bench/html_page.py [--tool build/release/bin/delegate-check] [--runs 5] [MODEL.tflite ...]

Without models: chains of 100, 400 and 2,000 operators (tests/support/chain_model.py). Prints a Markdown row for each: seconds
to make the page (graphviz included), its size, milliseconds from the start of loading until the program of the page has run
and answers, and from a click on "Graph" until the drawing is on the screen. Medians. Needs Debian's chromium,
chromium-driver, python3-selenium and flatbuffers-compiler; run it with /usr/bin/python3.
"""
# SPDX-License-Identifier: Apache-2.0
import argparse
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/support"))
from chain_model import write_chain  # noqa: E402

SHOW_GRAPH = """
const done = arguments[0], start = performance.now();
document.querySelector('[data-tab="graph"]').click();
requestAnimationFrame(() => setTimeout(() => done(performance.now() - start)));
"""


def start_browser(folder):
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1400,940", f"--user-data-dir={folder}/profile"):
        options.add_argument(argument)
    return webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)


def measure(browser, page, runs):
    ready, graph = [], []
    for _ in range(runs):
        browser.get("about:blank")
        browser.get(page.as_uri())
        ready.append(float(browser.execute_script("return document.documentElement.dataset.ready")))
        graph.append(browser.execute_async_script(SHOW_GRAPH))
    return statistics.median(ready), statistics.median(graph)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="*")
    parser.add_argument("--tool", default=str(ROOT / "build/release/bin/delegate-check"))
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        folder = pathlib.Path(folder)
        models = [pathlib.Path(model) for model in arguments.models] or [
            write_chain(folder / f"chain of {ops}.tflite", "flatc", str(ROOT / "schema/tflite.fbs"), ops) for ops in (100, 400, 2000)]
        browser = start_browser(folder)
        print("| model | made in | size | usable after | graph shown after |\n|---|--:|--:|--:|--:|")
        try:
            for model in models:
                page, start = folder / "page.html", time.perf_counter()
                subprocess.run([arguments.tool, model, "--format", "html", "-o", page], check=True, capture_output=True)
                made = time.perf_counter() - start
                ready, graph = measure(browser, page, arguments.runs)
                print(f"| {model.stem} | {made:.2f} s | {page.stat().st_size / 1e6:.2f} MB | {ready:.0f} ms | {graph:.0f} ms |")
        finally:
            browser.quit()


if __name__ == "__main__":
    main()

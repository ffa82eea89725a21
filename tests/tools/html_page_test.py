#!/usr/bin/env python3
"""The page of --format html in headless Chromium: what is drawn, clicked, searched, saved and printed.

    html_page_test.py DELEGATE_CHECK DIGITS_DIR WRONG_LAYERS

Skipped without Chromium, its driver and selenium (packages chromium, chromium-driver, python3-selenium).
"""
# SPDX-License-Identifier: Apache-2.0
import json
import pathlib
import shutil
import sys
import tempfile
import time
import unittest
import xml.etree.ElementTree as ElementTree

from check_support import INT8, run

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))
from chain_model import write_chain  # noqa: E402

CHROMIUM, DRIVER, FLATC = shutil.which("chromium"), shutil.which("chromedriver"), shutil.which("flatc")
try:
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys
except ImportError:
    webdriver = None

HOSTILE = "</script><img src=x onerror=\"document.title='owned'\">&lt;'{}"
WAIT = 20  # seconds, for what happens a moment later; a machine may be busy


def start_browser(folder):
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
                     "--window-size=1400,940", f"--user-data-dir={folder}/profile"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    browser = webdriver.Chrome(service=Service(DRIVER), options=options)
    browser.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(folder)})
    return browser


class Page(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        schema = str(ROOT / "schema/tflite.fbs")
        cls.models = {"chain": str(write_chain(cls.folder / "chain.tflite", FLATC, schema, 400)),
                      "hostile": str(write_chain(cls.folder / "hostile.tflite", FLATC, schema, 60, HOSTILE)),
                      "digits": INT8}
        cls.reports, cls.pages = {}, {}
        for name, path in cls.models.items():
            cls.reports[name] = json.loads(run(path, "--format", "json").stdout)
            cls.pages[name] = cls.write(name, path)
        cls.browser = start_browser(cls.folder)
        cls.addClassCleanup(cls.browser.quit)

    @classmethod
    def write(cls, name, *arguments, **environment):
        page = cls.folder / f"{name}.html"
        done = run(*arguments, "--format", "html", "-o", page, **environment)
        assert page.exists(), done.stderr
        return page

    def setUp(self):
        self.browser.get_log("browser")

    def tearDown(self):
        if self._outcome.success:
            self.assertEqual(self.browser.get_log("browser"), [])

    def open(self, page, place=""):
        self.browser.get("about:blank")
        self.browser.get(page.as_uri() + place)

    def all(self, selector):
        return self.browser.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector):
        return self.browser.find_element(By.CSS_SELECTOR, selector)

    def tab(self, name):
        self.one(f'[data-tab="{name}"]').click()

    def until(self, condition):
        end = time.monotonic() + WAIT
        while time.monotonic() < end:
            value = condition()
            if value:
                return value
            time.sleep(0.05)
        return self.fail("it did not happen")

    def rows(self):
        return [int(row.get_attribute("data-row")) for row in self.all("#ops-table tbody tr")]

    def test_size_and_nothing_loaded(self):
        self.assertLess(self.pages["chain"].stat().st_size, 2_000_000)
        self.open(self.pages["chain"])
        self.assertEqual(self.browser.execute_script("return performance.getEntriesByType('resource').length"), 0)
        self.assertTrue(self.one("html").get_attribute("data-ready"))

    def test_summary(self):
        report = self.reports["chain"]
        self.open(self.pages["chain"])
        self.assertIn("8 of 400 operators stay with the host", self.one(".verdict").text)
        self.assertEqual(len(self.all(".blocker")), len(report["blockers"]))
        blocker = self.one(".blocker").text
        self.assertIn(report["blockers"][0]["reasons"][0]["code"], blocker)
        advice = next(a for a in report["advice"] if a["id"] == report["blockers"][0]["advice"][0])
        self.assertIn(advice["title"], blocker)
        self.assertIn(advice["text"], blocker)

    def test_every_operator_is_drawn_and_a_click_shows_its_reasons(self):
        report = self.reports["chain"]
        self.open(self.pages["chain"], "#graph")
        self.assertEqual(len(self.all(".canvas [data-op]")), 400)
        self.assertEqual(len(self.all(".canvas .box")), sum(op["folded_into"] < 0 for op in report["ops"]))
        self.assertEqual(self.all(".note"), [])
        host = next(op for op in report["ops"] if op["placement"] == "host")
        self.one("#search").send_keys(f"#{host['index']}")  # brings it into view
        self.one("#panel [aria-label=Close]").click()
        self.assertFalse(self.one("#panel").is_displayed())
        self.one(f'.canvas [data-op="{host["index"]}"]').click()
        panel = self.one("#panel")
        self.assertIn(f"#{host['index']} MyFilter", panel.text)
        for reason in host["reasons"]:
            for key in ("code", "text", "actual", "allowed"):
                self.assertIn(reason[key], panel.text)
        tensors = {tensor["index"]: tensor for tensor in report["tensors"]}
        for index in host["inputs"] + host["outputs"]:
            self.assertIn(f"T#{index}", panel.text)
            self.assertIn("×".join(map(str, tensors[index]["shape"])) + " INT8", panel.text)
        self.assertIn("scale 0.05, zero point 0", panel.text)
        self.assertIn(f"op={host['index']}", self.browser.current_url)
        producer = next(op["index"] for op in report["ops"] if host["inputs"][0] in op["outputs"])
        self.one(f'#panel [data-goto="{producer}"]').click()
        self.assertIn(f"#{producer} ", self.one("#panel-title").text)
        self.one("body").send_keys(Keys.ESCAPE)
        self.assertFalse(self.one("#panel").is_displayed())

    def test_zoom_and_pan_change_the_view_box(self):
        self.open(self.pages["chain"], "#graph")
        def box():
            return [float(n) for n in self.one(".canvas svg").get_dom_attribute("viewBox").split()]
        self.until(lambda: box()[2] > 0)
        start = box()
        self.one('[aria-label^="Zoom in"]').click()
        self.until(lambda: box()[2] < start[2])
        self.one('[aria-label^="Fit"]').click()
        whole = self.until(lambda: box()[3] > 4 * start[3] and box())
        self.one("body").send_keys("1")
        self.until(lambda: box()[3] < whole[3] / 4)
        at = box()
        webdriver.ActionChains(self.browser).move_to_element(self.one(".canvas")).click_and_hold().move_by_offset(0, -120).release().perform()
        self.until(lambda: box()[1] > at[1] + 50)
        self.assertFalse(self.one("#panel").is_displayed())  # dragging is no click

    def test_search(self):
        host = [op["index"] for op in self.reports["chain"]["ops"] if op["op"] == "MyFilter"]
        self.open(self.pages["chain"])
        self.one("body").send_keys("/")
        self.assertEqual(self.browser.switch_to.active_element.get_attribute("id"), "search")
        self.browser.switch_to.active_element.send_keys("myfilter")
        self.assertEqual(self.rows(), host)
        self.assertIn("8 of 400", self.one("#ops-status").text)
        self.tab("graph")
        self.assertEqual(len(self.all(".canvas .box.hit")), len(host))
        self.one("#search").send_keys(Keys.ENTER)
        self.assertIn(f"#{host[0]} ", self.one("#panel-title").text)
        self.one("#search").send_keys(Keys.ENTER)
        self.assertIn(f"#{host[1]} ", self.one("#panel-title").text)
        self.one("#search").send_keys(Keys.ESCAPE)
        self.assertEqual(self.all(".canvas .searching"), [])
        self.one("body").send_keys(Keys.CONTROL, "f")
        self.assertEqual(self.browser.switch_to.active_element.get_attribute("id"), "search")
        self.one("#search").send_keys("block_17/op")
        self.until(lambda: self.one("#panel-title").text.startswith("#17 "))
        self.one("#search").clear()
        self.one("#search").send_keys("no such thing")
        self.tab("ops")
        self.assertEqual(self.rows(), [])

    def test_table_sorts(self):
        report = self.reports["digits"]
        self.open(self.pages["digits"], "#ops")
        self.assertEqual(self.rows(), [op["index"] for op in report["ops"]])
        button = next(b for b in self.all("#ops-table th button") if b.text == "MACs")
        button.click()
        self.assertEqual([report["ops"][i]["macs"] for i in self.rows()], sorted(op["macs"] for op in report["ops"]))
        button.click()
        self.assertEqual([report["ops"][i]["macs"] for i in self.rows()], sorted((op["macs"] for op in report["ops"]), reverse=True))
        self.all("#ops-table tbody tr")[0].click()
        self.assertIn("CONV_2D", self.one("#panel-title").text)

    def test_memory(self):
        report = self.reports["digits"]
        ops, ends = report["ops"], {tensor["index"] for tensor in report["model"]["outputs"]}
        target = lambda i: i if ops[i]["folded_into"] < 0 else target(ops[i]["folded_into"])  # noqa: E731
        live = [0] * len(ops)
        for tensor in report["tensors"]:
            makers = [op["index"] for op in ops if tensor["index"] in op["outputs"]]
            readers = [op["index"] for op in ops if tensor["index"] in op["inputs"]]
            inside = makers and readers and {target(i) for i in readers} == {target(makers[0])} and tensor["index"] not in ends
            if tensor["constant"] or inside or (makers and ops[makers[0]]["evaluated"]):
                continue
            first = target(makers[0]) if makers else 0
            last = len(ops) - 1 if tensor["index"] in ends else max([first, *map(target, readers)])
            for i in range(first, last + 1):
                live[i] += tensor["bytes"]
        self.open(self.pages["digits"], "#memory")
        view = self.one('[data-view="memory"]')
        self.assertEqual(int(view.get_attribute("data-peak")), max(live))
        self.assertEqual(int(view.get_attribute("data-constants")), sum(t["bytes"] for t in report["tensors"] if t["constant"]))
        self.assertTrue(self.one(".chart .live").get_attribute("d"))

    def test_timing(self):
        if run("--list-devices").stdout.startswith("no OpenCL"):
            self.skipTest("no OpenCL device")
        self.open(self.write("profiled", INT8, "--profile", "--profile-runs", "2"), "#timing")
        times = [row.text for row in self.all('[data-view="timing"] tbody tr')]
        self.assertTrue(any("CONV_2D" in text and "µs" in text for text in times), times)
        self.tab("ops")
        self.assertIn("time", [th.text for th in self.all("#ops-table th")])

    def test_layers(self):
        if run("--list-devices").stdout.startswith("no OpenCL"):
            self.skipTest("no OpenCL device")
        # Equal; different as requantize=float may be; wrong in the first operator.
        for name, arguments, environment, words, op, classes in (
                ("equal", (), {}, "✓ 9 intermediate tensors compared with the reference: every byte equal", 1, ["good"]),
                ("float", ("--requantize", "float"), {}, "each operator alone within 1, as requantize=float may", 1, ["good"]),
                ("wrong", (), {"LD_PRELOAD": sys.argv[3]}, "✗ The first tensor that differs from the reference is T#", 0, ["bad"])):
            page = self.write(f"layers_{name}", INT8, "--verify", "--verify-layers", *arguments, **environment)
            self.open(page)
            lines = [p.text for p in self.all('[data-view="summary"] p.good, [data-view="summary"] p.bad')]
            self.assertTrue(any(words in line for line in lines), lines)
            self.assertTrue(any(line.startswith("✓ Verified on ") for line in lines), lines)
            self.open(page, f"#graph&op={op}")
            found = [row for row in self.all("#panel .tensor div") if row.text.startswith("beside the reference: ")]
            own = next(row for row in found if "conv2d" in row.find_element(By.XPATH, "..").text and row is found[-1])
            self.assertEqual(own.get_attribute("class").split(), classes)
            self.assertIn({"equal": "every byte equal alone, every byte equal in the network", "float": "by at most 1 alone",
                           "wrong": "3 of 1024 elements differ, by at most 7 alone"}[name], own.text)

    def test_hostile_names_are_text(self):
        self.open(self.pages["hostile"], "#graph&op=1")
        self.assertIn("</script><img src=x", self.one("#panel").text)
        for tab in ("summary", "ops", "memory"):
            self.tab(tab)
        self.assertEqual(self.all("img"), [])
        self.assertEqual(self.browser.title, "hostile.tflite - delegate-check")

    def saved(self, name):
        path = self.folder / name
        self.until(path.exists)
        return self.until(path.read_text)

    def test_saving(self):
        self.open(self.pages["chain"], "#graph")
        next(b for b in self.all("button") if b.text == "Export SVG").click()
        root = ElementTree.fromstring(self.saved("chain.svg"))
        self.assertEqual(len([node for node in root.iter() if node.get("data-op")]), 400)
        self.assertIn(".op.host-own", root.find("{http://www.w3.org/2000/svg}style").text)
        next(b for b in self.all("button") if b.text == "Save JSON").click()
        self.assertEqual(json.loads(self.saved("chain.json")), self.reports["chain"])

    def test_a_page_without_graphviz_says_so(self):
        self.open(self.write("list", self.models["chain"], "--layout-seconds", "0"), "#graph")
        self.assertIn("list of layers", self.one(".note").text)
        self.assertEqual(len(self.all(".canvas [data-op]")), 400)

    def test_many_models(self):
        self.open(self.write("many", self.models["chain"], "missing.tflite", INT8))
        self.assertEqual(len(self.all('[data-view="models"] tbody tr')), 3)
        self.assertIn("missing.tflite: cannot open", self.one('[data-view="models"]').text)
        self.one('[data-model="2"]').click()
        self.until(lambda: self.all('[data-view="summary"]'))
        self.assertIn("digits_int8.tflite", self.one("h1").text)
        self.tab("graph")
        self.assertEqual(len(self.all(".canvas [data-op]")), len(self.reports["digits"]["ops"]))
        self.one("h1 a").click()
        self.until(lambda: self.all('[data-view="models"]'))

    def test_paper_gets_every_section(self):
        self.open(self.pages["digits"])
        self.browser.execute_script("dispatchEvent(new Event('beforeprint'))")
        self.assertEqual([view.get_attribute("data-view") for view in self.all(".view")], ["summary", "graph", "ops", "memory"])
        self.assertTrue(self.browser.execute_cdp_cmd("Page.printToPDF", {})["data"])


if __name__ == "__main__":
    missing = [package for package, found in (("chromium", CHROMIUM), ("chromium-driver", DRIVER), ("python3-selenium", webdriver),
                                              ("flatbuffers-compiler", FLATC)) if not found]
    if missing:
        print("SKIPPED: needs the packages", " ".join(missing))
        sys.exit(77)
    unittest.main(argv=[sys.argv[0], "-v"])

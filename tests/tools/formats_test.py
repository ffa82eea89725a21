#!/usr/bin/env python3
"""The forms of a report that need no browser: dot, svg, html as text, model-explorer, markdown, junit, github.

    formats_test.py DELEGATE_CHECK DIGITS_DIR
"""
# SPDX-License-Identifier: Apache-2.0
import html.parser
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree

from check_support import FLOAT, INT8, run

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))
from chain_model import write_chain  # noqa: E402

SVG = "{http://www.w3.org/2000/svg}"
FLATC = shutil.which("flatc")
# Ends elements, comments and attributes of HTML and XML, turns the writing direction, names a person, breaks tables.
HOSTILE = "</script><script>document.title='owned'</script>]]>--><b a=\"'>\u202e@someone|`{}"


def report(*arguments):
    return json.loads(run(*arguments, "--format", "json").stdout)


class WithModels(unittest.TestCase):
    """A chain of 120 operators, of which two stay with the host, and one whose names are hostile."""

    @classmethod
    def setUpClass(cls):
        if FLATC is None:
            raise unittest.SkipTest("flatc (package flatbuffers-compiler) makes the models of these tests")
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        cls.path = pathlib.Path(cls.folder.name)
        schema = str(ROOT / "schema/tflite.fbs")
        cls.chain = str(write_chain(cls.path / "chain.tflite", FLATC, schema, 120))
        cls.hostile = str(write_chain(cls.path / "hostile.tflite", FLATC, schema, 60, HOSTILE))
        cls.numbers = str(write_chain(cls.path / "numbers.tflite", FLATC, schema, 40, "{}0"))


class Graphs(WithModels):
    def svg(self, *arguments, **environment):
        done = run(*arguments, "--format", "svg", **environment)
        self.assertEqual(done.returncode, 0, done.stderr)
        return ElementTree.fromstring(done.stdout)

    def ops_of(self, root):
        return sorted(int(node.get("data-op")) for node in root.iter(SVG + "g") if node.get("data-op"))

    def note_of(self, root):
        return " ".join(text.text or "" for text in root.iter(SVG + "text") if "list of layers" in (text.text or ""))

    def test_dot_is_the_same_on_every_run_and_dot_takes_it(self):
        first, second = run(self.chain, "--format", "dot"), run(self.chain, "--format", "dot")
        self.assertEqual((first.returncode, first.stderr), (0, ""))
        self.assertEqual(first.stdout, second.stdout)
        self.assertIn("cluster_0", first.stdout)
        self.assertIn("(host: own cause)", first.stdout)
        for model in (self.chain, self.hostile):
            text = run(model, "--format", "dot").stdout
            if shutil.which("dot"):
                drawn = subprocess.run(["dot", "-Tplain"], input=text, capture_output=True, text=True, timeout=60)
                self.assertEqual((drawn.returncode, drawn.stderr), (0, ""))
                self.assertEqual(drawn.stdout.count("\nnode "), len(re.findall(r"^ +n\d+ \[", text, re.M)))

    @unittest.skipUnless(shutil.which("dot"), "dot (package graphviz) is not installed")
    def test_svg_has_every_operator_and_tells_cause_from_victim(self):
        root = self.svg(self.chain)
        self.assertEqual(self.ops_of(root), list(range(120)))
        self.assertEqual(self.note_of(root), "")
        classes = {node.get("class").split()[1] for node in root.iter(SVG + "g") if node.get("data-op")}
        self.assertEqual(classes, {"npu", "folded", "host-own"})
        denied = self.svg(INT8, "--deny", "CONV_2D", "--min-segment-ops", "5")
        classes = {node.get("class").split()[1] for node in denied.iter(SVG + "g") if node.get("data-op")}
        self.assertIn("host-policy", classes)
        boxes = [node for node in root.iter(SVG + "g") if (node.get("class") or "") == "box"]
        ops = report(self.chain)["ops"]
        self.assertEqual(len(boxes), sum(op["folded_into"] < 0 for op in ops))
        grouped = next(box for box in boxes if len(box.findall(SVG + "g")) == 3)
        indices = [int(row.get("data-op")) for row in grouped.findall(SVG + "g")]
        self.assertEqual({ops[i]["folded_into"] for i in indices} - {-1}, {i for i in indices if ops[i]["folded_into"] < 0})

    def test_boxes_do_not_overlap(self):
        for arguments in ((self.chain,), (self.chain, "--layout-seconds", "0")):
            root = self.svg(*arguments)
            rects = sorted((float(r.get("y")), float(r.get("x")), float(r.get("width")), float(r.get("height")))
                           for r in root.iter(SVG + "rect") if r.get("class") == "frame")
            self.assertTrue(rects)
            for i, (y, x, width, height) in enumerate(rects):
                for other_y, other_x, other_width, _ in rects[i + 1:]:
                    if other_y >= y + height:
                        break
                    self.assertTrue(other_x >= x + width or x >= other_x + other_width, (x, y, other_x, other_y))

    def test_without_graphviz_it_is_a_list_of_layers_and_says_so(self):
        with tempfile.TemporaryDirectory() as empty:
            root = self.svg(self.chain, PATH=empty)
        self.assertEqual(self.ops_of(root), list(range(120)))
        self.assertIn("package graphviz", self.note_of(root))
        root = self.svg(self.chain, "--layout-seconds", "0")
        self.assertIn("--layout-seconds", self.note_of(root))

    def test_a_dot_that_hangs_or_fails_is_given_up(self):
        with tempfile.TemporaryDirectory() as folder:
            fake = pathlib.Path(folder) / "dot"
            pid = pathlib.Path(folder) / "pid"
            for script, seconds, words in ((f"echo $$ > {pid}; exec sleep 1000", "1.5", "within 1.5 seconds"),
                                           ("exit 3", "60", "dot failed"), ("echo nonsense", "60", "not understood"),
                                           ("echo '{\"bb\": [1, 2]}'", "60", "not understood")):
                fake.write_text(f"#!/bin/sh\n{script}\n")
                fake.chmod(0o755)
                root = self.svg(self.chain, "--layout-seconds", seconds, PATH=f"{folder}:{os.environ['PATH']}")
                self.assertIn(words, self.note_of(root))
                self.assertEqual(self.ops_of(root), list(range(120)))
            self.assertFalse(pathlib.Path(f"/proc/{pid.read_text().strip()}").exists(), "the child was not ended")

    def test_hostile_names_stay_text(self):
        root = self.svg(self.hostile)
        self.assertEqual([node for node in root.iter() if node.tag.endswith(("script", "}b"))], [])
        self.assertNotIn("\u202e", ElementTree.tostring(root, encoding="unicode"))

    def test_one_model_only(self):
        done = run(INT8, FLOAT, "--format", "svg")
        self.assertEqual((done.returncode, done.stdout), (3, ""))
        self.assertIn("call it once for each", done.stderr)


class PageReader(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.scripts, self.attributes, self.inside = {}, [], None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.attributes.append((tag, attrs))
        self.inside = attrs.get("id") if tag == "script" and attrs.get("type") == "application/json" else None

    def handle_endtag(self, tag):
        self.inside = None

    def handle_data(self, data):
        if self.inside:
            self.scripts[self.inside] = self.scripts.get(self.inside, "") + data


class Pages(WithModels):
    def page(self, *arguments):
        done = run(*arguments, "--format", "html")
        self.assertEqual(done.returncode, 0, done.stderr)
        return PageReader(done.stdout)

    def test_holds_the_report_and_loads_nothing(self):
        page = self.page(self.chain)
        self.assertEqual(json.loads(page.scripts["model-0"])["report"], report(self.chain))
        for tag, attributes in page.attributes:
            self.assertNotIn(tag, ("link", "img", "iframe", "object"))
            self.assertNotIn("src", attributes)
            self.assertTrue(attributes.get("href", "#").startswith("#"))
        policy = [a["content"] for t, a in page.attributes if t == "meta" and "http-equiv" in a]
        self.assertIn("default-src 'none'", policy[0])

    def test_hostile_names_end_nothing(self):
        page = self.page(self.hostile)
        data = json.loads(page.scripts["model-0"])
        self.assertTrue(any("</script><script>" in tensor["name"] for tensor in data["report"]["tensors"]))
        self.assertEqual(sum(tag == "script" for tag, _ in page.attributes), 3)  # the model, the classes, the program

    def test_many_models_and_one_that_is_none(self):
        done = run(self.chain, "missing.tflite", INT8, "--format", "html")
        self.assertEqual(done.returncode, 2)
        page = PageReader(done.stdout)
        self.assertEqual(sorted(name for name in page.scripts if name.startswith("model-")), ["model-0", "model-1", "model-2"])
        self.assertIn("missing.tflite", json.loads(page.scripts["model-1"])["report"]["error"]["text"])

    def test_says_where_it_wrote(self):
        path = self.path / "report.html"
        done = run(self.chain, "--format", "html", "-o", path)
        self.assertEqual((done.returncode, done.stdout), (0, ""))
        self.assertIn(str(path), done.stderr)
        self.assertTrue(path.read_text().startswith("<!DOCTYPE html>"))


class ModelExplorer(WithModels):
    def files(self, *arguments):
        folder = tempfile.TemporaryDirectory(dir=self.path)
        self.addCleanup(folder.cleanup)
        out = pathlib.Path(folder.name) / "new/overlays"
        done = run(*arguments, "--format", "model-explorer", "-o", out)
        self.assertEqual((done.returncode, done.stdout), (0, ""), done.stderr)
        for path in out.iterdir():
            self.assertIn(str(path), done.stderr)
        return {path.name: json.loads(path.read_text()) for path in out.iterdir()}

    def test_files(self):
        ops = report(self.chain)["ops"]
        files = self.files(self.chain)
        self.assertEqual(sorted(files), ["macs.json", "placement.json", "reasons.json"])
        for data in files.values():
            self.assertEqual(list(data), ["main"])
            self.assertEqual(list(data["main"]["results"]), [str(op["index"]) for op in ops])
        results = files["placement.json"]["main"]["results"]
        for op in ops:
            entry = results[str(op["index"])]
            self.assertTrue(entry["value"])
            self.assertRegex(entry["bgColor"], "^#[0-9a-f]{6}$")
            self.assertEqual(files["reasons.json"]["main"]["results"][str(op["index"])]["value"], len(op["reasons"]))
            self.assertEqual(files["macs.json"]["main"]["results"][str(op["index"])]["value"], op["macs"])
            if op["placement"] == "host":
                self.assertIn(op["reasons"][0]["code"], entry["value"])
        self.assertEqual([stop["stop"] for stop in files["macs.json"]["main"]["gradient"]], [0, 1])

    def test_profile(self):
        if run("--list-devices").stdout.startswith("no OpenCL"):
            self.skipTest("no OpenCL device")
        files = self.files(INT8, "--profile", "--profile-runs", "2")
        times = files["time_us.json"]["main"]["results"]
        self.assertTrue(times)
        self.assertTrue(all(entry["value"] > 0 for entry in times.values()))

    def test_tensors_with_numbers_for_names_are_keyed_by_name(self):
        ops = report(self.numbers)["ops"]
        results = self.files(self.numbers)["placement.json"]["main"]["results"]
        self.assertEqual(set(results), {op["name"] for op in ops})

    def test_a_graph_without_a_name_has_its_first_signatures(self):
        for subgraph, signatures, name, graph in (("", ("serve", "other"), "serve", "serve"), ("", (), "", "main"),
                                                  ("net", ("serve",), "net", "net")):
            path = write_chain(self.path / "named.tflite", FLATC, str(ROOT / "schema/tflite.fbs"), 5, subgraph=subgraph, signatures=signatures)
            self.assertEqual(report(path)["model"]["subgraph_name"], name)
            self.assertEqual(list(self.files(path)["macs.json"]), [graph])

    def test_usage(self):
        done = run(INT8, "--format", "model-explorer")
        self.assertEqual((done.returncode, done.stdout), (3, ""))
        self.assertIn("-o", done.stderr)
        done = run(INT8, "--format", "model-explorer", "-o", f"{INT8}/below/a/file")
        self.assertEqual(done.returncode, 3)
        self.assertIn("below/a/file", done.stderr)


class Summaries(WithModels):
    def test_markdown(self):
        done = run(self.chain, "--format", "markdown", "--max-host-ops", "0", "--min-npu-macs", "0")
        self.assertEqual(done.returncode, 1)
        lines = done.stdout.splitlines()
        self.assertEqual(lines[0], "### `chain.tflite`")
        self.assertIn("| `--max-host-ops` | :x: **not met** | 2 operators on the host | at most 0 |", lines)
        self.assertTrue(any(line.startswith("| `MyFilter`<br>Op\\#") and "`UNSUPPORTED_OPERATOR`" in line for line in lines), done.stdout)
        table = [line for line in lines if line.startswith("|")]
        for line in table:
            self.assertIn(len(re.findall(r"(?<!\\)\|", line)), (4, 5))

    def test_markdown_disarms_names(self):
        text = run(self.hostile, "--format", "markdown").stdout
        outside = re.sub(r"(`+).*?\1", "", text)
        for word in ("<script", "@someone", "</"):
            self.assertNotIn(word, outside)

    def test_markdown_of_many(self):
        done = run(self.chain, "missing.tflite", INT8, "--format", "markdown")
        self.assertEqual(done.returncode, 2)
        self.assertIn("### 3 models", done.stdout)
        self.assertIn("| `missing.tflite` | :x: ", done.stdout)
        self.assertEqual(done.stdout.count("<details>"), 1)

    def suites(self, text):
        root = ElementTree.fromstring(text)
        self.assertEqual(root.tag, "testsuites")
        for parent in (root, *root):
            cases = list(parent.iter("testcase"))
            self.assertEqual(int(parent.get("tests")), len(cases))
            for outcome, total in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
                self.assertEqual(int(parent.get(total)), sum(case.find(outcome) is not None for case in cases))
        return root

    def test_junit(self):
        done = run(self.chain, "--format", "junit", "--max-host-ops", "0", "--max-partitions", "99")
        self.assertEqual(done.returncode, 1)
        root = self.suites(done.stdout)
        self.assertEqual((root.get("failures"), root.get("errors")), ("1", "0"))
        off = [op for op in report(self.chain)["ops"] if op["placement"] != "npu"]
        self.assertEqual(int(root.get("skipped")), len(off))
        skipped = [case for case in root.iter("testcase") if case.find("skipped") is not None]
        for case, op in zip(skipped, off):
            self.assertIn(f"Op#{op['index']} ", case.get("name"))
            for reason in op["reasons"]:
                self.assertIn(reason["code"], case.find("skipped").text)
                self.assertIn(f"is {reason['actual']}; allowed: {reason['allowed']}", case.find("skipped").text)
        failed = next(case for case in root.iter("testcase") if case.find("failure") is not None)
        self.assertEqual(failed.get("name"), "--max-host-ops")
        self.assertIn("at most 0", failed.find("failure").get("message"))

    def test_junit_as_junitparser_reads_it(self):
        try:
            import junitparser
        except ImportError:
            self.skipTest("no junitparser (package python3-junitparser) in this Python")
        path = self.path / "junit.xml"
        run(self.hostile, "missing.tflite", FLOAT, "--format", "junit", "--require-full-npu", "-o", path)
        xml = junitparser.JUnitXml.fromfile(str(path))
        suites = list(xml)
        self.assertEqual(len(suites), 3)
        self.assertEqual([suite.errors for suite in suites], [0, 1, 0])
        self.assertEqual([suite.failures for suite in suites], [1, 0, 1])

    def test_junit_and_github_of_a_file_that_is_none(self):
        done = run("missing.tflite", "--format", "junit")
        self.assertEqual(done.returncode, 2)
        self.assertEqual(self.suites(done.stdout).get("errors"), "1")
        done = run("missing.tflite", "--format", "github")
        self.assertRegex(done.stdout, "^::error file=missing.tflite,title=NPU_IO_ERROR::.*missing.tflite")
        self.assertIn("missing.tflite", run("missing.tflite", "--format", "markdown").stdout)

    def test_github(self):
        done = run(self.chain, "--format", "github", "--max-host-ops", "0")
        self.assertEqual(done.returncode, 1)
        lines = done.stdout.splitlines()
        self.assertTrue(all(re.match(r"::(error|warning|notice) file=[^,:]+,title=[^,:]+::.", line) for line in lines), lines)
        self.assertTrue(lines[0].startswith("::error ") and "2 operators on the host" in lines[0])
        warnings = [line for line in lines if line.startswith("::warning ")]
        self.assertEqual(len(warnings), len(report(self.chain)["blockers"]))
        self.assertIn("%0A", warnings[0])
        hostile = run(self.hostile, INT8, "--format", "github").stdout
        self.assertTrue(all(line.startswith("::") for line in hostile.splitlines()))


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], "-v"])

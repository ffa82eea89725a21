#!/usr/bin/env python3
"""The overlays of --format model-explorer beside the nodes that Model Explorer's own converter makes of the same models.

    model_explorer_test.py DELEGATE_CHECK DIGITS_DIR

Run by a Python that has ai-edge-model-explorer-adapter. With the corpus beside the repository, every model of it that the
converter opens is compared, else the bundled ones.
"""
# SPDX-License-Identifier: Apache-2.0
import concurrent.futures
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

from check_support import CORPUS, DIGITS, run

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))
from chain_model import write_chain  # noqa: E402

# A child per batch: some files end the converter's process. What it wrote before counts.
CONVERT = """
import json, sys
import ai_edge_model_explorer_adapter as adapter
for path in sys.argv[1:]:
    print("BEGIN", path, flush=True)
    try:
        made = json.loads(adapter.ConvertFlatbufferDirectlyToJson(adapter.VisualizeConfig(add_tensor_name_attribute=True), path))
    except Exception as error:
        print("ERROR", str(error).splitlines()[0][:200], flush=True)
        continue
    graph = made[0]["subgraphs"][0]
    names = {}
    for node in graph["nodes"]:
        for output in node.get("outputsMetadata", []):
            for attribute in output.get("attrs", []):
                if attribute["key"] == "tensor_name":
                    names.setdefault(attribute["value"], []).append(node["id"])
    print("GRAPH", json.dumps({"id": graph["id"], "nodes": [[n["id"], n["label"]] for n in graph["nodes"]], "names": names}), flush=True)
"""
# Nodes of the converter that are no operators.
NO_OPERATOR = {"GraphInputs", "GraphOutputs", "pseudo_const", "pseudo_qconst", "no_value"}
BATCH = 25


def convert(paths):
    """{path: graph or None}: what Model Explorer shows."""
    graphs, left = {}, list(paths)
    while left:
        done = subprocess.run([sys.executable, "-c", CONVERT, *left], capture_output=True, text=True, timeout=600)
        current = None
        for line in done.stdout.splitlines():
            kind, _, rest = line.partition(" ")
            if kind == "BEGIN":
                current = rest
                graphs[current] = None
            elif kind == "GRAPH" and current:
                graphs[current] = json.loads(rest)
        left = [path for path in left if path not in graphs]
        if current is None:
            break
    return graphs


class ConverterNodes(unittest.TestCase):
    def overlays(self, path, folder):
        out = pathlib.Path(folder) / "out"
        done = run(path, "--format", "model-explorer", "-o", out)
        if done.returncode != 0:
            return None
        return {file.name: json.loads(file.read_text()) for file in out.iterdir()}

    def compare(self, path, graph):
        """None, or what is wrong."""
        with tempfile.TemporaryDirectory() as folder:
            files = self.overlays(path, folder)
        if files is None:
            return "not read"
        operators = [node for node, label in graph["nodes"] if label not in NO_OPERATOR]
        for name, data in files.items():
            if list(data) != [graph["id"]]:
                return f"{name}: graph {list(data)}, not {graph['id']!r}"
            keys = list(data[graph["id"]]["results"])
            # As Model Explorer resolves a key: a tensor's name first, then a node.
            nodes = [graph["names"][key][-1] if key in graph["names"] else key for key in keys]
            if sorted(nodes, key=int) != sorted(operators, key=int):
                return f"{name}: {len(nodes)} keys, {len(operators)} operators; differ: {sorted(set(nodes) ^ set(operators))[:5]}"
        return None

    def check(self, paths, least):
        batches = [paths[i:i + BATCH] for i in range(0, len(paths), BATCH)]
        graphs = {}
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            for made in pool.map(convert, batches):
                graphs.update(made)
        opened = {path: graph for path, graph in graphs.items() if graph is not None}
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            wrong = dict(zip(opened, pool.map(lambda item: self.compare(*item), opened.items())))
        unread = [path for path, what in wrong.items() if what == "not read"]
        wrong = {path: what for path, what in wrong.items() if what not in (None, "not read")}
        print(f"{len(paths)} models, {len(opened)} opened by Model Explorer's converter, {len(unread)} of these not by delegate-check, "
              f"{len(wrong)} different")
        self.assertEqual(wrong, {})
        self.assertGreaterEqual(len(opened) - len(unread), least)

    def test_bundled_models(self):
        paths = sorted(map(str, DIGITS.glob("*.tflite")))
        with tempfile.TemporaryDirectory() as folder:
            if shutil.which("flatc"):
                schema = str(ROOT / "schema/tflite.fbs")
                for name, label in (("chain", "add_{}"), ("numbers", "{}0"), ("small", "{}")):
                    paths.append(str(write_chain(pathlib.Path(folder) / f"{name}.tflite", "flatc", schema, 60, label)))
            self.check(paths, len(paths))

    def test_corpus(self):
        index = CORPUS / "INDEX.tsv"
        if not index.exists():
            self.skipTest(f"no {index}")
        paths = [str(CORPUS / line.split("\t")[0]) for line in index.read_text().splitlines()[1:]]
        self.check(paths, 900)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], "-v"])

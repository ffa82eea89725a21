#!/usr/bin/env python3
"""delegate-check's text: what a person finds where, how wide it is, characters and colours, --verbose, --explain.

    text_test.py DELEGATE_CHECK DIGITS_DIR
"""
# SPDX-License-Identifier: Apache-2.0
import json
import os
import pty
import re
import subprocess
import sys
import unittest

from check_support import CORPUS, DIGITS, FLOAT, INT8, TOOL, run

FLOAT_IO = str(DIGITS / "digits_float_io.tflite")
ESCAPE = "\x1b"


def report(*arguments):
    return json.loads(run(*arguments, "--format", "json").stdout)


def plain(text):
    return re.sub("\x1b\\[[0-9;]*m", "", text)


class Overview(unittest.TestCase):
    def test_three_lines_say_kind_share_and_verdict(self):
        good = run(INT8).stdout.splitlines()
        self.assertRegex(good[0], r"^digits_int8.tflite \(20.2 kB\): full int8")
        self.assertRegex(good[1], r"^NPU: 100 % of 200 k MACs, 12 of 12 operators, 1 partition$")
        self.assertEqual(good[2], "Verdict: the whole model runs in the delegate")
        self.assertLessEqual(len(good), 40)
        bad = run(FLOAT).stdout.splitlines()
        self.assertIn("float32", bad[0])
        self.assertIn("NPU: 0 % of", bad[1])
        blocker = report(FLOAT)["blockers"][0]
        self.assertTrue(bad[2].startswith(f"Verdict: nothing runs on the NPU: {blocker['op']}, "), bad[2])
        part = run(INT8, "--deny", "SOFTMAX").stdout.splitlines()
        self.assertEqual(part[2], "Verdict: 1 of 12 operators on the host: SOFTMAX, denied by option")

    def test_the_bar_is_as_long_as_the_shares(self):
        bars = {line.split()[0]: line for line in run(FLOAT_IO, LC_ALL="C").stdout.splitlines()
                if line.startswith(("  MACs  ", "  operators  "))}
        macs, ops = bars["MACs"].split()[1], bars["operators"].split()[1]
        self.assertEqual(set(macs), {"#"})
        self.assertEqual(len(macs), len(ops))
        self.assertEqual(ops.strip("#+"), "")
        self.assertAlmostEqual(ops.count("+") / len(ops), 2 / 14, delta=1 / len(ops))
        self.assertIn("# npu 12  + delegate-cpu 2", bars["operators"])
        # However little it is, it is seen.
        denied = [line for line in run(INT8, "--deny", "#1", LC_ALL="C").stdout.splitlines() if line.startswith("  MACs")]
        self.assertRegex(denied[0], r"#\.+ ")

    def test_io_notes_are_shown(self):
        text = " ".join(run(INT8).stdout.split())
        for note in report(INT8)["model"]["io_notes"]:
            self.assertIn(note, text)


class Blockers(unittest.TestCase):
    def test_what_why_costs_and_advice(self):
        text = " ".join(run(FLOAT, "--verbose", LC_ALL="C").stdout.split())
        document = report(FLOAT)
        self.assertTrue(document["blockers"])
        for blocker in document["blockers"]:
            self.assertIn(blocker["op"], text)
            for reason in blocker["reasons"]:
                self.assertIn(f"{reason['code']}: {reason['text']} is {reason['actual']}; allowed: {reason['allowed']}", text)
        for advice in document["advice"]:
            self.assertIn(f"{advice['title']}. {advice['text']}", text)
            self.assertEqual(text.count(f"[{advice['id']}: {advice['url']}]"), 1)

    def test_long_lists_are_cut_and_say_so(self):
        short, full = run(FLOAT).stdout, run(FLOAT, "--verbose").stdout
        self.assertIn("more (--verbose)", short)
        self.assertNotIn("more (--verbose)", full)
        self.assertLess(len(short.splitlines()), len(full.splitlines()))

    def test_nothing_is_in_the_way(self):
        self.assertNotIn("What keeps operators off", run(INT8).stdout)


class Verbose(unittest.TestCase):
    def test_every_operator_with_its_tensors(self):
        text = run(INT8, "--verbose").stdout
        for op in report(INT8)["ops"]:
            inputs = ", ".join(f"T#{tensor}" for tensor in op["inputs"])
            outputs = ", ".join(f"T#{tensor}" for tensor in op["outputs"])
            self.assertIn(f"Op#{op['index']} {op['op']}({inputs}) -> [{outputs}]", text)


class Explain(unittest.TestCase):
    def test_an_operator_by_number(self):
        texts = [run(INT8, "--explain", what).stdout for what in ("3", "#3", "Op#3", "op#3", "MAX_POOL_2D", "max_pool_2d")]
        self.assertEqual(len(set(texts)), 1)
        text = texts[0]
        self.assertTrue(text.startswith("Op#3 MAX_POOL_2D version 2"))
        for words in ("npu, segment 0 of partition 0", "T#16 INT8 [1,8,8,32] scale 0.0176328, zero point -128",
                      "made by Op#2 CONV_2D", "read by Op#4 CONV_2D", "512 B"):
            self.assertIn(words, text)

    def test_all_operators_of_a_type(self):
        text = run(INT8, "--explain", "CONV_2D").stdout
        self.assertEqual(re.findall(r"^Op#(\d+) CONV_2D", text, re.M), ["0", "2", "4"])
        self.assertIn("a constant", text)
        self.assertRegex(text, r"\d+ scales along axis 0")

    def test_a_tensor(self):
        text = run(INT8, "--explain", "T#14").stdout
        name = next(tensor["name"] for tensor in report(INT8)["tensors"] if tensor["index"] == 0)
        self.assertIn("made by Op#0 CONV_2D", text)
        self.assertIn("an input of the model", run(INT8, "--explain", name).stdout)
        self.assertIn("an output of the model", run(INT8, "--explain", "T#25").stdout)

    def test_why_it_is_not_on_the_npu_and_what_to_do(self):
        text = " ".join(run(FLOAT, "--explain", "0").stdout.split())
        document = report(FLOAT)
        for reason in document["ops"][0]["reasons"]:
            self.assertIn(f"{reason['code']}: {reason['text']} is {reason['actual']}", text)
            self.assertIn(f"[{reason['advice']}: ", text)

    def test_what_there_is_not(self):
        for what, words in (("12", "the model has Op#0 to Op#11"), ("99999999999999999999", "Op#0 to Op#11"),
                            ("T#99", "T#0 to T#25"), ("CONV2D", 'did you mean "CONV_2D"'), ("", "--explain")):
            done = run(INT8, "--explain", what)
            self.assertEqual((done.returncode, done.stdout), (3, ""), what)
            self.assertIn(words, done.stderr)
        self.assertEqual(run(INT8, "--explain", "1", "--format", "json").returncode, 3)
        self.assertEqual(run(INT8, FLOAT, "--explain", "1").returncode, 3)


class Terminal(unittest.TestCase):
    def on_a_terminal(self, *arguments, **environment):
        master, slave = pty.openpty()
        environment = {**{k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "CLICOLOR_FORCE")},
                       "TERM": "xterm", **environment}
        done = subprocess.Popen([TOOL, *arguments], stdout=slave, env=environment)
        os.close(slave)
        chunks = []
        try:
            while chunk := os.read(master, 65536):
                chunks.append(chunk)
        except OSError:  # the other end is closed
            pass
        os.close(master)
        self.assertEqual(done.wait(60), 0)
        return b"".join(chunks).decode()

    def test_colours_on_a_terminal_only(self):
        self.assertIn(ESCAPE, self.on_a_terminal(FLOAT))
        self.assertNotIn(ESCAPE, run(FLOAT).stdout)
        for environment in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
            self.assertNotIn(ESCAPE, self.on_a_terminal(FLOAT, **environment), environment)
        self.assertNotIn(ESCAPE, self.on_a_terminal(FLOAT, "--color", "never"))
        self.assertIn(ESCAPE, run(FLOAT, "--color", "always").stdout)
        self.assertIn(ESCAPE, run(FLOAT, CLICOLOR_FORCE="1").stdout)
        self.assertNotIn(ESCAPE, run(FLOAT, CLICOLOR_FORCE="1", NO_COLOR="1").stdout)
        self.assertEqual(plain(run(FLOAT, "--color", "always").stdout), run(FLOAT).stdout)

    def test_cause_victim_and_policy_differ_in_colour(self):
        text = run(INT8, "--verbose", "--color", "always", "--deny", "CONV_2D").stdout
        text += run(FLOAT, "--verbose", "--color", "always").stdout
        colours = {}
        for code in ("UNSUPPORTED_INPUT_TYPE", "DENIED_BY_OPTION", "RESULT_NEEDED_BY_HOST"):
            found = set(re.findall("\x1b\\[(\\d+)m" + code, text))
            self.assertEqual(len(found), 1, code)
            colours[code] = found.pop()
        self.assertEqual(len(set(colours.values())), 3)

    def test_ascii_where_the_locale_knows_nothing_else(self):
        for model in (INT8, FLOAT, DIGITS):
            for more in ([], ["--verbose"]):
                self.assertTrue(run(model, *more, LC_ALL="C").stdout.isascii())
        self.assertIn("█", run(INT8, LC_ALL="C.UTF-8").stdout)

    def test_nothing_is_wider_than_the_terminal(self):
        models = [INT8, FLOAT, FLOAT_IO, DIGITS]
        for path in ("larq/BinaryDenseNet28_cifar_int8.tflite", "gen/nets/vit_tiny_i16x8fb.tflite", "gen/hand"):
            if (CORPUS / path).exists():
                models.append(CORPUS / path)
        for columns in (80, 60, 120):
            for model in models:
                for more in ([], ["--verbose"]):
                    text = run(model, *more, COLUMNS=str(columns), LC_ALL="C.UTF-8").stdout
                    wide = [line for line in text.splitlines() if len(line) > columns]
                    self.assertEqual(wide, [], f"{model} {columns}")


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], "-v"])

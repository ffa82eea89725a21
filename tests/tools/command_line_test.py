#!/usr/bin/env python3
"""delegate-check's command line: help, did-you-mean, the manual page, completion in the shells that are there.

    command_line_test.py DELEGATE_CHECK DIGITS_DIR
"""
# SPDX-License-Identifier: Apache-2.0
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

from check_support import DIGITS, INT8, TOOL, run

ROOT = DIGITS.resolve().parents[1]
COMPLETION = ROOT / "tools/delegate-check/completion"


def options():
    return [line.split("\t")[0] for line in run("--completion-words", "").stdout.splitlines()]


class Help(unittest.TestCase):
    def test_no_arguments(self):
        done = run()
        self.assertEqual((done.returncode, done.stdout), (3, ""))
        self.assertEqual(len(re.findall(r"^  delegate-check ", done.stderr, re.M)), 2)

    def test_help_fits_a_screen_and_begins_with_examples(self):
        done = run("--help")
        lines = done.stdout.splitlines()
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertLessEqual(len(lines), 60)
        self.assertEqual([line for line in lines if len(line) > 80], [])
        self.assertGreaterEqual(len(re.findall(r"^  delegate-check ", "\n".join(lines[:10]), re.M)), 3)
        self.assertEqual(run("-h").stdout, done.stdout)

    def test_help_all_and_the_manual_page_leave_nothing_out(self):
        whole, page = run("--help-all").stdout, run("--man").stdout.replace("\\-", "-")
        self.assertEqual([line for line in whole.splitlines() if len(line) > 80], [])
        self.assertGreater(len(options()), 30)
        for option in options():
            self.assertRegex(whole, rf"(?m)^  .*{option}\b")
            self.assertRegex(page, rf"(?m)^\.B .*{option}\b")
        for code in range(5):
            self.assertRegex(whole, rf"(?m)^  {code}  ")
            self.assertIn(f"\n.B {code}\n", page)

    def test_version_is_one_line(self):
        done = run("--version")
        self.assertEqual(done.returncode, 0)
        self.assertRegex(done.stdout, r"^delegate-check \d+\.\d+\.\d+\n$")

    def test_the_manual_page_of_the_documentation_is_this_one(self):
        self.assertEqual((ROOT / "docs/delegate-check.1").read_text(), run("--man").stdout,
                         "write it again: delegate-check --man > docs/delegate-check.1")

    def test_the_manual_page_is_clean_roff(self):
        groff = shutil.which("groff")
        if groff is None:
            self.skipTest("no groff")
        done = subprocess.run([groff, "-man", "-ww", "-z", "-Tutf8"], input=run("--man").stdout, capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_every_option_is_documented(self):
        text = (ROOT / "docs/delegate-check.md").read_text()
        for option in options():
            self.assertIn(option, text)


class Mistakes(unittest.TestCase):
    def test_did_you_mean(self):
        for arguments, words in ((["--formt", "json"], '--formt: no such option; did you mean "--format"?'),
                                 (["--verfy", INT8], '"--verify"'), (["--jsn=1", INT8], '"--json"'),
                                 ([INT8, "--format", "jsno"], '--format: "jsno" is none of text, json'),
                                 ([INT8, "--format", "jsno"], 'did you mean "json"?'),
                                 ([INT8, "--color", "alway"], 'did you mean "always"?'),
                                 ([INT8, "--deny", "CONV2D"], 'did you mean "CONV_2D"?')):
            done = run(*arguments)
            self.assertEqual((done.returncode, done.stdout), (3, ""), arguments)
            self.assertIn(words, done.stderr)
            self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)

    def test_bad_values(self):
        for arguments, words in ((["--min-npu-macs", "101", INT8], '"101" is no number from 0 to 100'),
                                 (["--max-host-ops", "-1", INT8], '"-1" is no number of at least 0'),
                                 (["--max-host-ops", "few", INT8], '"few" is no number'),
                                 (["--profile-runs", "0", INT8], '"0" is no number from 1 to'),
                                 (["--trace", "trace.json", INT8], "--profile"),
                                 ([INT8, "--deny", "#99"], "expected #0 to #11"),
                                 (["--verbose"], "no model given")):
            done = run(*arguments)
            self.assertEqual((done.returncode, done.stdout), (3, ""), arguments)
            self.assertIn(words, done.stderr)

    def test_a_mistake_is_json_where_json_is_asked_for(self):
        for arguments in (["--json", "--formt"], ["--format", "json", "--formt"], ["--format=json", INT8, "--deny", "CONV2D"]):
            done = run(*arguments)
            error = json.loads(done.stdout)["error"]
            self.assertEqual((done.returncode, error["code"][:11]), (3, "NPU_INVALID"))
            self.assertIn("did you mean", error["text"])

    def test_two_formats(self):
        done = run("--format", "text", "--json", INT8)
        self.assertEqual(done.returncode, 3)
        self.assertIn("--format excludes --json", done.stderr)

    def test_an_input_file_swallows_no_model(self):
        done = run("--run", "--input", "none.npy", INT8)
        self.assertIn("none.npy", done.stderr)
        self.assertNotIn("no model given", done.stderr)


class Forms(unittest.TestCase):
    def test_json_for_short(self):
        self.assertEqual(run(INT8, "--json").stdout, run(INT8, "--format", "json").stdout)

    def test_what_comes_after_two_dashes_is_a_model(self):
        done = run("--", "--format")
        self.assertEqual(done.returncode, 2)
        self.assertIn("--format: cannot open", done.stderr)
        self.assertEqual(run("--", INT8).returncode, 0)


class Completion(unittest.TestCase):
    def test_words(self):
        self.assertIn("--format", options())
        self.assertNotIn("--man", options())
        self.assertEqual(run("--completion-words", "-o").stdout, "@file\n")
        self.assertEqual(run("--completion-words", "--deny").stdout, "@none\n")
        self.assertEqual(run("--completion-words", "--run").stdout, run("--completion-words", "").stdout)
        self.assertEqual([line.split("\t")[0] for line in run("--completion-words", "--color").stdout.splitlines()],
                         ["auto", "always", "never"])

    def complete(self, *line):
        """What bash offers for the last of the words."""
        script = (f'source {COMPLETION}/delegate-check.bash; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _delegate_check; '
                  'printf "%s\\n" "${COMPREPLY[@]}"')
        done = subprocess.run(["bash", "-c", script, "bash", pathlib.Path(TOOL).resolve(), *line], capture_output=True, text=True, cwd=self.folder)
        self.assertEqual(done.stderr, "")
        return sorted(done.stdout.split())

    def test_bash(self):
        with tempfile.TemporaryDirectory() as self.folder:
            (pathlib.Path(self.folder) / "a.tflite").write_text("")
            self.assertEqual(self.complete("--prof"), ["--profile", "--profile-runs"])
            self.assertEqual(self.complete("--color", "a"), ["always", "auto"])
            self.assertEqual(self.complete("--color", "=", "n"), ["never"])
            self.assertEqual(self.complete("-o", ""), ["a.tflite"])
            self.assertEqual(self.complete("--run", "a"), ["a.tflite"])
            self.assertEqual(self.complete(""), ["a.tflite"])
            self.assertEqual(self.complete("--deny", ""), [])

    def test_fish(self):
        fish = shutil.which("fish")
        if fish is None:
            self.skipTest("no fish")
        script = f"source {COMPLETION}/delegate-check.fish; complete -C 'delegate-check --color '; complete -C 'delegate-check --prof'"
        environment = {**os.environ, "PATH": f"{pathlib.Path(TOOL).resolve().parent}:{os.environ['PATH']}"}
        done = subprocess.run([fish, "--no-config", "-c", script], capture_output=True, text=True, env=environment)
        words = [line.split("\t")[0] for line in done.stdout.splitlines()]
        for word in ("auto", "always", "never", "--profile", "--profile-runs"):
            self.assertIn(word, words, done.stderr)

    def test_zsh(self):
        zsh = shutil.which("zsh")
        if zsh is None:
            self.skipTest("no zsh")
        self.assertEqual(subprocess.run([zsh, "-n", COMPLETION / "_delegate-check"], capture_output=True).returncode, 0)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], "-v"])

"""Random cases of families of models, each made of its family and seed alone, run in children since hosts abort.

A sweep's script calls main(); its children, which are the same script with --child, end up in the same call.
"""
# SPDX-License-Identifier: Apache-2.0
import os
import sys
import zlib

import numpy as np

import host_runtime as host

CASES = 220  # of each family


def generator_seed(family, seed):
    return [zlib.crc32(family.encode()), seed]


def differences(answers, expected):
    """Where outputs (by the name of who computed them) are not the host's, in words."""
    problems = []
    for name, outputs in answers.items():
        for i, (found, wanted) in enumerate(zip(outputs, expected, strict=True)):
            if found.shape != wanted.shape:
                problems.append(f"{name}, output {i}: shape {found.shape}, the host's {wanted.shape}")
            elif not np.array_equal(found, wanted):
                apart = np.abs(found.astype(np.int64) - wanted.astype(np.int64))
                problems.append(f"{name}, output {i}: {(apart > 0).sum()} of {apart.size} differ, by up to {apart.max()}")
    return problems


def main(script, families, check, describe, most_declined=0.0):
    """Runs `script LIBRARY SOURCE_DIR [FAMILY [SEED]]` and exits.

    check(family, seed, progress) returns what is wrong with a case, nothing if it is right, or ["declined"] if the
    plug-in left it alone and said why, which at most this share of the cases may end with; describe(family, seed)
    tells what the case is.
    """
    def answer(item, progress):
        family, seed = item.split()
        try:
            return check(family, int(seed), progress)
        except Exception as error:  # of the host or of ours: a finding, not the end of the test
            return [f"{type(error).__name__}: {error}"]

    if "--child" in sys.argv:
        host.serve(answer)
        return
    chosen = [sys.argv[3]] if len(sys.argv) > 3 else list(families)
    seeds = [int(sys.argv[4])] if len(sys.argv) > 4 else range(1, CASES + 1)
    print(f"{host.NAME}; seeds {seeds[0]} to {seeds[-1]}")
    items = [f"{family} {seed}" for family in chosen for seed in seeds]
    failed, declined = 0, 0
    for item, problems in host.run_children(script, [*sys.argv[1:3], "--child"], items, os.cpu_count()):
        declined += problems == ["declined"]
        if problems in ([], ["declined"]):
            continue
        failed += 1
        family, seed = item.split()
        print(f"{item}: {describe(family, int(seed))}\n    {problems if problems else 'the process died'}")
    print(f"{len(items) - failed - declined} of {len(items)} cases equal, {declined} declined: {', '.join(chosen)}")
    sys.exit(1 if failed or declined > most_declined * len(items) else 0)

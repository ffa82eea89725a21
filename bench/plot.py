#!/usr/bin/env python3
"""Draws what bench/compare.py --json wrote: for every model, how many times as fast as XNNPACK and OpenVINO the plug-in is.

    build/venv/bench/bin/python bench/plot.py COMPARE.json PICTURE.png
"""
# SPDX-License-Identifier: Apache-2.0
import argparse
import json
import pathlib

import matplotlib
matplotlib.use("Agg")
from matplotlib import pyplot

PEERS = {"xnnpack": ("XNNPACK", "#3465a4"), "openvino": ("OpenVINO", "#c17d11")}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("json", type=pathlib.Path)
    parser.add_argument("picture", type=pathlib.Path)
    arguments = parser.parse_args()
    results = json.loads(arguments.json.read_text())["models"]
    models = list(dict.fromkeys(result["model"] for result in results))
    counts = sorted({result["threads"] for result in results})
    figure, axes = pyplot.subplots(1, len(counts), sharey=True, squeeze=False, layout="constrained",
                                   figsize=(5 + 4 * len(counts), 1.5 + 0.45 * len(models)))
    height = 0.8 / len(PEERS)
    for axis, threads in zip(axes[0], counts):
        found = {result["model"]: result for result in results if result["threads"] == threads}
        for number, (peer, (name, colour)) in enumerate(PEERS.items()):
            ratios = [found.get(model, {}).get(f"{peer}_ratio") for model in models]
            bars = [(place, ratio) for place, ratio in enumerate(ratios) if ratio is not None]
            drawn = axis.barh([place + (number - 0.5) * height for place, _ in bars], [ratio for _, ratio in bars],
                              height, color=colour, label=f"{name} / plug-in")
            axis.bar_label(drawn, fmt="%.2f", padding=2, fontsize=8)
        axis.axvline(1, color="black", linewidth=1)
        axis.set_xlabel("ratio of median times; right of 1 the plug-in is faster")
        axis.set_title(f"{threads} thread{'s' if threads > 1 else ''}")
        axis.set_yticks(range(len(models)), models, fontsize=8)
        axis.margins(x=0.12)
        axis.spines[["top", "right"]].set_visible(False)
    axes[0][0].invert_yaxis()
    figure.legend(*axes[0][0].get_legend_handles_labels(), loc="outside upper center", ncols=len(PEERS), fontsize=8)
    figure.savefig(arguments.picture, dpi=110)


if __name__ == "__main__":
    main()

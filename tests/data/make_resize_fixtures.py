#!/usr/bin/env python3
# Makes resize_fixtures.json: what TensorFlow answers for resizing small pictures, by the three filters that models are
# trained with: tf.image.resize bilinear and area, and the bilinear of TensorFlow 1 (no half-pixel centres). Values are
# in thousandths, so that the comparison sees what rounding would hide. Run with tensorflow 2.16 and numpy installed.
# SPDX-License-Identifier: Apache-2.0
import json
import os

import tensorflow as tf


def pixels(seed, count):
    """The bytes that tests/camera/frame_resize_test.cc draws, too."""
    out = []
    for _ in range(count):
        seed = (seed * 1664525 + 1013904223) % 2**32
        out.append(seed >> 24)
    return out


def resize(image, kind, height, width):
    if kind == "legacy":
        return tf.raw_ops.ResizeBilinear(
            images=image, size=[height, width], align_corners=False, half_pixel_centers=False)
    return tf.image.resize(image, [height, width], method=kind)


SIZES = [(24, 17, 9, 7), (31, 40, 8, 8), (7, 5, 13, 11), (16, 16, 16, 16), (12, 18, 4, 6), (100, 3, 1, 2), (9, 64, 5, 5)]


def main():
    cases = []
    for seed, (height, width, out_height, out_width) in enumerate(SIZES, 1):
        source = tf.reshape(tf.constant(pixels(seed, height * width * 3), tf.float32), [1, height, width, 3])
        for kind in ("bilinear", "area", "legacy"):
            result = resize(source, kind, out_height, out_width).numpy().reshape(-1)
            cases.append({
                "seed": seed, "height": height, "width": width, "out_height": out_height, "out_width": out_width,
                "filter": kind, "thousandths": [int(round(float(value) * 1000)) for value in result]})
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "resize_fixtures.json")
    with open(path, "w", encoding="utf-8") as file:
        file.write("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]\n")


if __name__ == "__main__":
    main()

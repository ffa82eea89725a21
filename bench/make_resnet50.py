#!/usr/bin/env python3
"""Writes ResNet50 (224x224, random weights) as a fully INT8 .tflite file for bench/speed.sh, in the environment `larq`,
the one with TensorFlow:

    build/venv/larq/bin/python bench/make_resnet50.py FILE.tflite
"""
# SPDX-License-Identifier: Apache-2.0
import os
import pathlib
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# The converter of TensorFlow 2.16 is at home in Keras 2.
os.environ["TF_USE_LEGACY_KERAS"] = "1"
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402


def main():
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    tf.keras.utils.set_random_seed(0)
    network = tf.keras.applications.ResNet50(input_shape=(224, 224, 3), weights=None)
    generator = np.random.default_rng(0)

    def images():
        # What Keras' preprocessing leaves of pixels: 0 to 255 minus the mean of ImageNet.
        for _ in range(3):
            yield [generator.uniform(-120, 120, (1, 224, 224, 3)).astype(np.float32)]

    converter = tf.lite.TFLiteConverter.from_keras_model(network)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = images
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    pathlib.Path(sys.argv[1]).write_bytes(converter.convert())


if __name__ == "__main__":
    main()

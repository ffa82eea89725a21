#!/usr/bin/env python3
"""Trains the bundled digits model and exports it in every quantization that delegate-check explains.

A small CNN on scikit-learn's handwritten digits (8x8 grey pixels, 0..16). The files it writes beside itself
are committed; run it again only to change them:

    python3 -m venv build/venv/train
    build/venv/train/bin/pip install tensorflow-cpu==2.21.0 scikit-learn==1.9.1
    build/venv/train/bin/python examples/digits/train.py

Output: digits_{int8,uint8_io,float_io,float32,float16,dynamic}.tflite, test_images.npy (int8 [N,8,8,1],
quantized for digits_int8.tflite), test_labels.npy (int32 [N]).
"""
# SPDX-License-Identifier: Apache-2.0
import os
import pathlib

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
import numpy as np
import tensorflow as tf
from sklearn.datasets import load_digits

HERE = pathlib.Path(__file__).resolve().parent
TEST_DIGITS = 60  # "a few dozen": enough to see a wrong operator, small enough to commit
SEED = 1


def build():
    layers = tf.keras.layers
    return tf.keras.Sequential([
        layers.Input((8, 8, 1)),
        layers.Conv2D(16, 3, padding="same", activation="relu"),
        layers.DepthwiseConv2D(3, padding="same", activation="relu6"),
        layers.Conv2D(32, 1, activation="relu"),
        layers.MaxPooling2D(2),
        layers.Conv2D(32, 3, padding="same", activation="relu"),
        layers.AveragePooling2D(2),
        layers.Flatten(),
        layers.Dense(10, activation="softmax"),
    ])


def export(model, name, representative=None, io=None, float16=False, optimize=True):
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    if optimize:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if float16:
        converter.target_spec.supported_types = [tf.float16]
    if representative is not None:
        converter.representative_dataset = lambda: ([image[None]] for image in representative)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = io
    (HERE / f"{name}.tflite").write_bytes(converter.convert())
    print(name, (HERE / f"{name}.tflite").stat().st_size, "bytes")


def main():
    tf.keras.utils.set_random_seed(SEED)
    tf.config.experimental.enable_op_determinism()
    images, labels = load_digits(return_X_y=True)
    images = (images.reshape(-1, 8, 8, 1) / 16.0).astype(np.float32)
    order = np.random.default_rng(SEED).permutation(len(images))
    images, labels = images[order], labels[order]
    train_x, train_y = images[400:], labels[400:]
    test_x, test_y = images[:400], labels[:400]
    model = build()
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(train_x, train_y, epochs=40, batch_size=32, verbose=0)
    print("float accuracy on 400 held-out digits:", model.evaluate(test_x, test_y, verbose=0)[1])

    representative = train_x[:200]
    export(model, "digits_int8", representative, tf.int8)
    export(model, "digits_uint8_io", representative, tf.uint8)
    export(model, "digits_float_io", representative, tf.float32)
    export(model, "digits_float32", optimize=False)
    export(model, "digits_float16", float16=True)
    export(model, "digits_dynamic")

    interpreter = tf.lite.Interpreter(str(HERE / "digits_int8.tflite"))
    scale, zero_point = interpreter.get_input_details()[0]["quantization"]
    quantized = np.clip(np.round(test_x[:TEST_DIGITS] / scale) + zero_point, -128, 127).astype(np.int8)
    np.save(HERE / "test_images.npy", quantized)
    np.save(HERE / "test_labels.npy", test_y[:TEST_DIGITS].astype(np.int32))


if __name__ == "__main__":
    main()

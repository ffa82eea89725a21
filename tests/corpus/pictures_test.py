#!/usr/bin/env python3
"""Trained ImageNet networks on the corpus' pictures: the right label, and BUILTIN_REF's top five in its order.

    pictures_test.py LIBRARY SHARED_DIR          needs ai_edge_litert and PIL
"""
# SPDX-License-Identifier: Apache-2.0
import pathlib
import sys

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import corpus
import npu_capi

NETWORKS = [
    "real/google-coral+test_data/tf2_mobilenet_v2_1.0_224_ptq.tflite",
    "real/google-coral+test_data/mobilenet_v2_1.0_224_quant.tflite",
    "real/stitched/mobilenet_v1_1.0_224_quant_restitched.tflite",
]
# A word that the right ImageNet label contains.
PICTURES = {
    "parrot.jpg": ("macaw", "parrot", "lorikeet"),
    "cat.bmp": ("cat", "tabby", "tiger cat", "Egyptian"),
    "sunflower.bmp": ("daisy", "sunflower"),
    "hot_dog.jpg": ("hotdog",),
}
SIDE = 224


def main():
    root, _ = corpus.models(sys.argv[2])
    from PIL import Image
    from ai_edge_litert.interpreter import Interpreter, OpResolverType
    library = npu_capi.Library(sys.argv[1])
    data = root / "data" / "coral"
    labels = (data / "imagenet_labels.txt").read_text().splitlines()
    passed = failed = 0
    for network in NETWORKS:
        session = library.open(root / network).session()
        host = Interpreter(str(root / network), experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
        host.allocate_tensors()
        for picture, words in PICTURES.items():
            image = np.asarray(Image.open(data / picture).convert("RGB").resize((SIDE, SIDE), Image.BILINEAR), np.uint8)
            host.set_tensor(host.get_input_details()[0]["index"], image[None])
            host.invoke()
            expected = host.get_tensor(host.get_output_details()[0]["index"])[0]
            actual = session.run([image])[0][0]
            # Ties in the scores are broken by index, in both.
            top = np.argsort(-actual.astype(int), kind="stable")[:5]
            label = labels[top[0]]
            ok = np.array_equal(top, np.argsort(-expected.astype(int), kind="stable")[:5]) and any(w in label for w in words)
            passed, failed = passed + ok, failed + (not ok)
            print(f"{pathlib.Path(network).stem:42} {picture:14} {label[:40]:40} {'ok' if ok else 'WRONG'}; "
                  f"differs from BUILTIN_REF in {int((actual != expected).sum())} of {actual.size}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())

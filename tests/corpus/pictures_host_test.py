#!/usr/bin/env python3
"""TF1 uint8 networks (per-tensor weights with a zero point) on the corpus' pictures: LiteRT with its reference kernels
and the plug-in gives what those kernels alone give, in every byte of every output, and what follows from the outputs:
the top five labels, the boxes, the mask, the keypoints.

    pictures_host_test.py LIBRARY SHARED_DIR [SUBSTRING]          needs ai_edge_litert and PIL
"""
# SPDX-License-Identifier: Apache-2.0
import fnmatch
import os
import pathlib
import sys

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
for folder in ("support", "corpus", "host"):
    sys.path.insert(0, str(HERE.parent / folder))
import corpus
import host_runtime as host

LIBRARY, SHARED = sys.argv[1], sys.argv[2]
ROOT = pathlib.Path(SHARED) / "models"
CORAL = ROOT / "data" / "coral"
PHOTOS = ("parrot.jpg", "cat.bmp", "sunflower.bmp", "hot_dog.jpg", "grace_hopper.bmp")
IMAGENET_LABELS = "imagenet_labels.txt"
BOX_SCORE = 0.3  # boxes below it are noise
TRIMAP_ANIMAL, TRIMAP_BORDER = 0, 2  # labels of the corpus' mask of a dog; what is left is background
SECONDS = 300    # one network on one picture, in the reference kernels


def classified(outputs, picture, path):
    """The top five, ties by index."""
    scores = outputs[0].reshape(-1).astype(np.int64)
    top = np.argsort(-scores, kind="stable")[:5]
    labels = (CORAL / IMAGENET_LABELS).read_text().splitlines() if scores.size == 1001 else []
    return [int(i) for i in top], "top 5: " + ", ".join(labels[i].split(",")[0] if labels else str(i) for i in top)


def segmented(outputs, picture, path):
    """The mask, and how much of it agrees with the corpus' own mask of that picture."""
    from PIL import Image
    mask = outputs[0].reshape(outputs[0].shape[-2:])
    text = "classes " + ", ".join(str(c) for c in np.unique(mask))
    truth_path = CORAL / picture.replace("_256.bmp", "_mask_256.bmp")
    if truth_path.name != picture and truth_path.exists():
        truth = np.asarray(Image.open(truth_path))
        shown = np.asarray(Image.fromarray(mask.astype(np.uint8)).resize(truth.shape[::-1], Image.NEAREST))
        judged = truth != TRIMAP_BORDER
        agreement = float(((shown != 0) == (truth == TRIMAP_ANIMAL))[judged].mean())
        text += f"; agrees with the picture's own mask in {100 * agreement:.1f} % of pixels"
    return mask.tolist(), text


def posed(outputs, picture, path):
    """17 keypoints: where each heat map is largest, moved by its offsets (pixels)."""
    heat, offsets = outputs[0][0].astype(np.int64), outputs[1][0].astype(np.int64)
    points = []
    for k in range(heat.shape[-1]):
        y, x = np.unravel_index(int(heat[..., k].argmax()), heat.shape[:2])
        points.append([int(y), int(x), int(offsets[y, x, k]), int(offsets[y, x, k + heat.shape[-1]])])
    return points, f"{len(points)} keypoints, nose in cell {points[0][:2]}"


def detected(outputs, picture, path):
    """Boxes [ymin, xmin, ymax, xmax], classes and scores."""
    boxes, classes, scores = outputs[0][0], outputs[1][0], outputs[2][0]
    kept = scores >= BOX_SCORE
    text = f"{int(kept.sum())} boxes of score {BOX_SCORE} or more"
    if scores.size:
        text += f", best: class {int(classes[0])} score {scores[0]:.2f} at {np.round(boxes[0], 2).tolist()}"
    return [boxes[kept].tolist(), classes[kept].tolist(), scores[kept].tolist()], text


# Network, what its outputs mean, pictures ("": the corpus' own random input, for what takes no picture).
CASES = [
    ("real/google-coral+test_data/mobilenet_v1_*_quant.tflite", classified, PHOTOS),
    ("real/stitched/mobilenet_v1_1.0_224_quant_restitched.tflite", classified, PHOTOS),
    ("real/google-coral+test_data/mobilenet_v2_1.0_224_quant.tflite", classified, PHOTOS),
    ("real/google-coral+test_data/mobilenet_v2_1.0_224_*_quant.tflite", classified, PHOTOS),
    ("real/google-coral+test_data/deeplabv3_mnv2_dm05_pascal_quant.tflite", segmented,
     ("dog_segmentation_256.bmp", "cityscapes_segmentation.bmp", "cat.bmp")),
    ("real/google-coral+project-posenet/*posenet_mobilenet_v1_075_353_481_quant.tflite", posed,
     ("test_image.bmp", "grace_hopper.bmp")),
    ("real/google-coral+test_data/automl_video_ondevice/traffic_model.tflite", detected,
     ("kite_and_cold.jpg", "cityscapes_segmentation.bmp", "cat.bmp")),
    ("real/google-coral+edgetpu/test_data/tools/ssd_mobilenet_v1_coco_quant_postprocess_head_layers.tflite", detected, ("",)),
]


def inputs_of(path, interpreter, picture):
    details = interpreter.get_input_details()
    if not picture:
        golden = np.load(path.with_name(path.name[:-len(".tflite")] + ".ref.npz"))
        return [golden[f"in_{i}"] for i in range(len(details))]
    from PIL import Image
    _, height, width, _ = details[0]["shape"]
    image = Image.open(CORAL / picture).convert("RGB").resize((int(width), int(height)), Image.BILINEAR)
    # A recurrent network's other inputs are its state, of which it starts with none: the real number 0.
    return [np.asarray(image, np.uint8)[None]] + [
        np.full(d["shape"], d["quantization"][1], d["dtype"]) for d in details[1:]]


def answer(request, progress):
    case, name, picture = request.split("|")
    meaning, path = CASES[int(case)][1], ROOT / name
    alone = host.reference_interpreter(path)
    alone.allocate_tensors()
    inputs = inputs_of(path, alone, picture)
    expected = host.run(alone, inputs)
    progress("the host alone ran")
    ours = host.reference_interpreter(path, [host.tfl.load_delegate(LIBRARY, {})])
    ours.allocate_tensors()
    partitions = len(host.delegate_nodes(ours))
    found = host.run(ours, inputs)
    problems = [] if partitions else ["nothing is delegated"]
    for i, (a, b) in enumerate(zip(found, expected)):
        if a.shape != b.shape or a.tobytes() != b.tobytes():
            same = float((a == b).mean()) if a.shape == b.shape else 0.0
            problems.append(f"output {i}: {100 * same:.3f} % of elements equal")
    result, text = meaning(found, picture, path)
    if result != meaning(expected, picture, path)[0]:
        problems.append(f"the host alone finds: {meaning(expected, picture, path)[1]}")
    return [problems, f"{partitions} partition{'s' if partitions != 1 else ''}; {text}"]


def main():
    if sys.argv[-1] == "--child":
        host.serve(answer)
        return 0
    root, rows = corpus.models(SHARED)
    wanted = sys.argv[3] if len(sys.argv) > 3 else ""
    items = []
    for i, (pattern, _, pictures) in enumerate(CASES):
        names = [row["path"] for row in rows if fnmatch.fnmatch(row["path"], pattern) and wanted in row["path"]]
        items += [f"{i}|{name}|{picture}" for name in names for picture in pictures]
    failed = 0
    answers = host.run_children(__file__, sys.argv[1:3] + ["--child"], items, os.cpu_count() or 1, SECONDS)
    for item, result in sorted(answers, key=lambda pair: pair[0]):
        _, name, picture = item.split("|")
        problems, text = result if isinstance(result, list) else ([f"the process died or hung after: {result}"], "")
        failed += bool(problems)
        print(f"{pathlib.Path(name).stem:58} {picture or 'random input':28} {'DIFFERS' if problems else 'equal':8} {text}")
        for problem in problems:
            print(f"    {problem}")
    print(f"{len(items) - failed} passed, {failed} failed")
    return 1 if failed or not items else 0


if __name__ == "__main__":
    sys.exit(main())

"""camera-run from outside: python3 camera_run_test.py CAMERA_RUN DIGITS_FOLDER. Needs nothing but the standard library."""
# SPDX-License-Identifier: Apache-2.0
import json
import os
import subprocess
import sys
import tempfile

CAMERA_RUN, DIGITS = sys.argv[1:3]
MODEL = os.path.join(DIGITS, "digits_int8.tflite")
FRAMES = 40
failures = []


def check(condition, what):
    if not condition:
        failures.append(what)
        print("FAILED:", what)


def run(*arguments, **more):
    return subprocess.run([CAMERA_RUN, "--opencl-device", "reference", *arguments], capture_output=True, timeout=120, **more)


def y4m(frames, width=32, height=24):
    out = b"YUV4MPEG2 W%d H%d F10:1 C420jpeg\n" % (width, height)
    chroma = bytes([128]) * (width // 2 * (height // 2))
    for i in range(frames):
        luma = bytes((x * 7 + y * i * 5) % 256 for y in range(height) for x in range(width))
        out += b"FRAME\n" + luma + chroma + chroma
    return out


def main(folder):
    video = os.path.join(folder, "a.y4m")
    with open(video, "wb") as file:
        file.write(y4m(FRAMES))
    drawn = os.path.join(folder, "drawn.y4m")

    # Files never lose a frame, results come in order.
    done = run("-m", MODEL, "-i", video, "--format", "json", "--draw", drawn)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    check(done.returncode == 0, f"exit code {done.returncode}: {done.stderr}")
    check([line["frame"] for line in lines] == list(range(FRAMES)), "every frame, in order")
    check(all(line["state"] == "done" and line["head"] == "classification" for line in lines), "all are done")
    check(len({line["classes"][0]["index"] for line in lines}) > 1, "the pictures matter")
    size = os.path.getsize(drawn)
    check(size > FRAMES * 32 * 24 * 3, f"--draw wrote {size} bytes")

    # The same pixels come to the same result, whatever they come in and however many wait.
    again = run("-m", MODEL, "-i", "-", "--format", "json", "-q", input=y4m(FRAMES))
    check([json.loads(line)["classes"] for line in again.stdout.splitlines()] == [line["classes"] for line in lines], "from stdin")
    check(again.stderr == b"", f"-q says {again.stderr}")
    raw = os.path.join(folder, "raw")
    with open(raw, "wb") as file:
        file.write(b"".join(part[6:] if part.startswith(b"FRAME\n") else b"" for part in split(y4m(FRAMES))))
    again = run("-m", MODEL, "-i", raw, "--fourcc", "YU12", "--size", "32x24", "--format", "json")
    check([json.loads(line)["classes"] for line in again.stdout.splitlines()] == [line["classes"] for line in lines], "as raw video")

    # A folder of pictures, drawn from the video, and drawn again.
    pictures = os.path.join(folder, "pictures")
    check(run("-m", MODEL, "-i", video, "--frames", "3", "--draw", pictures).returncode == 0, "--draw FOLDER")
    check(sorted(os.listdir(pictures)) == ["000000.png", "000001.png", "000002.png"], "three pictures")
    text = run("-m", MODEL, "-i", pictures)
    check(text.returncode == 0 and text.stdout.startswith(b"0 000000.png: "), f"pictures: {text}")
    check(run("-m", MODEL, "-i", pictures, "--draw", pictures).returncode == 3, "--draw over --input")

    # What is wrong has an exit code and says what; what was done before it stays.
    cut = os.path.join(folder, "cut.y4m")
    with open(cut, "wb") as file:
        file.write(y4m(5)[:-10])
    done = run("-m", MODEL, "-i", cut)
    check(done.returncode == 5 and done.stdout.count(b"\n") == 4 and b"ends inside frame 4" in done.stderr, f"cut: {done}")
    for code, text, arguments in [
        (3, b"--model", ["-i", video]),
        (3, b"--input or --device", ["-m", MODEL]),
        (3, b"excludes", ["-m", MODEL, "-i", video, "--device", "/dev/video0"]),
        (3, b"is no size", ["-m", MODEL, "-i", raw, "--fourcc", "NV12", "--size", "32"]),
        (3, b"not of that kind", ["-m", MODEL, "-i", video, "--head", "posenet"]),
        (2, b"cannot open", ["-m", os.path.join(folder, "none.tflite"), "-i", video]),
        (5, b"cannot be opened", ["-m", MODEL, "-i", os.path.join(folder, "none")]),
        (5, b"cannot be opened", ["-m", MODEL, "--device", os.path.join(folder, "video7")]),
        (6, b"", ["-m", MODEL, "-i", video, "--draw", os.path.join(folder, "none", "a.y4m")]),
        (5, b"cannot be opened", ["-m", MODEL, "-i", video, "--labels", os.path.join(folder, "none")]),
    ]:
        done = run(*arguments)
        check(done.returncode == code and text in done.stderr, f"{arguments}: {done.returncode} {done.stderr}, expected {code} {text}")
    check(run("--help").returncode == 0, "--help")
    with open("/dev/full", "wb") as full:
        done = subprocess.run([CAMERA_RUN, "--opencl-device", "reference", "-m", MODEL, "-i", video], stdout=full,
                              stderr=subprocess.PIPE, timeout=120)
    check(done.returncode == 6 and b"stdout" in done.stderr, f"a full disk: {done}")


def split(video):
    """The header and the frames of a y4m file."""
    parts = video.split(b"\n", 1)
    frame = 6 + 32 * 24 * 3 // 2
    return [parts[0]] + [parts[1][i:i + frame] for i in range(0, len(parts[1]), frame)]


with tempfile.TemporaryDirectory() as temporary:
    main(temporary)
sys.exit(1 if failures else 0)

// SPDX-License-Identifier: Apache-2.0
#include "tools/camera-run/arguments.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <map>

#include "tools/camera-run/pixel_format.h"

namespace camera_run {
namespace {

constexpr char kFooter[] =
    "Examples:\n"
    "  camera-run -m mobilenet.tflite --labels imagenet.txt --device /dev/video0\n"
    "  camera-run -m ssd.tflite --labels coco.txt --input street.y4m --draw boxes.y4m\n"
    "  camera-run -m deeplab.tflite --input pictures/ --draw masks/ --format json\n"
    "  ffmpeg -i film.mp4 -pix_fmt yuv420p -f yuv4mpegpipe - | camera-run -m net.tflite --input -\n"
    "  camera-run -m net.tflite --input frames.nv12 --fourcc NV12 --size 1920x1080\n\n"
    "Results go to stdout, one line for each frame; everything else to stderr. Ctrl-C ends after the frames that are\n"
    "under way. Exit codes: 0 all frames done (a camera may have dropped some); 1 the model failed on a frame; 2 model\n"
    "unreadable or not runnable; 3 usage; 4 OpenCL device error; 5 frames cannot be read; 6 results cannot be written.";

// "1920x1080"
bool ReadSize(const std::string& text, SourceOptions& options) {
  unsigned width = 0, height = 0;
  char rest = 0;
  if (std::sscanf(text.c_str(), "%6ux%6u%c", &width, &height, &rest) != 2) return false;
  if (width == 0 || height == 0 || width > kMaxSide || height > kMaxSide) return false;
  options.width = width;
  options.height = height;
  return true;
}

template <typename Enum>
void AddChoice(CLI::App& app, const char* name, uint8_t& to, const std::map<std::string, Enum>& choices, const char* help) {
  std::vector<std::string> names;
  for (const auto& choice : choices) names.push_back(choice.first);
  app.add_option_function<std::string>(name, [&to, choices](const std::string& text) { to = static_cast<uint8_t>(choices.at(text)); },
                                       help)
      ->check(CLI::IsMember(names));
}

}  // namespace

std::optional<ExitCode> ParseCommandLine(int argc, char** argv, Arguments& arguments) {
  CLI::App app{"camera-run: shows a model what a camera, a video or pictures show, and says what it sees."};
  app.add_option("-m,--model", arguments.model, "the .tflite file");
  auto* input = app.add_option("-i,--input", arguments.source.input, "y4m file, PNG, JPEG, a folder of them, raw video with --fourcc; -: y4m from stdin");
  app.add_option("--device", arguments.source.device, "V4L2 camera: /dev/video0")->excludes(input);
  app.add_flag("--list-cameras", arguments.list_cameras, "list the cameras with their formats and exit");
  app.add_option("--fourcc", arguments.source.fourcc, "pixel format of raw video, or wanted of the camera (or MJPEG): " + FormatNames());
  app.add_option_function<std::string>(
         "--size", [&](const std::string& text) { if (!ReadSize(text, arguments.source)) throw CLI::ValidationError("--size", text + " is no size like 1920x1080"); },
         "WIDTHxHEIGHT of raw video, or wanted of the camera");
  app.add_option("--fps", arguments.source.fps, "frames per second: wanted of the camera, or of what --draw writes")->check(CLI::Range(0.001, 1000.0));
  app.add_option("--timeout", arguments.source.timeout, "seconds without a frame after which a camera has failed")->check(CLI::Range(0.1, 86400.0))->capture_default_str();
  app.add_option("--frames", arguments.frames, "stop after this many frames");
  app.add_option("--labels", arguments.labels, "text file, line k names class k");
  app.add_option("--head", arguments.head, "what the outputs mean; auto: by their shapes")->check(CLI::IsMember(HeadNames()))->capture_default_str();
  app.add_option("--top", arguments.meaning.top, "most classes, boxes or poses of a frame")->check(CLI::Range(1, 1000))->capture_default_str();
  app.add_option("--threshold", arguments.meaning.threshold, "least score of boxes, poses and keypoints")->check(CLI::Range(0.0, 1.0))->capture_default_str();
  app.add_option("--draw", arguments.draw, "paint the results into the frames: FILE.y4m, or a folder of PNG");
  app.add_option("--format", arguments.format, "of the results: text, or json (an object a line)")->check(CLI::IsMember({"text", "json"}))->capture_default_str();
  AddChoice<npu_fit_mode>(app, "--fit", arguments.fit.mode, {{"stretch", NPU_FIT_STRETCH}, {"letterbox", NPU_FIT_LETTERBOX}, {"crop", NPU_FIT_CENTRE_CROP}},
                          "how the frame becomes the input: stretch (default), letterbox, crop (its middle)");
  AddChoice<npu_filter>(app, "--filter", arguments.fit.filter,
                        {{"auto", NPU_FILTER_AUTO}, {"bilinear", NPU_FILTER_BILINEAR}, {"bilinear-legacy", NPU_FILTER_BILINEAR_LEGACY}, {"area", NPU_FILTER_AREA}, {"nearest", NPU_FILTER_NEAREST}},
                        "of resizing: auto (area where it shrinks more than twice), bilinear, bilinear-legacy, area, nearest");
  app.add_flag_callback("--bgr", [&] { arguments.fit.channel_order = NPU_CHANNELS_BGR; }, "the model wants blue first");
  std::vector<float> mean, std;
  app.add_option("--mean", mean, "of R G B in bytes, for inputs whose range is not the picture's")->expected(3);
  app.add_option("--std", std, "likewise: real = (byte - mean) / std")->expected(3);
  app.add_option("--opencl-device", arguments.device, "auto, number, name part, reference")->capture_default_str();
  app.add_option("--threads", arguments.threads, "most CPU threads (0: all cores)")->check(CLI::Range(0, 1024))->capture_default_str();
  app.add_option("--cache-dir", arguments.cache_dir, "keep compiled programs in this directory");
  app.add_flag("-q,--quiet", arguments.quiet, "no status line and no summary on stderr");
  app.set_version_flag("--version", std::string("camera-run ") + npu_version());
  app.footer(kFooter);
  try {
    app.parse(argc, argv);
    if (mean.size() != std.size()) throw CLI::ValidationError("--mean and --std belong together");
    if (!arguments.list_cameras) {
      if (arguments.model.empty()) throw CLI::RequiredError("--model");
      if (arguments.source.input.empty() && arguments.source.device.empty()) throw CLI::RequiredError("--input or --device");
    }
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kOk : kUsageError;
  }
  arguments.fit.struct_size = sizeof arguments.fit;
  if (!mean.empty()) {
    arguments.fit.norm = NPU_NORM_MEAN_STD;
    std::copy(mean.begin(), mean.end(), arguments.fit.mean);
    std::copy(std.begin(), std.end(), arguments.fit.std);
  }
  return std::nullopt;
}

}  // namespace camera_run

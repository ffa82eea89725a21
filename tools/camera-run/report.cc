// SPDX-License-Identifier: Apache-2.0
#include "tools/camera-run/report.h"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/showable.h"

namespace camera_run {
namespace {

using Json = nlohmann::ordered_json;

// To a tenth of a pixel, and a score to a thousandth: what is behind that is noise.
double Pixel(double value) { return std::round(value * 10) / 10; }
double Part(double value) { return std::round(value * 1000) / 1000; }

const char* StateName(npu_job_state state) {
  switch (state) {
    case NPU_JOB_DONE: return "done";
    case NPU_JOB_DROPPED: return "dropped";
    case NPU_JOB_FAILED: return "failed";
  }
  return "unknown";
}

Json Points(const std::vector<Keypoint>& points) {
  Json list = Json::array();
  for (const Keypoint& point : points) list.push_back({Pixel(point.x), Pixel(point.y), Part(point.score)});
  return list;
}

}  // namespace

std::string TextLine(const FrameReport& report, const Labels& labels) {
  const std::string line = fmt::format("{}{}{}:", report.number, report.name.empty() ? "" : " ", npu::Showable(report.name));
  if (report.state != NPU_JOB_DONE) return fmt::format("{} {}: {}\n", line, StateName(report.state), report.text);
  const Meaning& meaning = report.meaning;
  std::string found;
  const auto add = [&](const std::string& text) { found += fmt::format("{}{}", found.empty() ? " " : ", ", text); };
  for (const Score& score : meaning.classes) add(fmt::format("{} {:.1f}%", npu::Showable(labels.Name(score.index)), 100 * score.score));
  for (const Detection& box : meaning.detections) {
    add(fmt::format("{} {:.1f}% at {:.0f},{:.0f} to {:.0f},{:.0f}", box.index < 0 ? report.head->name() : npu::Showable(labels.Name(box.index)),
                    100 * box.score, box.x0, box.y0, box.x1, box.y1));
  }
  for (const Pose& pose : meaning.poses) {
    int seen = 0;
    for (const Keypoint& point : pose.keypoints) seen += point.score >= 0.5;
    add(fmt::format("pose {:.1f}% with {} of {} keypoints", 100 * pose.score, seen, pose.keypoints.size()));
  }
  return fmt::format("{}{}\n", line, found.empty() ? " nothing found" : found);
}

std::string JsonLine(const FrameReport& report, const Labels& labels) {
  Json line{{"frame", report.number}};
  if (!report.name.empty()) line["name"] = report.name;
  line["state"] = StateName(report.state);
  if (report.state != NPU_JOB_DONE) {
    line["reason"] = report.text;
  } else {
    line["latency_ms"] = Part(report.latency_ms);
    line["head"] = report.head->name();
    const Meaning& meaning = report.meaning;
    if (!meaning.classes.empty()) line["classes"] = Json::array();
    for (const Score& score : meaning.classes) {
      line["classes"].push_back({{"index", score.index}, {"label", labels.Name(score.index)}, {"score", Part(score.score)}});
    }
    if (!meaning.detections.empty()) line["detections"] = Json::array();
    for (const Detection& box : meaning.detections) {
      Json entry{{"box", {Pixel(box.x0), Pixel(box.y0), Pixel(box.x1), Pixel(box.y1)}}, {"score", Part(box.score)}};
      if (box.index >= 0) {
        entry["index"] = box.index;
        entry["label"] = labels.Name(box.index);
      }
      if (!box.keypoints.empty()) entry["keypoints"] = Points(box.keypoints);
      line["detections"].push_back(std::move(entry));
    }
    if (!meaning.poses.empty()) line["poses"] = Json::array();
    for (const Pose& pose : meaning.poses) {
      line["poses"].push_back({{"score", Part(pose.score)}, {"keypoints", Points(pose.keypoints)}});
    }
  }
  return line.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace camera_run

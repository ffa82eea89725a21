// SPDX-License-Identifier: Apache-2.0
#include "tools/delegate-check/accuracy.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>

#include "tools/delegate-check/inputs.h"
#include "tools/delegate-check/run.h"
#include "tools/delegate-check/samples.h"

namespace delegate_check {
namespace {

using Json = nlohmann::ordered_json;

// "180 of 400 samples" on a terminal, once somebody has waited for a second; gone at the end.
class Progress {
 public:
  explicit Progress(size_t count) : count_(count), shown_(::isatty(STDERR_FILENO) != 0) {}
  ~Progress() {
    if (drawn_) std::fputs("\r\033[K", stderr);
  }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void Done(size_t samples) {
    const Clock::time_point now = Clock::now();
    if (!shown_ || now - start_ < kWait || now - last_ < kEvery) return;
    constexpr size_t kCells = 40;
    const size_t full = kCells * samples / count_;
    fmt::print(stderr, "\r[{}{}] {} of {} samples", std::string(full, '#'), std::string(kCells - full, '.'),
               samples, count_);
    std::fflush(stderr);
    last_ = now;
    drawn_ = true;
  }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::milliseconds kWait{1000}, kEvery{100};
  const size_t count_;
  const bool shown_;
  const Clock::time_point start_ = Clock::now();
  Clock::time_point last_{};
  bool drawn_ = false;
};

// How many classes come before `label`: 0 is top-1. Of equals the first does, as in numpy.argmax.
size_t Rank(const std::vector<double>& scores, size_t label) {
  size_t rank = 0;
  for (size_t i = 0; i < scores.size(); ++i) {
    if (scores[i] > scores[label] || (scores[i] == scores[label] && i < label)) ++rank;
  }
  return rank;
}

size_t Best(const std::vector<double>& scores) {
  return static_cast<size_t>(std::max_element(scores.begin(), scores.end()) - scores.begin());
}

struct Hits {
  size_t top1 = 0, top5 = 0;
  void Count(const std::vector<double>& scores, size_t label) {
    const size_t rank = Rank(scores, label);
    if (rank < 1) ++top1;
    if (rank < 5) ++top5;
  }
};

Json HitsJson(size_t correct, size_t samples, bool known) {
  if (!known) return nullptr;
  return {{"correct", correct}, {"share", static_cast<double>(correct) / static_cast<double>(samples)}};
}

[[noreturn]] void Refuse(ExitCode code, const std::string& text) {
  throw Failure(code, "NPU_INVALID_ARGUMENT", "--accuracy: " + text);
}

std::string Percent(const Json& hits, int64_t samples) {
  return fmt::format("{:.2f} % ({} of {})", 100 * hits["share"].get<double>(), hits["correct"].get<int64_t>(),
                     samples);
}

}  // namespace

Json Accuracy(const npu_model* model, const npu_plan* plan, const Arguments& arguments) {
  const SessionPtr device = MakeSession(plan);
  const PlanPtr reference_plan = MakeReferencePlan(model, arguments);
  const SessionPtr reference = MakeSession(reference_plan.get());
  const size_t inputs = npu_session_input_count(device.get()),
               outputs = npu_session_output_count(device.get());
  if (inputs != 1 || outputs != 1) {
    Refuse(kModelError, fmt::format("the model has {} inputs and {} outputs; a classifier has one of each",
                                    inputs, outputs));
  }
  const npu_tensor_info output = OutputInfo(device.get(), 0);
  const Samples samples = ReadSamples(arguments.accuracy, InputInfo(device.get(), 0));
  const size_t count = samples.inputs.size(), classes = Values(output, Bytes(output.bytes)).size();
  if (count == 0 || classes == 0)
    Refuse(kUsageError, fmt::format("{}: there is no sample", arguments.accuracy));
  for (size_t i = 0; i < samples.labels.size(); ++i) {
    if (samples.labels[i] >= 0 && static_cast<size_t>(samples.labels[i]) < classes) continue;
    Refuse(kUsageError, fmt::format("{}: the label of sample {} is {}; output \"{}\" has classes 0 to {}",
                                    arguments.accuracy, i, samples.labels[i], output.name, classes - 1));
  }
  Hits hits, reference_hits;
  size_t same_top1 = 0, same_bytes = 0;
  {
    Progress progress(count);
    for (size_t i = 0; i < count; ++i) {
      // Samples know nothing of each other.
      Check(npu_session_reset(device.get()));
      Check(npu_session_reset(reference.get()));
      const Bytes actual = Invoke(device.get(), {samples.inputs[i]}).front();
      const Bytes expected = Invoke(reference.get(), {samples.inputs[i]}).front();
      const std::vector<double> scores = Values(output, actual), reference_scores = Values(output, expected);
      if (actual == expected) ++same_bytes;
      if (Best(scores) == Best(reference_scores)) ++same_top1;
      if (!samples.labels.empty()) {
        hits.Count(scores, static_cast<size_t>(samples.labels[i]));
        reference_hits.Count(reference_scores, static_cast<size_t>(samples.labels[i]));
      }
      progress.Done(i + 1);
    }
  }
  const bool labelled = !samples.labels.empty(), five = labelled && classes > 5;
  return {{"device", npu_session_device(device.get())},
          {"source", arguments.accuracy},
          {"samples", count},
          {"classes", classes},
          {"data", samples.conversion},
          {"top1", HitsJson(hits.top1, count, labelled)},
          {"top5", HitsJson(hits.top5, count, five)},
          {"reference",
           {{"top1", HitsJson(reference_hits.top1, count, labelled)},
            {"top5", HitsJson(reference_hits.top5, count, five)},
            {"same_top1", same_top1},
            {"same_bytes", same_bytes}}}};
}

std::string AccuracyText(const Json& accuracy, const Style& style) {
  const int64_t samples = accuracy["samples"];
  const Json& reference = accuracy["reference"];
  std::string text =
      fmt::format("\nAccuracy on {}: {} of {} classes\n", accuracy["device"].get<std::string>(),
                  Count(samples, "sample"), accuracy["classes"].get<int64_t>());
  text += Wrap(fmt::format("data: {}", accuracy["data"].get<std::string>()), 4, style, "  ");
  if (accuracy["top1"].is_null()) text += "  no labels: agreement alone\n";
  for (const auto& [key, name] : {std::pair("top1", "top-1"), std::pair("top5", "top-5")}) {
    if (accuracy[key].is_null()) continue;
    text += fmt::format("  {}: {}; CPU reference: {}\n", name, Percent(accuracy[key], samples),
                        Percent(reference[key], samples));
  }
  text += fmt::format("  agreement with the CPU reference: top-1 {} of {}, every byte {} of {}\n",
                      reference["same_top1"].get<int64_t>(), samples, reference["same_bytes"].get<int64_t>(),
                      samples);
  return text;
}

}  // namespace delegate_check

// SPDX-License-Identifier: Apache-2.0
#include "tools/camera-run/run.h"

#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <deque>
#include <exception>
#include <filesystem>
#include <mutex>
#include <thread>

#include "tools/camera-run/draw.h"
#include "tools/camera-run/picture_writer.h"
#include "tools/camera-run/report.h"
#include "tools/camera-run/session.h"

namespace camera_run {
namespace {

using Clock = std::chrono::steady_clock;

std::atomic<bool> stop_requested = false;

constexpr int64_t kLookNs = 50'000'000;                  // how long the last result may be behind the last frame's end
constexpr std::chrono::milliseconds kStatusEvery{250};

// What is kept of a frame until its result is there.
struct Pending {
  uint64_t number = 0;
  std::string name;
  Canvas canvas;
};

class Runner {
 public:
  explicit Runner(const Arguments& arguments)
      : arguments_(arguments), model_(LoadModel(arguments)), labels_(arguments.labels.empty() ? Labels() : Labels(arguments.labels)) {
    HeadOptions options = arguments.meaning;
    options.input_width = model_.width();
    options.input_height = model_.height();
    head_ = MakeHead(arguments.head, model_.outputs, options);
    SourceOptions source = arguments.source;
    source.grey = model_.channels() == 1;
    source_ = OpenSource(source);
    if (arguments.draw.empty()) return;
    std::error_code error;
    if (std::filesystem::equivalent(arguments.draw, arguments.source.input, error)) {
      throw Failure(kUsageError, "--draw would write over --input");
    }
    writer_ = OpenWriter(arguments.draw, arguments.source.fps > 0 ? arguments.source.fps : source_->frames_per_second());
  }

  ExitCode Run() {
    // A camera keeps two buffers to write into; one is computed, the others wait.
    const size_t depth = static_cast<size_t>(std::max(1, source_->buffer_count() - 2));
    Check(npu_session_pipeline_start(model_.session.get(), depth));
    std::thread consumer([this] { Consume(); });
    std::exception_ptr failure;
    try {
      Produce();
    } catch (...) {
      failure = std::current_exception();
    }
    produced_all_ = true;
    consumer.join();
    if (writer_ != nullptr && !consumer_failure_) writer_->Close();
    const npu_pipeline_stats stats = Stats();
    Check(npu_session_pipeline_stop(model_.session.get()));
    if (!arguments_.quiet) Summary(stats);
    if (consumer_failure_) std::rethrow_exception(consumer_failure_);
    if (failure) std::rethrow_exception(failure);
    return stats.failed > 0 ? kFrameFailed : kOk;
  }

 private:
  void Produce() {
    for (uint64_t id = 0; !stop_requested && !consumer_stopped_ && (arguments_.frames == 0 || id < arguments_.frames); ++id) {
      std::optional<SourceFrame> frame = source_->Next();
      if (!frame) return;
      Pending pending{frame->number, frame->name, {}};
      if (writer_ != nullptr) pending.canvas = ToCanvas(*frame);
      {
        const std::lock_guard lock(mutex_);
        pending_.push_back(std::move(pending));
      }
      Submit(id, *frame);
    }
  }

  void Submit(uint64_t id, const SourceFrame& source) {
    npu_frame frame = source.frame;
    frame.id = static_cast<uint64_t>(source.buffer);
    frame.user = source_.get();
    frame.release = [](void* user, uint64_t buffer) { static_cast<Source*>(user)->Return(static_cast<int>(buffer)); };
    npu_job job{};
    job.struct_size = sizeof job;
    job.id = id;
    job.input = model_.input;
    job.frame = &frame;
    job.fit = &arguments_.fit;
    job.policy = source_->live() ? NPU_POLICY_DROP_OLDEST : NPU_POLICY_BLOCK;
    const npu_status status = npu_session_submit(model_.session.get(), &job);
    if (status == NPU_OK) {
      ++submitted_;
      return;
    }
    const std::lock_guard lock(mutex_);
    pending_.pop_back();
    source_->Return(source.buffer);
    throw Failure(kInputError, fmt::format("frame {}: {}", source.number, npu_last_error()));
  }

  void Consume() {
    try {
      uint64_t fetched = 0;
      for (;;) {
        const bool last = produced_all_;
        if (last && fetched == submitted_) return;
        npu_result result{};
        result.struct_size = sizeof result;
        const npu_status status = npu_session_wait(model_.session.get(), kLookNs, &result);
        if (status == NPU_TIMEOUT) continue;
        Check(status);
        ++fetched;
        Take(result);
      }
    } catch (...) {
      consumer_failure_ = std::current_exception();
      consumer_stopped_ = true;
      Drain();
    }
  }

  // The producer may be waiting for room: results go on being fetched, for nobody.
  void Drain() {
    npu_result result{};
    result.struct_size = sizeof result;
    while (!produced_all_) npu_session_wait(model_.session.get(), kLookNs, &result);
  }

  void Take(const npu_result& result) {
    Pending pending;
    {
      const std::lock_guard lock(mutex_);
      pending = std::move(pending_.front());
      pending_.pop_front();
    }
    FrameReport report{pending.number, pending.name, result.state, result.text, 0, head_.get(), {}};
    if (result.state == NPU_JOB_DONE) {
      report.latency_ms = static_cast<double>(result.finished_ns - result.submitted_ns) / 1e6;
      for (size_t i = 0; i < model_.outputs.size(); ++i) {
        Tensor& output = model_.outputs[i];
        const auto* bytes = static_cast<const std::byte*>(result.outputs[i]);
        output.data.assign(bytes, bytes + output.info.bytes);
      }
      report.meaning = ToFrame(head_->Read(model_.outputs), result.map);
      if (writer_ != nullptr) {
        Draw(pending.canvas, report.meaning, head_->bones(), labels_, result.map, model_.width(), model_.height(),
             arguments_.meaning.threshold);
        writer_->Write(pending.canvas, pending.number, pending.name);
      }
    }
    const std::string line = arguments_.format == "json" ? JsonLine(report, labels_) : TextLine(report, labels_);
    if (std::fwrite(line.data(), 1, line.size(), stdout) != line.size() || std::fflush(stdout) != 0) {
      throw Failure(kOutputError, fmt::format("stdout: {}", std::strerror(errno)));
    }
    Status();
  }

  npu_pipeline_stats Stats() const {
    npu_pipeline_stats stats{};
    stats.struct_size = sizeof stats;
    Check(npu_session_pipeline_stats(model_.session.get(), &stats));
    return stats;
  }

  static std::string Figures(const npu_pipeline_stats& stats) {
    return fmt::format("{} frames, {:.1f} fps, latency {:.1f} ms (p99 {:.1f}), {} dropped, {} failed", stats.done, stats.fps,
                       static_cast<double>(stats.p50_ns) / 1e6, static_cast<double>(stats.p99_ns) / 1e6, stats.dropped, stats.failed);
  }

  // Where somebody looks: results that share the terminal would be torn apart by a status line.
  void Status() {
    static const bool shown = isatty(STDERR_FILENO) != 0 && isatty(STDOUT_FILENO) == 0;
    if (!shown || arguments_.quiet || Clock::now() - last_status_ < kStatusEvery) return;
    last_status_ = Clock::now();
    fmt::print(stderr, "\r{}\x1b[K", Figures(Stats()));
    std::fflush(stderr);
    status_shown_ = true;
  }

  void Summary(const npu_pipeline_stats& stats) {
    const std::string remarks = source_->Remarks();
    // 100 %: nothing but the model holds frames up.
    const double busy = stats.done > 0 ? static_cast<double>(stats.busy_ns) * stats.fps / static_cast<double>(stats.done) / 1e7 : 0;
    fmt::print(stderr, "{}{}, model busy {:.1f} %{}{}\n", status_shown_ ? "\r\x1b[K" : "", Figures(stats), busy,
               remarks.empty() ? "" : "; ", remarks);
  }

  const Arguments& arguments_;
  // Destroyed in this order from below: the session first gives the source's buffers back.
  std::unique_ptr<Source> source_;
  Model model_;
  Labels labels_;
  std::unique_ptr<Head> head_;
  std::unique_ptr<PictureWriter> writer_;
  std::mutex mutex_;
  std::deque<Pending> pending_;  // in order of submission, as results are
  std::atomic<uint64_t> submitted_ = 0;
  std::atomic<bool> produced_all_ = false, consumer_stopped_ = false;
  std::exception_ptr consumer_failure_;
  Clock::time_point last_status_{};
  bool status_shown_ = false;
};

}  // namespace

void RequestStop() { stop_requested = true; }

ExitCode Run(const Arguments& arguments) { return Runner(arguments).Run(); }

}  // namespace camera_run

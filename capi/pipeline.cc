// SPDX-License-Identifier: Apache-2.0
#include "capi/pipeline.h"

#include <algorithm>
#include <chrono>
#include <system_error>
#include <utility>

#include "backends/threads/signals_blocked.h"

namespace npu {
namespace {

using Clock = std::chrono::steady_clock;  // CLOCK_MONOTONIC, of which deadlines are

// Results that nobody fetches: dropped jobs have no other bound.
constexpr size_t kMostEntries = 4096;

uint64_t Now() {
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now().time_since_epoch()).count());
}

Clock::time_point At(uint64_t ns) {
  return Clock::time_point(std::chrono::nanoseconds(static_cast<int64_t>(std::min<uint64_t>(ns, INT64_MAX))));
}

Error Stopped() { return {ErrorCode::kInvalidArgument, "the pipeline is stopped"}; }

}  // namespace

Pipeline::Pipeline(std::unique_ptr<PipelineRunner> runner, size_t depth) : runner_(std::move(runner)), depth_(depth) {
  // One is computed, `depth` are done and not fetched, one the caller looks at.
  slots_.resize(depth + 2);
  const std::vector<size_t> sizes = runner_->output_sizes();
  for (Slot& slot : slots_) {
    for (const size_t size : sizes) slot.memory.emplace_back(size + 1);
    for (auto& memory : slot.memory) slot.outputs.push_back(memory.data());
  }
}

Result<std::unique_ptr<Pipeline>> Pipeline::Start(std::unique_ptr<PipelineRunner> runner, size_t depth) {
  std::unique_ptr<Pipeline> pipeline(new Pipeline(std::move(runner), depth));
  const SignalsBlocked blocked;
  try {
    pipeline->worker_ = std::thread([p = pipeline.get()] { p->Work(); });
  } catch (const std::system_error& error) {
    return Fail(ErrorCode::kResourceExhausted, std::string("no thread for the pipeline: ") + error.what());
  }
  return pipeline;
}

Pipeline::~Pipeline() { Stop(); }

void Pipeline::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  work_.notify_all();
  room_.notify_all();
  ended_.notify_all();
  if (worker_.joinable()) worker_.join();
  std::list<Entry> left;
  {
    const std::lock_guard lock(mutex_);
    left.swap(entries_);
    waiting_ = 0;
  }
  for (Entry& entry : left) Release(entry);
}

void Pipeline::Release(Entry& entry) {
  if (std::exchange(entry.released, true)) return;
  const npu_frame& frame = entry.job.frame;
  if (entry.job.has_frame && frame.release != nullptr) frame.release(frame.user, frame.id);
}

Pipeline::Entry* Pipeline::FirstWaiting() {
  const auto found = std::ranges::find(entries_, State::kWaiting, &Entry::state);
  return found == entries_.end() ? nullptr : &*found;
}

std::optional<size_t> Pipeline::FreeSlot() const {
  const auto found = std::ranges::find(slots_, true, &Slot::free);
  if (found == slots_.end()) return std::nullopt;
  return static_cast<size_t>(found - slots_.begin());
}

// Under the lock.
void Pipeline::End(Entry& entry, npu_job_state state, npu_status status, std::string text) {
  if (entry.state == State::kWaiting) {
    --waiting_;
    room_.notify_one();
  }
  entry.state = State::kEnded;
  entry.text = std::move(text);
  entry.result.state = state;
  entry.result.status = status;
  switch (state) {
    case NPU_JOB_DONE:
      latencies_[stats_.done++ % latencies_.size()] = entry.result.finished_ns - entry.result.submitted_ns;
      last_finish_ns_ = entry.result.finished_ns;
      break;
    case NPU_JOB_DROPPED: ++stats_.dropped; break;
    case NPU_JOB_FAILED: ++stats_.failed; break;
  }
  ended_.notify_all();
}

Status Pipeline::Submit(const PipelineJob& job) {
  std::list<Entry> fresh;
  Entry* drop = nullptr;
  std::unique_lock lock(mutex_);
  if (stopping_) return tl::unexpected<Error>(Stopped());
  if (entries_.size() >= kMostEntries) {
    return Fail(ErrorCode::kResourceExhausted,
                std::to_string(kMostEntries) + " results wait to be fetched; call npu_session_wait");
  }
  if (spare_.empty()) {
    fresh.emplace_back();
  } else {
    fresh.splice(fresh.begin(), spare_, spare_.begin());
  }
  Entry& entry = fresh.front();
  entry.job = job;
  entry.state = State::kWaiting;
  entry.result = {};
  entry.result.id = job.id;
  entry.result.submitted_ns = Now();
  entry.text.clear();
  entry.slot = -1;
  entry.released = false;
  const auto has_room = [&] { return stopping_ || waiting_ < depth_; };
  bool enters = true;
  const char* why = "the queue was full";
  if (!has_room()) {
    switch (job.policy) {
      case NPU_POLICY_BLOCK:
        if (job.deadline_ns == 0) {
          room_.wait(lock, has_room);
        } else if (!room_.wait_until(lock, At(job.deadline_ns), has_room)) {
          enters = false;
          why = "its deadline passed before there was room";
        }
        break;
      case NPU_POLICY_DROP_OLDEST: drop = FirstWaiting(); break;
      case NPU_POLICY_DROP_NEW: enters = false; break;
    }
    if (stopping_) return tl::unexpected<Error>(Stopped());
  }
  if (stats_.submitted++ == 0) first_submit_ns_ = entry.result.submitted_ns;
  entries_.splice(entries_.end(), fresh);
  ++waiting_;
  // A result may be fetched as soon as the lock is open, its entry used again: what release needs is copied.
  std::optional<PipelineJob> dropped;
  Entry* const gone = enters ? drop : &entry;
  if (gone != nullptr) {
    dropped = gone->job;
    gone->released = true;
    End(*gone, NPU_JOB_DROPPED, NPU_OK, enters ? "a newer frame took its place" : why);
  }
  lock.unlock();
  if (enters) work_.notify_one();
  if (dropped && dropped->has_frame && dropped->frame.release != nullptr) {
    dropped->frame.release(dropped->frame.user, dropped->frame.id);
  }
  return {};
}

void Pipeline::Work() {
  for (;;) {
    std::unique_lock lock(mutex_);
    work_.wait(lock, [&] { return stopping_ || (waiting_ > 0 && FreeSlot()); });
    if (stopping_) return;
    Entry& entry = *FirstWaiting();
    entry.result.started_ns = Now();
    const bool late = entry.job.deadline_ns != 0 && entry.result.started_ns > entry.job.deadline_ns;
    entry.slot = late ? -1 : static_cast<int>(*FreeSlot());
    if (!late) slots_[entry.slot].free = false;
    entry.state = State::kRunning;  // nobody else touches it until it has ended
    --waiting_;
    room_.notify_one();
    lock.unlock();
    if (late) {
      Release(entry);
      lock.lock();
      End(entry, NPU_JOB_DROPPED, NPU_OK, "its deadline passed before it began");
    } else {
      RunEntry(entry);
    }
  }
}

void Pipeline::RunEntry(Entry& entry) {
  Error error{ErrorCode::kInternal, ""};
  bool ok = false;
  try {
    const PipelineRead read{[](void* user, uint64_t) {
                              Entry& entry = *static_cast<Entry*>(user);
                              entry.result.read_ns = Now();
                              Release(entry);
                            },
                            &entry};
    Status status = runner_->Run(entry.job, slots_[entry.slot].outputs, read, entry.result.map);
    ok = status.has_value();
    if (!ok) error = std::move(status.error());
  } catch (const std::exception& thrown) {
    error.text = std::string("unexpected exception: ") + thrown.what();
  }
  entry.result.finished_ns = Now();
  if (entry.result.read_ns == 0) entry.result.read_ns = entry.result.finished_ns;
  Release(entry);
  const std::lock_guard lock(mutex_);
  stats_.busy_ns += entry.result.finished_ns - entry.result.started_ns;
  if (ok) return End(entry, NPU_JOB_DONE, NPU_OK, "");
  slots_[std::exchange(entry.slot, -1)].free = true;
  End(entry, NPU_JOB_FAILED, static_cast<npu_status>(error.code), std::move(error.text));
}

Result<bool> Pipeline::Wait(int64_t timeout_ns, npu_result& out) {
  std::unique_lock lock(mutex_);
  // What the last result pointed to is given back.
  if (!held_.empty()) {
    Entry& held = held_.front();
    if (held.slot >= 0) slots_[std::exchange(held.slot, -1)].free = true;
    spare_.splice(spare_.begin(), held_);
    work_.notify_one();
  }
  const auto ready = [&] { return stopping_ || (!entries_.empty() && entries_.front().state == State::kEnded); };
  if (timeout_ns < 0) {
    ended_.wait(lock, ready);
  } else if (!ended_.wait_until(lock, At(Now() + static_cast<uint64_t>(timeout_ns)), ready)) {
    return false;
  }
  if (stopping_) return tl::unexpected<Error>(Stopped());
  held_.splice(held_.begin(), entries_, entries_.begin());
  Entry& entry = held_.front();
  out = entry.result;
  out.text = entry.text.c_str();
  if (entry.slot >= 0) {
    out.outputs = reinterpret_cast<const void* const*>(slots_[entry.slot].outputs.data());
    out.output_count = slots_[entry.slot].outputs.size();
  }
  return true;
}

bool Pipeline::running() const {
  const std::lock_guard lock(mutex_);
  return !stopping_;
}

npu_pipeline_stats Pipeline::stats() const {
  const std::lock_guard lock(mutex_);
  npu_pipeline_stats stats = stats_;
  const size_t count = std::min<size_t>(stats.done, latencies_.size());
  if (count == 0) return stats;
  const uint64_t span = last_finish_ns_ - first_submit_ns_;
  stats.fps = span > 0 ? static_cast<double>(stats.done) * 1e9 / static_cast<double>(span) : 0;
  std::vector<uint64_t> sorted(latencies_.begin(), latencies_.begin() + static_cast<std::ptrdiff_t>(count));
  std::ranges::sort(sorted);
  stats.p50_ns = sorted[(count - 1) / 2];
  stats.p99_ns = sorted[(count - 1) * 99 / 100];
  stats.max_ns = sorted.back();
  return stats;
}

}  // namespace npu

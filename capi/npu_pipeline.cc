// npu_pipeline.h: a session as what a Pipeline runs.
// SPDX-License-Identifier: Apache-2.0
#include "capi/npu_pipeline.h"

#include <memory>
#include <string>

#include "capi/frame_input.h"
#include "capi/pipeline.h"
#include "capi/shim.h"

namespace npu {
namespace {

constexpr size_t kMostDepth = 64;

class SessionRunner : public PipelineRunner {
 public:
  explicit SessionRunner(Session& session) : session_(session) {}
  // Whatever it bound was the pipeline's or a job's memory.
  ~SessionRunner() override {
    for (size_t i = 0; i < session_.graph().outputs.size(); ++i) session_.BindOutput(static_cast<int>(i), nullptr);
    if (bound_ >= 0) session_.BindInput(bound_, nullptr);
  }

  std::vector<size_t> output_sizes() const override {
    std::vector<size_t> sizes;
    for (size_t i = 0; i < session_.graph().outputs.size(); ++i) sizes.push_back(session_.output(static_cast<int>(i)).size());
    return sizes;
  }

  Status Run(const PipelineJob& job, const std::vector<std::byte*>& outputs, PipelineRead read, npu_fit_map& map) override {
    bound_ = static_cast<int>(job.input);
    if (job.has_frame) {
      // The session calls it as soon as the frame has been read.
      NPU_ASSIGN_OR_RETURN(const FitGeometry geometry, session_.BindFrame(bound_, FromC(job.frame), FromC(job.fit),
                                                                          FrameRelease{read.call, read.user, 0}));
      map = ToC(geometry);
      map.struct_size = sizeof map;
    } else {
      session_.BindInput(bound_, job.data);
    }
    for (size_t i = 0; i < outputs.size(); ++i) session_.BindOutput(static_cast<int>(i), outputs[i]);
    return session_.Invoke();
  }

 private:
  Session& session_;
  int bound_ = -1;
};

npu_status CheckJob(const npu_session& session, const npu_job& from, PipelineJob& job) {
  if (from.input >= session.session->graph().inputs.size()) {
    return SetError(NPU_INVALID_ARGUMENT, "input " + std::to_string(from.input) + " does not exist; the session has " +
                                              std::to_string(session.session->graph().inputs.size()));
  }
  if (from.policy > NPU_POLICY_DROP_NEW) {
    return SetError(NPU_INVALID_ARGUMENT, "policy is " + std::to_string(from.policy) + "; allowed: 0 to 2");
  }
  job.id = from.id;
  job.input = from.input;
  job.deadline_ns = from.deadline_ns;
  job.policy = static_cast<npu_policy>(from.policy);
  if (from.frame != nullptr) {
    if (const npu_status status = npu_frame_check(from.frame); status != NPU_OK) return status;
    if (const npu_status status = Read(from.frame, job.frame); status != NPU_OK) return status;
    job.has_frame = true;
    job.fit.struct_size = sizeof job.fit;
    return from.fit == nullptr ? NPU_OK : Read(from.fit, job.fit);
  }
  if (from.data == nullptr) return BadArgument("frame and data are NULL: one of them is the input");
  const size_t size = session.session->input(static_cast<int>(from.input)).size();
  if (from.bytes != size) {
    return SetError(NPU_INVALID_ARGUMENT, "bytes is " + std::to_string(from.bytes) + "; input " + std::to_string(from.input) +
                                              " has " + std::to_string(size));
  }
  job.data = static_cast<const std::byte*>(from.data);
  return NPU_OK;
}

npu_status CheckRunning(const npu_session* session) {
  if (session == nullptr) return BadArgument("session is NULL");
  if (session->pipeline == nullptr) return BadArgument("no pipeline: npu_session_pipeline_start comes first");
  return NPU_OK;
}

}  // namespace
}  // namespace npu

using npu::BadArgument;
using npu::Guard;
using npu::SetError;

extern "C" {

npu_status npu_session_pipeline_start(npu_session* session, size_t depth) {
  return Guard([&]() -> npu_status {
    if (const npu_status status = npu::CheckIdle(session); status != NPU_OK) return status;
    if (depth < 1 || depth > npu::kMostDepth) {
      return SetError(NPU_INVALID_ARGUMENT, "depth is " + std::to_string(depth) + "; allowed: 1 to " + std::to_string(npu::kMostDepth));
    }
    session->pipeline.reset();
    auto pipeline = npu::Pipeline::Start(std::make_unique<npu::SessionRunner>(*session->session), depth);
    if (!pipeline) return SetError(pipeline.error());
    session->pipeline = std::move(*pipeline);
    return NPU_OK;
  });
}

npu_status npu_session_pipeline_stop(npu_session* session) {
  return Guard([&]() -> npu_status {
    if (session == nullptr) return BadArgument("session is NULL");
    // It stays until the next start, or the session's end: somebody may be inside of it.
    if (session->pipeline != nullptr) session->pipeline->Stop();
    return NPU_OK;
  });
}

npu_status npu_session_submit(npu_session* session, const npu_job* job) {
  return Guard([&]() -> npu_status {
    if (const npu_status status = npu::CheckRunning(session); status != NPU_OK) return status;
    npu_job from{};
    npu::PipelineJob own;
    if (const npu_status status = npu::Read(job, from); status != NPU_OK) return status;
    if (const npu_status status = npu::CheckJob(*session, from, own); status != NPU_OK) return status;
    if (const npu::Status status = session->pipeline->Submit(own); !status) return SetError(status.error());
    return NPU_OK;
  });
}

npu_status npu_session_wait(npu_session* session, int64_t timeout_ns, npu_result* out_result) {
  return Guard([&]() -> npu_status {
    if (const npu_status status = npu::CheckRunning(session); status != NPU_OK) return status;
    npu_result result{};
    // A result that cannot be handed out would be lost: the caller's struct comes first.
    if (const npu_status status = npu::Fill(out_result, result); status != NPU_OK) return status;
    const npu::Result<bool> got = session->pipeline->Wait(timeout_ns, result);
    if (!got) return SetError(got.error());
    if (!*got) return SetError(NPU_TIMEOUT, "no result within " + std::to_string(timeout_ns) + " ns");
    return npu::Fill(out_result, result);
  });
}

npu_status npu_session_pipeline_stats(const npu_session* session, npu_pipeline_stats* out_stats) {
  return Guard([&]() -> npu_status {
    if (const npu_status status = npu::CheckRunning(session); status != NPU_OK) return status;
    return npu::Fill(out_stats, session->pipeline->stats());
  });
}

}  // extern "C"

// What every function of the C API does the same way: nothing is thrown into the caller, the text of an error
// is this thread's npu_last_error(), and a caller compiled against an older header knows a prefix of a
// struct.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstring>
#include <exception>
#include <memory>
#include <mutex>
#include <new>
#include <string>
#include <string_view>

#include "base/result.h"
#include "capi/npu_delegate.h"
#include "capi/pipeline.h"
#include "capi/session.h"
#include "partitioner/report.h"

struct npu_plan {
  std::shared_ptr<const npu::Plan> plan;
  npu::Options options;
  npu::Subgraphs subgraphs;  // of the model, for sessions
  npu::ReportContext context;
  // Written when it is first asked for: most programs never do, and it takes longer than the plan.
  mutable std::once_flag json_written;
  mutable std::string json;
};

struct npu_session {
  std::unique_ptr<npu::Session> session;
  std::unique_ptr<npu::Pipeline> pipeline;  // null, stopped, or the only one that may use the session
};

namespace npu {

// Text of this thread's last error; texts too long for it are cut.
const char* LastError();
npu_status SetError(npu_status status, std::string_view text);
npu_status SetError(const Error& error);
npu_status BadArgument(const char* what);
// "struct_size is 7; expected 88 ..."
npu_status BadStructSize(size_t size, size_t expected);

// For npu_string_destroy.
char* CopyString(const std::string& text);
// NPU_UNSUPPORTED for more dimensions than NPU_MAX_RANK.
npu_status DescribeTensor(const Graph& graph, int index, npu_tensor_info* out);

// Whether the caller may use the session: it is not NULL, and no pipeline is running on it.
npu_status CheckIdle(const npu_session* session);

// Runs `body`, which returns npu_status, so that nothing is thrown into the caller.
template <typename Body>
npu_status Guard(Body body) noexcept {
  try {
    SetError(NPU_OK, "");
    return body();
  } catch (const std::bad_alloc&) {
    return NPU_RESOURCE_EXHAUSTED;  // no memory for a text either
  } catch (const std::exception& e) {
    return SetError(NPU_INTERNAL, std::string("unexpected exception: ") + e.what());
  } catch (...) {
    return SetError(NPU_INTERNAL, "unexpected exception");
  }
}

// Fills a caller's struct, of which an older caller may know only a prefix.
template <typename Info>
npu_status Fill(Info* out, const Info& info) {
  if (out == nullptr) return BadArgument("out pointer is NULL");
  const size_t size = out->struct_size;
  if (size < sizeof(size_t) || size > sizeof(Info)) return BadStructSize(size, sizeof(Info));
  std::memcpy(reinterpret_cast<char*>(out) + sizeof(size_t),
              reinterpret_cast<const char*>(&info) + sizeof(size_t), size - sizeof(size_t));
  return NPU_OK;
}

// Reads a caller's struct; what an older caller does not know is 0.
template <typename Info>
npu_status Read(const Info* in, Info& info) {
  if (in == nullptr) return BadArgument("a struct's pointer is NULL");
  info = {};
  if (in->struct_size < sizeof(size_t) || in->struct_size > sizeof(Info)) {
    return BadStructSize(in->struct_size, sizeof(Info));
  }
  std::memcpy(&info, in, in->struct_size);
  return NPU_OK;
}

}  // namespace npu

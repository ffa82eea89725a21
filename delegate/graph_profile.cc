// SPDX-License-Identifier: Apache-2.0
#include "delegate/graph_profile.h"

#include <cstdio>
#include <utility>

#include "base/log.h"
#include "base/write_file.h"

namespace npu {

GraphProfile::GraphProfile(std::shared_ptr<const Plan> plan, ProfileDevice device, std::string path)
    : profile_(std::move(plan), std::move(device)), path_(std::move(path)) {
  if (const Status status = CheckWritable(path_); !status) {
    Log(LogLevel::kWarning, "profile: {} cannot be written: {}", path_, status.error().text);
  }
}

void GraphProfile::Write() noexcept {
  try {
    const std::lock_guard lock(mutex_);
    const int64_t recorded = profile_.recorded();
    if (recorded == written_) return;
    if (const Status status = WriteFileAtomically(path_, profile_.Json() + "\n"); !status) {
      Log(LogLevel::kWarning, "profile: {} is not written: {}", path_, status.error().text);
      return;
    }
    written_ = recorded;
  } catch (...) {
    std::fputs("npu_delegate: profile: no memory to write it\n", stderr);
  }
}

}  // namespace npu

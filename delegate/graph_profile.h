// Option `profile` in a host: the measured invocations of one graph that Apply handled, and the file that they go to.
// Written when a kernel or the delegate goes, and only if something was measured since the last time: an interpreter may
// outlive the delegate, or the other way round. Thread-safe.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "partitioner/profile.h"

namespace npu {

class GraphProfile {
 public:
  // Warns now if the file cannot be written there.
  GraphProfile(std::shared_ptr<const Plan> plan, ProfileDevice device, std::string path);

  Profile& profile() { return profile_; }

  // A failure is one warning; what was measured is kept for the next time.
  void Write() noexcept;

 private:
  Profile profile_;
  const std::string path_;
  std::mutex mutex_;
  int64_t written_ = 0;  // invocations that are in the file; under mutex_
};

}  // namespace npu

// Frame buffers of a file source: handed out, filled, given back by whichever thread has read them. Take() waits until one
// is free: that is how a slow model slows the reading of a file down.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <vector>

namespace camera_run {

class BufferPool {
 public:
  explicit BufferPool(int count) : buffers_(count), free_(count, true) {}

  int count() const { return static_cast<int>(buffers_.size()); }
  std::vector<uint8_t>& operator[](int buffer) { return buffers_[buffer]; }

  int Take() {
    std::unique_lock lock(mutex_);
    for (;;) {
      for (size_t i = 0; i < free_.size(); ++i) {
        if (!free_[i]) continue;
        free_[i] = false;
        return static_cast<int>(i);
      }
      freed_.wait(lock);
    }
  }

  void Return(int buffer) noexcept {
    {
      const std::lock_guard lock(mutex_);
      free_[buffer] = true;
    }
    freed_.notify_one();
  }

 private:
  std::vector<std::vector<uint8_t>> buffers_;
  std::vector<bool> free_;
  std::mutex mutex_;
  std::condition_variable freed_;
};

}  // namespace camera_run

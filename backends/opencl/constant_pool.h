// The constants of a device's segments: packed weights, tables. Executables whose constants are the same bytes share
// one copy, whether they were made of one model (a session per thread, a host that applies the delegate twice) or
// of two that agree. Only in memory that the host sees, where comparing costs no transfer. Thread-safe.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

namespace npu {

class DeviceMemory;
struct ConstantBlock;

class ConstantPool {
 public:
  // What tells most constants apart without comparing them.
  struct Key {
    explicit Key(const std::vector<ConstantBlock>& blocks);
    size_t hash = 0;            // of the bytes
    std::vector<size_t> sizes;  // bytes of each block
  };

  // Memory that holds these bytes, in blocks of the same order and sizes; null: there is none. Not to be written.
  std::shared_ptr<DeviceMemory> Find(const Key& key, const std::vector<ConstantBlock>& blocks);
  // Offers memory that holds the key's blocks to later callers, for as long as somebody keeps it.
  void Add(const Key& key, const std::shared_ptr<DeviceMemory>& memory);

 private:
  struct Entry {
    std::vector<size_t> sizes;
    std::weak_ptr<DeviceMemory> memory;
  };
  std::mutex mutex_;
  std::multimap<size_t, Entry> entries_;  // by a hash of the bytes; under mutex_
};

}  // namespace npu

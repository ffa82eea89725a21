// SPDX-License-Identifier: Apache-2.0
#include "backends/opencl/constant_pool.h"

#include <cstring>
#include <functional>
#include <string_view>

#include "backends/opencl/device_memory.h"
#include "backends/opencl/segment_layout.h"

namespace npu {
namespace {

bool Holds(const DeviceMemory& memory, const std::vector<ConstantBlock>& blocks) {
  for (size_t i = 0; i < blocks.size(); ++i) {
    const auto [bytes, flip] = blocks[i];
    const std::byte* held = memory.host(static_cast<int>(i));
    if (!flip) {
      if (!bytes.empty() && std::memcmp(held, bytes.data(), bytes.size()) != 0) return false;
      continue;
    }
    for (size_t k = 0; k < bytes.size(); ++k) {
      if (held[k] != (bytes[k] ^ std::byte{0x80})) return false;
    }
  }
  return true;
}

}  // namespace

ConstantPool::Key::Key(const std::vector<ConstantBlock>& blocks) {
  for (const auto& [bytes, flip] : blocks) {
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    hash = hash * 1099511628211u + std::hash<std::string_view>()(text) + (flip ? 1 : 0);
    sizes.push_back(bytes.size());
  }
}

std::shared_ptr<DeviceMemory> ConstantPool::Find(const Key& key, const std::vector<ConstantBlock>& blocks) {
  const std::lock_guard lock(mutex_);
  for (auto [entry, end] = entries_.equal_range(key.hash); entry != end;) {
    std::shared_ptr<DeviceMemory> memory = entry->second.memory.lock();
    if (memory == nullptr) {
      entry = entries_.erase(entry);
      continue;
    }
    if (entry->second.sizes == key.sizes && Holds(*memory, blocks)) return memory;
    ++entry;
  }
  return nullptr;
}

void ConstantPool::Add(const Key& key, const std::shared_ptr<DeviceMemory>& memory) {
  const std::lock_guard lock(mutex_);
  std::erase_if(entries_, [](const auto& entry) { return entry.second.memory.expired(); });
  entries_.emplace(key.hash, Entry{key.sizes, memory});
}

}  // namespace npu

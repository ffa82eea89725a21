// SPDX-License-Identifier: Apache-2.0
#include "capi/variables.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace npu {

int Variables::Find(const VarHandleParams& names) {
  const auto found = std::find_if(variables_.begin(), variables_.end(), [&](const Variable& variable) {
    return variable.names.container == names.container && variable.names.shared_name == names.shared_name;
  });
  if (found != variables_.end()) return static_cast<int>(found - variables_.begin());
  variables_.emplace_back().names = names;
  return static_cast<int>(variables_.size()) - 1;
}

Status Variables::SetSize(int variable, int64_t bytes) {
  Variable& v = variables_[variable];
  const auto size = static_cast<size_t>(bytes) + 1;
  if (!v.value.empty() && v.value.size() != size) {
    return Fail(ErrorCode::kUnsupported,
                fmt::format("variable \"{}\" has values of {} and of {} bytes; a session keeps one size",
                            v.names.shared_name, v.value.size() - 1, bytes));
  }
  v.value.resize(size);
  v.saved_value.resize(size);
  return {};
}

Status Variables::Read(int variable, std::span<std::byte> to) const {
  const Variable& v = variables_[variable];
  if (!v.assigned) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("variable \"{}\" is read before anything was assigned to it", v.names.shared_name));
  }
  std::copy_n(v.value.begin(), to.size(), to.begin());
  return {};
}

void Variables::Assign(int variable, std::span<const std::byte> from) {
  std::copy(from.begin(), from.end(), variables_[variable].value.begin());
  variables_[variable].assigned = true;
}

void Variables::Clear() {
  for (Variable& v : variables_) v.assigned = false;
}

void Variables::Save() {
  for (Variable& v : variables_) {
    std::copy(v.value.begin(), v.value.end(), v.saved_value.begin());
    v.saved_assigned = v.assigned;
  }
}

void Variables::Restore() {
  for (Variable& v : variables_) {
    std::copy(v.saved_value.begin(), v.saved_value.end(), v.value.begin());
    v.assigned = v.saved_assigned;
  }
}

}  // namespace npu

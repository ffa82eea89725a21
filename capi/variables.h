// The resource variables of a session, by their names: what a host keeps for VAR_HANDLE, READ_VARIABLE and
// ASSIGN_VARIABLE. All subgraphs of a model see the same ones. Every value of a variable has one size, known when the
// session is made, so that nothing is allocated later.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "schema/op_params.h"

namespace npu {

class Variables {
 public:
  // The variable of these names, made at the first request.
  int Find(const VarHandleParams& names);
  // A value of it has `bytes` bytes. kUnsupported if another value has not.
  Status SetSize(int variable, int64_t bytes);

  // Spans are of the variable's size. kInvalidArgument if nothing was assigned yet, as in hosts.
  Status Read(int variable, std::span<std::byte> to) const;
  void Assign(int variable, std::span<const std::byte> from);

  // As if nothing had been assigned.
  void Clear();
  // Back to what was saved last.
  void Save();
  void Restore();

 private:
  struct Variable {
    VarHandleParams names;
    std::vector<std::byte> value, saved_value;  // one byte more than the size, so that there is always one
    bool assigned = false, saved_assigned = false;
  };
  std::vector<Variable> variables_;
};

}  // namespace npu

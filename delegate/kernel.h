// One host node: the ops that the host replaced by us, run as one Executable.
// init never fails (old hosts crash on it): it keeps the error, and prepare gives it. prepare may run
// several times and after every resize: it compiles again only when the shapes of the node's inputs have
// changed, and sets the output shapes itself, since hosts do not. invoke binds the host's tensors and
// runs; it allocates nothing. Inputs in memory that the application has registered (npu_register_frame_buffer) are read
// between a wait for their fences and the end of a DMA-BUF bracket.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "backends/frames/buffer_registry.h"
#include "delegate/delegate.h"
#include "delegate/host_abi.h"

namespace npu {

// The registration handed to ReplaceNodeSubsetsWithDelegateKernels.
host::Registration KernelRegistration();

class Kernel {
 public:
  // Takes its compiled partition out of `prepared` when the host cut the graph as the plan does.
  static Result<std::unique_ptr<Kernel>> Create(const host::DelegateParams& params, PreparedGraph* prepared);
  ~Kernel();

  Status Prepare(host::Context* context);
  Status Invoke(host::Context* context);
  const char* description() const { return description_.c_str(); }

 private:
  Kernel(std::shared_ptr<DelegateState> state, PartitionCompiler compiler, const PreparedGraph& prepared);

  Result<std::vector<Shape>> InputShapes(host::Context* context) const;
  Status Compile(host::Context* context, std::vector<Shape> shapes);
  Status Run();
  Status ResizeOutputs(host::Context* context) const;
  // Tells the profile, if there is one, what is now compiled.
  void ProfileCompiled();
  // Memory of a tensor that has exactly the shape and bytes it was compiled for.
  Result<std::byte*> Data(host::Context* context, int tensor) const;

  std::shared_ptr<DelegateState> state_;
  PartitionCompiler compiler_;
  ComputeOptions compute_;
  std::optional<CompiledPartition> compiled_;
  std::vector<const std::byte*> input_pointers_;
  std::vector<size_t> input_bytes_;  // as input_pointers_
  RegisteredReads reads_;
  std::vector<std::byte*> output_pointers_;
  std::string description_;
  std::shared_ptr<GraphProfile> profile_;  // null: nothing is measured
  int profiled_ = -1;                      // number in the profile
};

}  // namespace npu

// SPDX-License-Identifier: Apache-2.0
#include "backends/opencl/frame_converter.h"

#include <fmt/format.h>

#include <optional>

#include "backends/cpu_features.h"
#include "backends/opencl/bound_segment.h"
#include "backends/opencl/frame_memory_view.h"
#include "backends/opencl/frame_self_test.h"
#include "backends/opencl/frame_strips.h"
#include "backends/opencl/frame_tables.h"
#include "backends/opencl/launch_shape.h"

namespace npu {
namespace {

// Strips of rows are the groups of a launch. In the calling thread a few do, so that a profile shows
// progress; a driver's threads share more of them evenly.
constexpr int kStripsInCaller = 4, kStripsPerUnit = 8;

class OpenClFrameConverter : public FrameConverter {
 public:
  OpenClFrameConverter(std::shared_ptr<OpenClDevice> device, std::shared_ptr<const Conversion> conversion)
      : device_(std::move(device)),
        conversion_(std::move(conversion)),
        buffers_(device_->context(), device_->limits().shared_memory, device_->name()) {}

  ~OpenClFrameConverter() override {
    // As with executables: in a forked process the driver's objects are better lost than released.
    if (CheckProcess()) return;
    for (cl::Buffer& table : tables_) static_cast<void>(clRetainMemObject(table()));
    static_cast<void>(clRetainKernel(kernel_()));
    static_cast<void>(clRetainCommandQueue(queue_()));
    buffers_.Abandon();
  }

  // strips: null for the kernel of single pixels.
  Status Prepare(const StripTables* strips) {
    cl_int code = CL_SUCCESS;
    queue_ = cl::CommandQueue(device_->context(), device_->device(), 0, &code);
    NPU_RETURN_IF_CL_ERROR(code, "clCreateCommandQueue", device_->name());
    const FrameTables tables = MakeFrameTables(*conversion_);
    NPU_RETURN_IF_ERROR(strips != nullptr ? PrepareStrips(*strips) : PreparePixels(tables));
    return Upload(tables.bytes);
  }

  Status Convert(const Frame& frame, const MappedFrame& memory, std::byte* out) override {
    NPU_RETURN_IF_ERROR(CheckProcess());
    std::array<cl_mem, kMaxPlanes> planes{};
    copied_bytes_ = 0;
    for (uint32_t i = 0; i < conversion_->format->plane_count; ++i) {
      NPU_ASSIGN_OR_RETURN(planes[i],
                           buffers_.Input(queue_(), memory.planes[i].rows, memory.planes[i].bytes));
      if (!buffers_.shared()) copied_bytes_ += memory.planes[i].bytes;
    }
    NPU_ASSIGN_OR_RETURN(const cl_mem output, buffers_.Output(out, conversion_->bytes_out()));
    SetFrame(frame, memory, planes, output);
    NPU_RETURN_IF_CL_ERROR(std::exchange(argument_code_, CL_SUCCESS), "clSetKernelArg(frame)",
                           device_->name());
    cl::Event event;
    NPU_RETURN_IF_CL_ERROR(EnqueueRange(queue_(), kernel_(), shape_, &event()),
                           "clEnqueueNDRangeKernel(frame)", device_->name());
    NPU_RETURN_IF_ERROR(buffers_.ReadBack(queue_(), out, conversion_->bytes_out()));
    const cl_int status = buffers_.shared() ? WaitForEvent(event()) : queue_.finish();
    NPU_RETURN_IF_CL_ERROR(status, "clFinish(frame)", device_->name());
    return {};
  }

  const std::string& name() const override { return name_; }
  size_t copied_bytes() const override { return copied_bytes_; }

 private:
  Status PreparePixels(const FrameTables& tables) {
    NPU_ASSIGN_OR_RETURN(const cl::Program program, Kernel(kPortableVariant, "frame_pixels"));
    NPU_RETURN_IF_ERROR(Upload(tables.numbers));
    NPU_RETURN_IF_ERROR(Upload(tables.axes));
    cl_int code = CL_SUCCESS;
    const size_t most = kernel_.getWorkGroupInfo<CL_KERNEL_WORK_GROUP_SIZE>(device_->device(), &code);
    NPU_RETURN_IF_CL_ERROR(code, "clGetKernelWorkGroupInfo(frame_pixels)", device_->name());
    const OpenClDeviceLimits& limits = device_->limits();
    shape_ = ChooseLaunchShape({conversion_->width, conversion_->height, 1}, {0, 0, 0}, most,
                               (limits.type & CL_DEVICE_TYPE_CPU) != 0 ? limits.compute_units : 0);
    shape_.offset = device_->forms().id_offset();
    name_ = "opencl pixels";
    constexpr size_t kArgumentBytes[] = {0, 0, 0, 8, 8, 8, 4, 4, 4, 0, 0, 0, 0};
    return device_->forms().Fix(program, "frame_pixels", shape_.local, kArgumentBytes);
  }

  Status PrepareStrips(const StripTables& strips) {
    strips_ = true;
    NPU_ASSIGN_OR_RETURN(const cl::Program program, Kernel(kFrameX86, strips.kernel));
    NPU_RETURN_IF_ERROR(Upload(strips.numbers));
    const OpenClDeviceLimits& limits = device_->limits();
    const auto rows = static_cast<int>(conversion_->height);
    const int wanted = limits.runs_in_caller ? kStripsInCaller : kStripsPerUnit * limits.compute_units;
    strip_rows_ = (rows + wanted - 1) / wanted;
    shape_.global[0] = static_cast<size_t>((rows + strip_rows_ - 1) / strip_rows_);
    shape_.offset = device_->forms().id_offset();
    name_ = fmt::format("opencl strips ({})", kFrameX86.name);
    constexpr size_t kArgumentBytes[] = {0, 0, 0, 4, 4, 4, 0, 0, 0, 4};
    return device_->forms().Fix(program, strips.kernel, shape_.local, kArgumentBytes);
  }

  Result<cl::Program> Kernel(const KernelVariant& variant, const char* name) {
    ProgramCache& programs = device_->frame_programs();
    NPU_ASSIGN_OR_RETURN(const cl::Program program, programs.Program(&variant));
    NPU_ASSIGN_OR_RETURN(kernel_, programs.CreateKernel(program, name));
    return program;
  }

  void SetFrame(const Frame& frame, const MappedFrame& memory, const std::array<cl_mem, kMaxPlanes>& planes,
                cl_mem output) {
    const FrameView view = ViewFrame(*conversion_, frame, memory);
    for (cl_uint i = 0; i < 3; ++i) {
      const int plane = conversion_->format->components[i].plane;
      SetArg(i, planes[plane]);
      const auto* rows = reinterpret_cast<const uint8_t*>(memory.planes[plane].rows);
      if (!strips_) SetArg(3 + i, static_cast<cl_ulong>(view[i].first - rows));
      SetArg((strips_ ? 3 : 6) + i, static_cast<cl_uint>(view[i].stride));
    }
    cl_uint next = strips_ ? 6 : 9;
    SetArg(next++, output);
    for (const cl::Buffer& table : tables_) SetArg(next++, table());
    if (strips_) SetArg(next, static_cast<cl_int>(strip_rows_));
  }

  template <typename T>
  void SetArg(cl_uint index, const T& value) {
    const cl_int code = clSetKernelArg(kernel_(), index, sizeof(T), &value);
    if (argument_code_ == CL_SUCCESS) argument_code_ = code;
  }

  template <typename T>
  Status Upload(const std::vector<T>& table) {
    cl_int code = CL_SUCCESS;
    // The driver copies the bytes; the pointer is not const in the bindings.
    tables_.emplace_back(device_->context(), CL_MEM_READ_ONLY | CL_MEM_COPY_HOST_PTR,
                         table.size() * sizeof(T), const_cast<T*>(table.data()), &code);
    NPU_RETURN_IF_CL_ERROR(code, "clCreateBuffer(tables of a frame)", device_->name());
    return {};
  }

  std::shared_ptr<OpenClDevice> device_;
  std::shared_ptr<const Conversion> conversion_;
  cl::CommandQueue queue_;
  cl::Kernel kernel_;
  LaunchShape shape_;
  std::vector<cl::Buffer> tables_;  // in the order of the kernel's arguments
  HostBuffers buffers_;
  bool strips_ = false;
  int strip_rows_ = 0;
  cl_int argument_code_ = CL_SUCCESS;
  size_t copied_bytes_ = 0;
  std::string name_;
};

}  // namespace

Result<std::unique_ptr<FrameConverter>> MakeFrameConverter(std::shared_ptr<OpenClDevice> device,
                                                           std::shared_ptr<const Conversion> conversion,
                                                           FrameKernel kernel) {
  NPU_RETURN_IF_ERROR(CheckProcess());
  std::optional<StripTables> strips;
  if (kernel != FrameKernel::kPixels && (device->limits().type & CL_DEVICE_TYPE_CPU) != 0 && CpuHasVbmi()) {
    strips = MakeStripTables(*conversion);
  }
  if (kernel == FrameKernel::kStrips && !strips) {
    return Fail(ErrorCode::kUnsupported, "frames of this kind, or this processor, have no strips");
  }
  if (kernel == FrameKernel::kBest && strips && !StripsWork(device)) strips.reset();
  auto converter = std::make_unique<OpenClFrameConverter>(std::move(device), std::move(conversion));
  NPU_RETURN_IF_ERROR(converter->Prepare(strips ? &*strips : nullptr));
  return converter;
}

}  // namespace npu

// SPDX-License-Identifier: Apache-2.0
#include "backends/opencl/frame_converter.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <span>

#include "backends/cpu_features.h"
#include "backends/opencl/device_memory.h"
#include "backends/opencl/frame_launch.h"
#include "backends/opencl/frame_memory_view.h"
#include "backends/opencl/frame_self_test.h"
#include "backends/opencl/frame_strips.h"
#include "backends/opencl/frame_tables.h"
#include "backends/opencl/segment_layout.h"

namespace npu {
namespace {

// Strips of rows are the groups of a launch. For each thread of ours a few do, so that a profile shows
// progress; a driver's threads share more of them evenly.
constexpr int kStripsInCaller = 4, kStripsPerUnit = 8;

// What strips take on one thread, roughly: from this on a frame is divided among several (launch_steps.h).
double Microseconds(const Conversion& c) {
  const Rect &roi = c.geometry.roi, &source = c.geometry.source;
  const double outputs = double{1} * roi.width * roi.height, pixels = double{1} * source.width * source.height;
  return 0.0008 * outputs + (c.area() ? 0.00008 * pixels : 0);
}

class OpenClFrameConverter : public FrameConverter {
 public:
  // imports: instead of the device's own; null: those.
  OpenClFrameConverter(std::shared_ptr<OpenClDevice> device, std::shared_ptr<const Conversion> conversion,
                       const ExternalMemory* imports)
      : device_(std::move(device)),
        conversion_(std::move(conversion)),
        // Every address of the process is one of a device that runs commands in the calling thread.
        by_address_(imports == nullptr && device_->limits().runs_in_caller && device_->limits().shared_memory),
        buffers_(device_->context(), imports == nullptr && device_->limits().shared_memory, device_->name()),
        imports_(*device_, imports != nullptr ? *imports : FindExternalMemory(*device_)) {}

  ~OpenClFrameConverter() override {
    // As with executables: in a forked process the driver's objects are better lost than released.
    if (CheckProcess()) return;
    for (cl::Buffer& table : tables_) static_cast<void>(clRetainMemObject(table()));
    if (launch_ != nullptr) {
      launch_->Abandon();
      static_cast<void>(launch_.release());
    }
    static_cast<void>(new DeviceMemory(std::move(shared_tables_)));
    buffers_.Abandon();
    imports_.Abandon();
  }

  // strips: null for the kernel of single pixels.
  Status Prepare(const StripTables* strips, const TeamSettings& team) {
    const FrameTables tables = MakeFrameTables(*conversion_);
    return strips != nullptr ? PrepareStrips(*strips, tables, team) : PreparePixels(tables, team);
  }

  Status Convert(const Frame& frame, const MappedFrame& memory, std::byte* out) override {
    NPU_RETURN_IF_ERROR(CheckProcess());
    Planes planes;
    NPU_RETURN_IF_ERROR(SetPlanes(memory, planes));
    const cl_uint output = SetView(frame, memory, planes);
    if (by_address_) {
      launch_->SetAddress(output, out);
      return launch_->Run();
    }
    NPU_ASSIGN_OR_RETURN(const cl_mem buffer, buffers_.Output(out, conversion_->bytes_out()));
    launch_->SetArgument(output, buffer);
    const std::span acquired(planes.imported.data(), planes.imported_count);
    NPU_RETURN_IF_ERROR(imports_.Acquire(launch_->queue(), acquired));
    Status ran = launch_->Run();
    // On every path: what is not released the camera never gets back.
    NPU_RETURN_IF_ERROR(imports_.Release(launch_->queue(), acquired));
    if (!ran || buffers_.shared()) return ran;
    NPU_RETURN_IF_ERROR(buffers_.ReadBack(launch_->queue(), out, conversion_->bytes_out()));
    NPU_RETURN_IF_CL_ERROR(clFinish(launch_->queue()), "clFinish(frame)", device_->name());
    return {};
  }

  const std::string& name() const override { return reads_imports_ ? import_name_ : name_; }
  size_t copied_bytes() const override { return copied_bytes_; }

 private:
  // Device memory of the planes, and the host's address of its first byte.
  struct Planes {
    std::array<cl_mem, kMaxPlanes> memory{};
    std::array<const std::byte*, kMaxPlanes> start{};
    std::array<cl_mem, kMaxPlanes> imported{};  // each once
    size_t imported_count = 0;
  };

  Status PreparePixels(const FrameTables& tables, const TeamSettings& team) {
    NPU_ASSIGN_OR_RETURN(const cl::Program program, device_->frame_programs().Program(&kPortableVariant));
    NPU_ASSIGN_OR_RETURN(const cl::Kernel kernel, device_->frame_programs().CreateKernel(program, "frame_pixels"));
    cl_int code = CL_SUCCESS;
    const size_t most = kernel.getWorkGroupInfo<CL_KERNEL_WORK_GROUP_SIZE>(device_->device(), &code);
    NPU_RETURN_IF_CL_ERROR(code, "clGetKernelWorkGroupInfo(frame_pixels)", device_->name());
    const OpenClDeviceLimits& limits = device_->limits();
    LaunchShape shape = ChooseLaunchShape({conversion_->width, conversion_->height, 1}, {0, 0, 0}, most,
                                          (limits.type & CL_DEVICE_TYPE_CPU) != 0 ? limits.compute_units : 0);
    shape.offset = device_->forms().id_offset();
    name_ = "opencl pixels";
    constexpr size_t kArgumentBytes[] = {0, 0, 0, 8, 8, 8, 4, 4, 4, 0, 0, 0, 0};
    NPU_RETURN_IF_ERROR(device_->forms().Fix(program, "frame_pixels", shape.local, kArgumentBytes));
    // Every pixel takes some twenty times as long as in strips.
    NPU_ASSIGN_OR_RETURN(launch_, FrameLaunch::Create(device_, kernel, shape, team, 20 * Microseconds(*conversion_)));
    return SetTables(kPixelTables, {AsBytes(tables.numbers), AsBytes(tables.axes), AsBytes(tables.bytes)});
  }

  Status PrepareStrips(const StripTables& strips, const FrameTables& tables, const TeamSettings& team) {
    strips_ = true;
    NPU_ASSIGN_OR_RETURN(const cl::Program program, device_->frame_programs().Program(&kFrameX86));
    NPU_ASSIGN_OR_RETURN(const cl::Kernel kernel, device_->frame_programs().CreateKernel(program, strips.kernel));
    const OpenClDeviceLimits& limits = device_->limits();
    const FitGeometry& geometry = conversion_->geometry;
    const auto rows = static_cast<int>(geometry.transposed ? geometry.resized_height() : conversion_->height);
    const int wanted =
        limits.runs_in_caller ? kStripsInCaller * team.members : kStripsPerUnit * limits.compute_units;
    const int strip_rows = (rows + wanted - 1) / wanted;
    LaunchShape shape;
    shape.global[0] = static_cast<size_t>((rows + strip_rows - 1) / strip_rows);
    shape.offset = device_->forms().id_offset();
    name_ = fmt::format("opencl strips ({})", kFrameX86.name);
    constexpr size_t kArgumentBytes[] = {0, 0, 0, 4, 4, 4, 0, 0, 0, 4};
    NPU_RETURN_IF_ERROR(device_->forms().Fix(program, strips.kernel, shape.local, kArgumentBytes));
    NPU_ASSIGN_OR_RETURN(launch_, FrameLaunch::Create(device_, kernel, shape, team, Microseconds(*conversion_)));
    launch_->SetArgument(kStripTables + 2, static_cast<cl_int>(strip_rows));
    return SetTables(kStripTables, {AsBytes(strips.numbers), AsBytes(tables.bytes)});
  }

  Status FindPlane(const MappedFrame& memory, uint32_t i, Planes& planes) {
    const MappedPlane& plane = memory.planes[i];
    planes.start[i] = plane.rows;
    if (by_address_) return {};
    if (const cl_mem imported = Imported(memory, i); imported != nullptr) {
      planes.memory[i] = imported;
      planes.start[i] = memory.buffers[i]->bytes().data();
      const auto end = planes.imported.begin() + static_cast<ptrdiff_t>(planes.imported_count);
      if (std::find(planes.imported.begin(), end, imported) == end) planes.imported[planes.imported_count++] = imported;
      return {};
    }
    NPU_ASSIGN_OR_RETURN(planes.memory[i], buffers_.Input(launch_->queue(), plane.rows, plane.bytes));
    if (!buffers_.shared()) copied_bytes_ += plane.bytes;
    return {};
  }

  // The plane's buffer where the device can read it by itself; null: it cannot, or need not.
  cl_mem Imported(const MappedFrame& memory, uint32_t plane) {
    const std::shared_ptr<SharedBuffer>& buffer = memory.buffers[plane];
    if (buffers_.shared() || strips_ || buffer == nullptr) return nullptr;
    // A copy that was made of memory without a cache is elsewhere.
    const std::byte* rows = memory.planes[plane].rows;
    const std::span<const std::byte> bytes = buffer->bytes();
    if (std::less<>{}(rows, bytes.data()) || !std::less<>{}(rows, bytes.data() + bytes.size())) return nullptr;
    return imports_.Import(buffer);
  }

  // The planes are the first three arguments.
  Status SetPlanes(const MappedFrame& memory, Planes& planes) {
    copied_bytes_ = 0;
    for (uint32_t i = 0; i < conversion_->format->plane_count; ++i) NPU_RETURN_IF_ERROR(FindPlane(memory, i, planes));
    reads_imports_ = planes.imported_count > 0;
    for (cl_uint i = 0; i < 3; ++i) {
      const int plane = conversion_->format->components[i].plane;
      if (by_address_) {
        launch_->SetAddress(i, planes.start[plane]);
      } else {
        launch_->SetArgument(i, planes.memory[plane]);
      }
    }
    return {};
  }

  // Offsets and strides follow. Returns the number of the argument behind them, the output.
  cl_uint SetView(const Frame& frame, const MappedFrame& memory, const Planes& planes) {
    const FrameView view = ViewFrame(*conversion_, frame, memory);
    for (cl_uint i = 0; i < 3; ++i) {
      const auto* start = reinterpret_cast<const uint8_t*>(planes.start[conversion_->format->components[i].plane]);
      if (!strips_) launch_->SetArgument(3 + i, static_cast<cl_ulong>(view[i].first - start));
      launch_->SetArgument((strips_ ? 3 : 6) + i, static_cast<cl_uint>(view[i].stride));
    }
    return strips_ ? 6 : 9;
  }

  template <typename T>
  static std::span<const std::byte> AsBytes(const std::vector<T>& table) {
    return std::as_bytes(std::span(table));
  }

  // The tables become the kernel's arguments from `first` on.
  Status SetTables(cl_uint first, std::initializer_list<std::span<const std::byte>> tables) {
    std::vector<int64_t> offsets, sizes;
    int64_t total = 0;
    for (const auto& table : tables) {
      offsets.push_back(total);
      sizes.push_back(static_cast<int64_t>(table.size()));
      total += (sizes.back() + kLeastAlignment - 1) / kLeastAlignment * kLeastAlignment;
    }
    if (by_address_) {
      NPU_ASSIGN_OR_RETURN(shared_tables_, DeviceMemory::Allocate(*device_, offsets, sizes, total, true));
    }
    int i = 0;
    for (const auto& table : tables) {
      if (by_address_) {
        std::ranges::copy(table, shared_tables_.host(i));
        launch_->SetAddress(first++, shared_tables_.host(i++));
        continue;
      }
      cl_int code = CL_SUCCESS;
      // The driver copies the bytes; the pointer is not const in the bindings.
      tables_.emplace_back(device_->context(), CL_MEM_READ_ONLY | CL_MEM_COPY_HOST_PTR, table.size(),
                           const_cast<std::byte*>(table.data()), &code);
      NPU_RETURN_IF_CL_ERROR(code, "clCreateBuffer(tables of a frame)", device_->name());
      launch_->SetArgument(first++, tables_.back()());
    }
    return {};
  }

  static constexpr cl_uint kPixelTables = 10, kStripTables = 7;

  std::shared_ptr<OpenClDevice> device_;
  std::shared_ptr<const Conversion> conversion_;
  const bool by_address_;
  DeviceMemory shared_tables_;
  std::vector<cl::Buffer> tables_;  // where not by_address_
  std::unique_ptr<FrameLaunch> launch_;
  HostBuffers buffers_;  // where not by_address_
  DmaBufImports imports_;
  bool strips_ = false, reads_imports_ = false;
  size_t copied_bytes_ = 0;
  std::string name_;
  const std::string import_name_ = "opencl pixels, imported DMA-BUF";
};

}  // namespace

Result<std::unique_ptr<FrameConverter>> MakeFrameConverter(std::shared_ptr<OpenClDevice> device,
                                                           std::shared_ptr<const Conversion> conversion,
                                                           FrameKernel kernel, const TeamSettings& team,
                                                           const ExternalMemory* imports) {
  NPU_RETURN_IF_ERROR(CheckProcess());
  std::optional<StripTables> strips;
  if (kernel != FrameKernel::kPixels && (device->limits().type & CL_DEVICE_TYPE_CPU) != 0 && CpuHasVbmi()) {
    strips = MakeStripTables(*conversion);
  }
  if (kernel == FrameKernel::kStrips && !strips) {
    return Fail(ErrorCode::kUnsupported, "frames of this kind, or this processor, have no strips");
  }
  if (kernel == FrameKernel::kBest && strips && !StripsWork(device)) strips.reset();
  auto converter = std::make_unique<OpenClFrameConverter>(std::move(device), std::move(conversion), imports);
  NPU_RETURN_IF_ERROR(converter->Prepare(strips ? &*strips : nullptr, team));
  return converter;
}

}  // namespace npu

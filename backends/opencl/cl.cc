// SPDX-License-Identifier: Apache-2.0
#include "backends/opencl/cl.h"

#include <fmt/format.h>

#include <thread>

namespace npu {

std::string_view ClCodeName(cl_int code) {
#define NPU_CL_CODE(symbol) \
  case symbol: return #symbol;
  switch (code) {
    NPU_CL_CODE(CL_SUCCESS)
    NPU_CL_CODE(CL_DEVICE_NOT_FOUND)
    NPU_CL_CODE(CL_DEVICE_NOT_AVAILABLE)
    NPU_CL_CODE(CL_COMPILER_NOT_AVAILABLE)
    NPU_CL_CODE(CL_MEM_OBJECT_ALLOCATION_FAILURE)
    NPU_CL_CODE(CL_OUT_OF_RESOURCES)
    NPU_CL_CODE(CL_OUT_OF_HOST_MEMORY)
    NPU_CL_CODE(CL_PROFILING_INFO_NOT_AVAILABLE)
    NPU_CL_CODE(CL_MEM_COPY_OVERLAP)
    NPU_CL_CODE(CL_BUILD_PROGRAM_FAILURE)
    NPU_CL_CODE(CL_MAP_FAILURE)
    NPU_CL_CODE(CL_MISALIGNED_SUB_BUFFER_OFFSET)
    NPU_CL_CODE(CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST)
    NPU_CL_CODE(CL_COMPILE_PROGRAM_FAILURE)
    NPU_CL_CODE(CL_LINKER_NOT_AVAILABLE)
    NPU_CL_CODE(CL_LINK_PROGRAM_FAILURE)
    NPU_CL_CODE(CL_DEVICE_PARTITION_FAILED)
    NPU_CL_CODE(CL_KERNEL_ARG_INFO_NOT_AVAILABLE)
    NPU_CL_CODE(CL_INVALID_VALUE)
    NPU_CL_CODE(CL_INVALID_DEVICE_TYPE)
    NPU_CL_CODE(CL_INVALID_PLATFORM)
    NPU_CL_CODE(CL_INVALID_DEVICE)
    NPU_CL_CODE(CL_INVALID_CONTEXT)
    NPU_CL_CODE(CL_INVALID_QUEUE_PROPERTIES)
    NPU_CL_CODE(CL_INVALID_COMMAND_QUEUE)
    NPU_CL_CODE(CL_INVALID_HOST_PTR)
    NPU_CL_CODE(CL_INVALID_MEM_OBJECT)
    NPU_CL_CODE(CL_INVALID_BINARY)
    NPU_CL_CODE(CL_INVALID_BUILD_OPTIONS)
    NPU_CL_CODE(CL_INVALID_PROGRAM)
    NPU_CL_CODE(CL_INVALID_PROGRAM_EXECUTABLE)
    NPU_CL_CODE(CL_INVALID_KERNEL_NAME)
    NPU_CL_CODE(CL_INVALID_KERNEL_DEFINITION)
    NPU_CL_CODE(CL_INVALID_KERNEL)
    NPU_CL_CODE(CL_INVALID_ARG_INDEX)
    NPU_CL_CODE(CL_INVALID_ARG_VALUE)
    NPU_CL_CODE(CL_INVALID_ARG_SIZE)
    NPU_CL_CODE(CL_INVALID_KERNEL_ARGS)
    NPU_CL_CODE(CL_INVALID_WORK_DIMENSION)
    NPU_CL_CODE(CL_INVALID_WORK_GROUP_SIZE)
    NPU_CL_CODE(CL_INVALID_WORK_ITEM_SIZE)
    NPU_CL_CODE(CL_INVALID_GLOBAL_OFFSET)
    NPU_CL_CODE(CL_INVALID_EVENT_WAIT_LIST)
    NPU_CL_CODE(CL_INVALID_EVENT)
    NPU_CL_CODE(CL_INVALID_OPERATION)
    NPU_CL_CODE(CL_INVALID_BUFFER_SIZE)
    NPU_CL_CODE(CL_INVALID_GLOBAL_WORK_SIZE)
    NPU_CL_CODE(CL_INVALID_PROPERTY)
    NPU_CL_CODE(CL_INVALID_COMPILER_OPTIONS)
    NPU_CL_CODE(CL_INVALID_LINKER_OPTIONS)
    NPU_CL_CODE(CL_INVALID_DEVICE_PARTITION_COUNT)
    // Of the cl_khr_icd extension, whose header is not needed otherwise.
    case -1001: return "CL_PLATFORM_NOT_FOUND_KHR";
    default: return "unknown code";
  }
#undef NPU_CL_CODE
}

tl::unexpected<Error> ClFail(std::string_view call, cl_int code, std::string_view device) {
  return Fail(ErrorCode::kDevice, fmt::format("{}: {} ({}){}{}", call, ClCodeName(code), code,
                                              device.empty() ? "" : " on ", device));
}

cl_int WaitForEvent(cl_event event) {
  if (const cl_int code = clWaitForEvents(1, &event); code != CL_SUCCESS) return code;
  for (;;) {
    cl_int status = CL_COMPLETE;
    const cl_int code =
        clGetEventInfo(event, CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof(status), &status, nullptr);
    if (code != CL_SUCCESS) return code;
    if (status <= CL_COMPLETE) return status;  // CL_COMPLETE is CL_SUCCESS
    std::this_thread::yield();
  }
}

}  // namespace npu

// Kernels for devices whose work-items are the lanes of a vector (GPUs), by the names and with the arguments of the
// kernels for CPUs that they replace: one output channel per work-item, so that neighbours read neighbouring words of
// weights. OpenCL C. What a work-item of the other form does, NPU_SIMT_PIECES groups share (launch_shape.h): in
// dimension 0 a group is a strip of 64 channels, in dimension 1 a piece of its pixels or rows.
// SPDX-License-Identifier: Apache-2.0

#ifdef NPU_SIMT

#define NPU_SIMT_CHANNELS 64
#define NPU_SIMT_PIECES 16  // kSimtPieces of backends/opencl/launch_shape.h
#define NPU_SIMT_KERNEL(ROWS) __attribute__((reqd_work_group_size(NPU_SIMT_CHANNELS, ROWS, 1))) __kernel

// The work-item of the other form, and which of its groups this one is. ROWS: the group's size in dimension 1.
static inline int npu_simt_item0(void) { return (int)get_global_id(0) / NPU_SIMT_CHANNELS; }
static inline int npu_simt_item1(int rows) { return (int)get_global_id(1) / (rows * NPU_SIMT_PIECES); }
static inline int npu_simt_piece(int rows) { return (int)get_global_id(1) / rows % NPU_SIMT_PIECES; }

// Four bytes at any address; devices read words at multiples of four only.
static inline uint npu_simt_word(__global const uchar* p, int aligned) {
  if (aligned) return *(__global const uint*)p;
  return p[0] | (uint)p[1] << 8 | (uint)p[2] << 16 | (uint)p[3] << 24;
}

// A rescaled sum as it is stored; npu_finish16 (convolution.h) of one lane.
static inline uchar npu_simt_finish(int scaled, int zero_point, int range_min, int range_max, int storage_offset) {
  const int sum = (int)((uint)scaled + (uint)zero_point);
  return (uchar)(clamp(sum, range_min, range_max) + storage_offset);
}

#endif

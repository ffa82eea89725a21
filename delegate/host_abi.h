// The C structs that a TFLite or LiteRT host shares with a delegate plug-in, declared in our own words
// from measured layouts, so that one plug-in loads into tflite-runtime 2.7 ... 2.14, TensorFlow 2.8 ...
// 2.21 and LiteRT 1.0 ... 2.3 without linking to, or compiling against, any of them.
// Hosts only ever append fields. Hence two rules: READ no field that the oldest host lacks (each struct
// ends at that field), and WRITE the newest layout plus a zero tail (Registration, Delegate).
// Enums of the host are plain int32_t here: a value outside the enumeration is data, not undefined
// behaviour, and whoever reads it checks its range. The same goes for booleans (uint8_t).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

namespace npu::host {

// ---- numbers ---------------------------------------------------------------------------------------

// Only these two statuses are ours to return.
using StatusCode = int32_t;
inline constexpr StatusCode kOk = 0;
inline constexpr StatusCode kError = 1;

// Element types: not the numbers of the file format (host_graph.cc translates).
inline constexpr int32_t kTypeFloat32 = 1, kTypeInt32 = 2, kTypeUInt8 = 3, kTypeInt64 = 4, kTypeInt8 = 9;

// Who owns a tensor's memory.
inline constexpr int32_t kAllocationMmapRo = 1;   // a constant of the model file
inline constexpr int32_t kAllocationArenaRw = 2;  // an activation; data is NULL until allocated
inline constexpr int32_t kAllocationDynamic = 4;  // (re)allocated whenever it is resized

inline constexpr int32_t kQuantizationNone = 0;
inline constexpr int32_t kQuantizationAffine = 1;  // newer kinds (blockwise) are not read

inline constexpr int32_t kBuiltinCustom = 32;
inline constexpr int32_t kBuiltinDelegate = 51;  // a node that some delegate already took

// Tells the host to hand over graphs whose tensors or custom operators it cannot prepare itself. The one
// flag value that lets stock hosts run models with custom operators they have never heard of.
inline constexpr int64_t kFlagAllowDynamicTensors = 1;

// ---- arrays, tensors, nodes: the same in every known host ------------------------------------------

struct IntArray {  // freed with free(): arrays handed to the host come from malloc (MakeIntArray)
  int32_t size;
  int32_t data[];
};

struct FloatArray {
  int32_t size;
  float data[];
};

struct AffineQuantization {
  FloatArray* scale;
  IntArray* zero_point;
  int32_t quantized_dimension;
};

struct Delegate;

struct Tensor {
  int32_t type;
  void* data;
  IntArray* dims;
  float legacy_scale;  // of per-tensor quantization; `quantization` has it, too
  int32_t legacy_zero_point;
  int32_t allocation_type;
  size_t bytes;
  const void* allocation;
  const char* name;
  Delegate* delegate;
  int32_t buffer_handle;
  uint8_t data_is_stale;
  uint8_t is_variable;
  int32_t quantization_kind;
  void* quantization;  // AffineQuantization when the kind says so
  void* sparsity;
  const IntArray* dims_signature;  // NULL, or dims with -1 where dynamic
};

struct Node {
  IntArray* inputs;  // -1: an optional operand that is absent
  IntArray* outputs;
  IntArray* intermediates;
  IntArray* temporaries;
  void* user_data;     // what Registration::init returned
  void* builtin_data;  // one of the parameter structs below, by operator
  const void* custom_initial_data;
  int32_t custom_initial_data_size;
  Delegate* delegate;
  uint8_t might_have_side_effect;
};

// ---- what the host calls ---------------------------------------------------------------------------

struct Context;

// Passed BY VALUE to ReplaceNodeSubsetsWithDelegateKernels. Hosts know 64 bytes (2.7), 72 (2.10),
// 80 (2.13) or 88 (2.14 and later). On x86-64 and AArch64 an over-long struct is harmless, since the
// arguments after it travel in registers; a short one makes the host read garbage. On 32-bit ARM the
// later arguments follow it on the stack, so its size would have to be the host's exactly: plugin.cc
// refuses to create a delegate there.
struct Registration {
  void* (*init)(Context*, const char* buffer, size_t length);  // buffer: a DelegateParams
  void (*free)(Context*, void* user_data);
  StatusCode (*prepare)(Context*, Node*);
  StatusCode (*invoke)(Context*, Node*);
  const char* (*profiling_string)(const Context*, const Node*);
  int32_t builtin_code;
  const char* custom_name;
  int32_t version;
  void* registration_external;  // 2.10
  void* async_kernel;           // 2.13
  uint64_t inplace_operator;    // 2.14
  uint64_t zero_tail[5];        // ours
};

// Lives in our memory and is read by the host: newer ones look past `flags`.
struct Delegate {
  void* data;
  StatusCode (*prepare)(Context*, Delegate*);
  StatusCode (*copy_from_buffer_handle)(Context*, Delegate*, int32_t, Tensor*);
  StatusCode (*copy_to_buffer_handle)(Context*, Delegate*, int32_t, Tensor*);
  void (*free_buffer_handle)(Context*, Delegate*, int32_t*);
  int64_t flags;
  void* opaque_delegate_builder;  // 2.11
  uint64_t zero_tail[9];          // ours
};

struct DelegateParams {
  Delegate* delegate;
  IntArray* nodes_to_replace;
  IntArray* input_tensors;   // ascending, constants included
  IntArray* output_tensors;  // ascending
};

// What we call. Hosts from 2.14 on append two functions, but on older ones the words behind the end hold
// garbage that cannot be told from pointers: nothing past GetModelMetadata is declared, nor called.
// The functions marked (prepare) work while Delegate::prepare runs and are blocked afterwards.
struct Context {
  size_t tensors_size;
  StatusCode (*get_execution_plan)(Context*, IntArray** plan);  // (prepare) owned by the host
  Tensor* tensors;
  void* impl;
  StatusCode (*resize_tensor)(Context*, Tensor*, IntArray* new_size);  // takes new_size in every case
  void (*report_error)(Context*, const char* format, ...);
  StatusCode (*add_tensors)(Context*, int32_t, int32_t*);
  StatusCode (*get_node_and_registration)(Context*, int32_t node, Node**, Registration**);  // (prepare)
  StatusCode (*replace_node_subsets_with_delegate_kernels)(Context*, Registration, const IntArray* nodes,
                                                           Delegate*);  // (prepare)
  int32_t recommended_num_threads;                                      // -1: no opinion
  void* (*get_external_context)(Context*, int32_t);
  void (*set_external_context)(Context*, int32_t, void*);
  uint8_t allow_fp32_relax_to_fp16;
  void* profiler;
  void* (*allocate_persistent_buffer)(Context*, size_t);
  StatusCode (*allocate_buffer_for_eval)(Context*, size_t, void**);
  StatusCode (*request_scratch_buffer_in_arena)(Context*, size_t, int32_t*);
  void* (*get_scratch_buffer)(Context*, int32_t);
  StatusCode (*resize_tensor_explicit)(Context*, Tensor*, int32_t, const int32_t*);
  StatusCode (*preview_delegate_partitioning)(Context*, const IntArray* nodes, DelegateParams** partitions,
                                              int32_t* count);  // (prepare) owned by the host
  void* get_tensor_unused;                                      // NULL outside microcontroller hosts
  void* get_eval_tensor_unused;                                 // likewise
  StatusCode (*get_model_metadata)(const Context*, const char*, const char**, size_t*);
};

// ---- operator parameters (Node::builtin_data) ------------------------------------------------------
// Each struct ends where the oldest host's ends, except for the one field of StridedSlice noted there.

struct ConvParams {
  int32_t padding;  // 1 SAME, 2 VALID: not the file format's 0 and 1
  int32_t stride_width, stride_height;
  int32_t activation;  // here and below: the numbers of the file format
  int32_t dilation_width, dilation_height;
};

struct DepthwiseConvParams {
  int32_t padding;
  int32_t stride_width, stride_height;
  int32_t depth_multiplier;
  int32_t activation;
  int32_t dilation_width, dilation_height;
};

struct PoolParams {
  int32_t padding;
  int32_t stride_width, stride_height;
  int32_t filter_width, filter_height;
  int32_t activation;
};

struct FullyConnectedParams {
  int32_t activation;
  int32_t weights_format;  // 0 plain, 1 shuffled 4x16
  uint8_t keep_num_dims;
  uint8_t asymmetric_quantize_inputs;
};

struct AddParams {  // ADD and SUB
  int32_t activation;
  uint8_t pot_scale_int16;
};

struct MulParams {
  int32_t activation;
};

struct ConcatenationParams {
  int32_t axis;
  int32_t activation;
};

struct SoftmaxParams {
  float beta;
};

struct ReshapeParams {  // and SQUEEZE: dimensions, then how many of them count
  int32_t dims[8];
  int32_t count;
};

struct ReducerParams {
  uint8_t keep_dims;
};

struct ResizeParams {
  uint8_t align_corners;
  uint8_t half_pixel_centers;
};

struct LeakyReluParams {
  float alpha;
};

struct GeluParams {
  uint8_t approximate;
};

struct StridedSliceParams {
  int32_t begin_mask, end_mask, ellipsis_mask, new_axis_mask, shrink_axis_mask;
  uint8_t offset;  // 2.14: read it only for operator version 8, which older hosts do not have
};

struct SplitParams {  // SPLIT and SPLIT_V
  int32_t num_splits;
};

struct PackParams {
  int32_t values_count;
  int32_t axis;
};

struct GatherParams {
  int32_t axis;
  int32_t batch_dims;
};

struct UnpackParams {
  int32_t num;
  int32_t axis;
};

struct SpaceDepthParams {  // SPACE_TO_DEPTH and DEPTH_TO_SPACE
  int32_t block_size;
};

struct MirrorPadParams {
  int32_t mode;  // 1 REFLECT, 2 SYMMETRIC: not the file format's 0 and 1
};

struct ArgMinMaxParams {
  int32_t output_type;  // an element type of the host
};

struct L2NormParams {
  int32_t activation;
};

struct TransposeConvParams {
  int32_t padding;
  int32_t stride_width, stride_height;
  int32_t activation;  // 2.14: read it only for operator version 4 and up
};

struct BatchMatmulParams {
  uint8_t adj_x, adj_y;
  uint8_t asymmetric_quantize_inputs;
};

struct SequenceLstmParams {  // LSTM's end before time_major
  int32_t activation;
  float cell_clip, proj_clip;
  uint8_t time_major;
  uint8_t asymmetric_quantize_inputs;
};

struct SvdfParams {
  int32_t rank;
  int32_t activation;
  uint8_t asymmetric_quantize_inputs;
};

struct VarHandleParams {
  const char* container;
  const char* shared_name;
};

struct CallOnceParams {
  int32_t init_subgraph_index;
};

struct ShapeParams {
  int32_t out_type;  // an element type of the host
};

// ---- layout ----------------------------------------------------------------------------------------
// Offsets measured on 12 header snapshots from 2021-12 to 2026-08 (64-bit: x86-64 and AArch64).
#if UINTPTR_MAX == UINT64_MAX
static_assert(sizeof(Tensor) == 112 && offsetof(Tensor, dims) == 16 && offsetof(Tensor, legacy_scale) == 24 &&
              offsetof(Tensor, allocation_type) == 32 && offsetof(Tensor, bytes) == 40 &&
              offsetof(Tensor, name) == 56 && offsetof(Tensor, delegate) == 64 &&
              offsetof(Tensor, buffer_handle) == 72 && offsetof(Tensor, is_variable) == 77 &&
              offsetof(Tensor, quantization_kind) == 80 && offsetof(Tensor, quantization) == 88 &&
              offsetof(Tensor, sparsity) == 96 && offsetof(Tensor, dims_signature) == 104);
static_assert(sizeof(Node) == 80 && offsetof(Node, user_data) == 32 && offsetof(Node, builtin_data) == 40 &&
              offsetof(Node, custom_initial_data) == 48 && offsetof(Node, custom_initial_data_size) == 56 &&
              offsetof(Node, delegate) == 64);
static_assert(sizeof(AffineQuantization) == 24 && sizeof(DelegateParams) == 32);
static_assert(sizeof(Registration) == 128 && offsetof(Registration, builtin_code) == 40 &&
              offsetof(Registration, custom_name) == 48 && offsetof(Registration, version) == 56 &&
              offsetof(Registration, registration_external) == 64 &&
              offsetof(Registration, inplace_operator) == 80);
static_assert(sizeof(Delegate) == 128 && offsetof(Delegate, flags) == 40 &&
              offsetof(Delegate, opaque_delegate_builder) == 48);
static_assert(offsetof(Context, tensors) == 16 && offsetof(Context, resize_tensor) == 32 &&
              offsetof(Context, get_node_and_registration) == 56 &&
              offsetof(Context, replace_node_subsets_with_delegate_kernels) == 64 &&
              offsetof(Context, recommended_num_threads) == 72 &&
              offsetof(Context, allow_fp32_relax_to_fp16) == 96 &&
              offsetof(Context, resize_tensor_explicit) == 144 &&
              offsetof(Context, preview_delegate_partitioning) == 152 &&
              offsetof(Context, get_model_metadata) == 176);
#endif
static_assert(sizeof(ConvParams) == 24 && sizeof(DepthwiseConvParams) == 28 && sizeof(PoolParams) == 24 &&
              sizeof(FullyConnectedParams) == 12 && sizeof(ReshapeParams) == 36 &&
              sizeof(BatchMatmulParams) == 3 && sizeof(SequenceLstmParams) == 16 && sizeof(SvdfParams) == 12 &&
              sizeof(ResizeParams) == 2 && offsetof(StridedSliceParams, offset) == 20);

}  // namespace npu::host

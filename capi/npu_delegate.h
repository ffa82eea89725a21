/* npu_delegate.h: run .tflite models on an NPU, and learn what goes where. C11, one header.
 *
 * model bytes -> npu_model -> npu_plan -> npu_session -> npu_session_invoke.
 *
 *   npu_model* model = NULL;  npu_plan* plan = NULL;  npu_session* session = NULL;
 *   if (npu_model_open_file("digits_int8.tflite", &model) != NPU_OK) die(npu_last_error());
 *   npu_plan_create(model, NULL, 0, &plan);
 *   npu_session_create(plan, &session);
 *   npu_session_copy_input(session, 0, pixels, sizeof pixels);
 *   npu_session_invoke(session);
 *   npu_session_copy_output(session, 0, scores, sizeof scores);
 *
 * Errors: functions return npu_status; the text of the last failure of this thread is npu_last_error().
 * Ownership: every npu_*_create / npu_model_open_* has one npu_*_destroy, which accepts NULL. Objects may
 * be destroyed in any order: a plan keeps its model, a session keeps its plan.
 * Threads: a model and a plan may be used from many threads at once; a session from one at a time.
 * Versions: structs start with struct_size (set it to sizeof the struct before the call); enum values are
 * never reused. No function throws, aborts or exits, whatever the model holds.
 * Strings returned belong to the object that they were asked of, unless said otherwise.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef NPU_DELEGATE_H_
#define NPU_DELEGATE_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(NPU_DELEGATE_BUILD)
#define NPU_API __attribute__((visibility("default")))
#else
#define NPU_API
#endif

/* ---- status ------------------------------------------------------------------------------------- */

typedef enum npu_status {
  NPU_OK = 0,
  NPU_INVALID_ARGUMENT = 1,   /* null pointer, index or size out of range: the caller's mistake */
  NPU_INVALID_MODEL = 2,      /* the bytes are not a well-formed .tflite model */
  NPU_INVALID_OPTION = 3,     /* unknown option key, or a value that it does not take */
  NPU_UNSUPPORTED = 4,        /* well-formed, but cannot run here (operators left to the host) */
  NPU_DEVICE_ERROR = 5,       /* no OpenCL device, or it failed */
  NPU_IO_ERROR = 6,           /* a file could not be read or written */
  NPU_RESOURCE_EXHAUSTED = 7, /* out of memory, or a size over the limit */
  NPU_INTERNAL = 8,           /* a bug in this library */
  NPU_TIMEOUT = 9             /* nothing happened within the time that was given */
} npu_status;

/* Text of the last failed call of this thread; "" if none failed. Valid until this thread's next call. */
NPU_API const char* npu_last_error(void);
/* "NPU_INVALID_MODEL" for NPU_INVALID_MODEL, and so on. Static. */
NPU_API const char* npu_status_name(npu_status status);
/* "0.1.0": the library's version. Static. */
NPU_API const char* npu_version(void);

/* ---- options ------------------------------------------------------------------------------------ */

/* One option, both strings not NULL: the keys of docs/options.md, the same as the plug-in takes. */
typedef struct npu_option {
  const char* key;
  const char* value;
} npu_option;

/* Every option with its default, one per line. Static. */
NPU_API const char* npu_options_help(void);

/* ---- devices ------------------------------------------------------------------------------------ */

/* JSON array of the OpenCL devices: [{"index","platform","name","driver_version"}]. An empty array and
 * NPU_OK when there is none. Free with npu_string_destroy. */
NPU_API npu_status npu_devices_json(char** out_json);

/* What is known of the devices and, measured now (about a second when nothing is compiled; kept in the option cache_dir),
 * how fast the one is that the options name (keys device, threads, cache_dir): JSON, docs/profiling.md. NPU_OK also when
 * there is no device: "selected" is null then and "error" says why. Free with npu_string_destroy. NPU_INVALID_OPTION. */
NPU_API npu_status npu_device_info_json(const npu_option* options, size_t option_count, char** out_json);

/* The rule table as Markdown: every operator that anything here computes, with its newest known version and where it may
 * run, every rule that it must keep, and the vocabulary of reasons. docs/operators.md is this, with what does not conform.
 * Free with npu_string_destroy. */
NPU_API npu_status npu_supported_ops(char** out_markdown);

/* Frees a string that a function's comment says to free. NULL is fine. */
NPU_API void npu_string_destroy(char* string);

/* ---- model -------------------------------------------------------------------------------------- */

typedef struct npu_model npu_model;

/* Maps and checks a .tflite file. NPU_IO_ERROR, NPU_INVALID_MODEL. */
NPU_API npu_status npu_model_open_file(const char* path, npu_model** out_model);
/* The same from memory, which must stay valid and unchanged until the model and everything made from it
 * are destroyed. */
NPU_API npu_status npu_model_open_memory(const void* bytes, size_t size, npu_model** out_model);
NPU_API void npu_model_destroy(npu_model* model);

/* ---- plan: what goes where ---------------------------------------------------------------------- */

typedef struct npu_plan npu_plan;

typedef enum npu_placement {
  NPU_PLACEMENT_NPU = 0,          /* the OpenCL device */
  NPU_PLACEMENT_DELEGATE_CPU = 1, /* this library's CPU kernels */
  NPU_PLACEMENT_HOST = 2          /* left to the host runtime */
} npu_placement;

typedef struct npu_op_info {
  size_t struct_size;
  const char* name;        /* "CONV_2D", or a custom operator's own name */
  int32_t version;
  npu_placement placement;
  int32_t segment;         /* -1: on the host, or evaluated when the plan was made */
  int32_t partition;       /* -1: on the host */
  int64_t macs;            /* multiply-accumulates of one invocation */
  size_t reason_count;     /* why it is not on the NPU: every failed rule */
} npu_op_info;

typedef struct npu_reason {
  size_t struct_size;
  const char* code;        /* "UNSUPPORTED_INPUT_TYPE": stable, see docs/operators.md */
  const char* text;
  const char* actual;
  const char* allowed;
} npu_reason;

typedef struct npu_segment_info {
  size_t struct_size;
  npu_placement placement; /* NPU or DELEGATE_CPU */
  int32_t partition;
  size_t op_count;
  int64_t macs;
} npu_segment_info;

/* Plans the model's first subgraph. options may be NULL when option_count is 0. NPU_INVALID_OPTION. */
NPU_API npu_status npu_plan_create(const npu_model* model, const npu_option* options,
                                   size_t option_count, npu_plan** out_plan);
NPU_API void npu_plan_destroy(npu_plan* plan);

NPU_API size_t npu_plan_op_count(const npu_plan* plan);
NPU_API npu_status npu_plan_op(const npu_plan* plan, size_t op, npu_op_info* out_info);
NPU_API npu_status npu_plan_reason(const npu_plan* plan, size_t op, size_t reason, npu_reason* out_reason);
NPU_API size_t npu_plan_segment_count(const npu_plan* plan);
NPU_API npu_status npu_plan_segment(const npu_plan* plan, size_t segment, npu_segment_info* out_info);
NPU_API size_t npu_plan_partition_count(const npu_plan* plan);
/* The whole plan as JSON (schema_version 1, docs/c-api.md). Lives as long as the plan. Written at the first call; "" if
 * there is no memory for it (npu_last_error). */
NPU_API const char* npu_plan_json(const npu_plan* plan);

/* Runs every segment alone on random boundary inputs drawn from `seed`, on the device and on the CPU
 * reference (which undoes graph folds), and compares every byte. out_json (free with npu_string_destroy): {"device", "segments":
 * [{"index", "placement", "outputs": [{"tensor", "name", "elements", "max_difference", "differing"}]}],
 * "max_difference", "tolerance"}. tolerance is 0. With requantize=float it is 1, for single operators: "operators"
 * {"elements", "max_difference", "differing"} is of every operator alone, on exact inputs; differences of whole segments
 * may be larger. Works for models with host operators, too. NPU_DEVICE_ERROR. */
NPU_API npu_status npu_plan_verify(const npu_plan* plan, uint64_t seed, char** out_json);

/* Runs every partition alone `runs` times, and once before, on random boundary inputs drawn from `seed`, and tells where
 * the time goes: the document of npu_session_profile_json (free with npu_string_destroy). Works for models with host
 * operators, too. NPU_DEVICE_ERROR. */
NPU_API npu_status npu_plan_profile(const npu_plan* plan, uint64_t seed, size_t runs, char** out_json);

/* ---- session: run a whole model without a host -------------------------------------------------- */

typedef struct npu_session npu_session;

/* Element types; values as in the .tflite format. */
typedef enum npu_type {
  NPU_TYPE_FLOAT32 = 0,
  NPU_TYPE_FLOAT16 = 1,
  NPU_TYPE_INT32 = 2,
  NPU_TYPE_UINT8 = 3,
  NPU_TYPE_INT64 = 4,
  NPU_TYPE_BOOL = 6,
  NPU_TYPE_INT16 = 7,
  NPU_TYPE_INT8 = 9
} npu_type;

#define NPU_MAX_RANK 8

typedef struct npu_tensor_info {
  size_t struct_size;
  const char* name;
  npu_type type;
  int32_t rank;
  int32_t dims[NPU_MAX_RANK];  /* NHWC for images; dims[rank..] are 0 */
  float scale;                 /* real = scale * (q - zero_point); 0 when not quantized */
  int32_t zero_point;
  size_t bytes;
  /* Above 0: the tensor holds signs of Larq's binary operators, not numbers. The last of dims counts INT32 words, each of
   * 32 signs: channel c of this many is bit c % 32 of word c / 32 (bit 0 the lowest), 0 for +1 and 1 for -1. 0: numbers. */
  int32_t packed_channels;
} npu_tensor_info;

/* Compiles the plan for its device. NPU_UNSUPPORTED, with the list of operators, if any is placed on the host
 * that a session does not do itself; NPU_DEVICE_ERROR if no device is there. What it does itself: resource variables
 * (VAR_HANDLE, READ_VARIABLE, ASSIGN_VARIABLE, CALL_ONCE), and, on the CPU, operators that are left to the host only
 * because they have none on the NPU beside them (NOT_BESIDE_NPU, SEGMENT_TOO_SHORT). */
NPU_API npu_status npu_session_create(const npu_plan* plan, npu_session** out_session);
NPU_API void npu_session_destroy(npu_session* session);

NPU_API size_t npu_session_input_count(const npu_session* session);
NPU_API size_t npu_session_output_count(const npu_session* session);
NPU_API npu_status npu_session_input(const npu_session* session, size_t index, npu_tensor_info* out_info);
NPU_API npu_status npu_session_output(const npu_session* session, size_t index, npu_tensor_info* out_info);

/* Unpacks signs as a tensor with packed_channels = channels holds them: `pixels` times (channels + 31) / 32 words of 32 bits
 * become `pixels` times `channels` values +1 or -1. NPU_INVALID_ARGUMENT. */
NPU_API npu_status npu_unpack_signs(const void* words, size_t pixels, int32_t channels, int8_t* out_signs);

/* Copies bytes in before, and out after, an invocation. bytes must be the tensor's exact size. */
NPU_API npu_status npu_session_copy_input(npu_session* session, size_t index, const void* data, size_t bytes);
NPU_API npu_status npu_session_copy_output(npu_session* session, size_t index, void* data, size_t bytes);

/* Or binds the caller's memory, read at (written by) every later invocation, until bound again; NULL
 * unbinds. It must stay valid meanwhile; size as above; any alignment. Where that is possible nothing is copied: an output
 * may hold anything while it is computed, and after an invocation that failed. */
NPU_API npu_status npu_session_bind_input(npu_session* session, size_t index, const void* data, size_t bytes);
NPU_API npu_status npu_session_bind_output(npu_session* session, size_t index, void* data, size_t bytes);

/* Computes all outputs. Returns when they hold. State (of recurrent operators, and resource variables) goes on from
 * one invocation to the next; a failed invocation leaves it as it was. Sessions of one plan share none. */
NPU_API npu_status npu_session_invoke(npu_session* session);
/* Puts all state back to what it was after npu_session_create: zero; CALL_ONCE initializes variables again. */
NPU_API npu_status npu_session_reset(npu_session* session);

/* Measures every later invocation: time per operator, segment and phase. Slower than without. Forgets what was measured
 * before. The option `profile` does the same from the first invocation on and writes a file at npu_session_destroy. */
NPU_API npu_status npu_session_profile_start(npu_session* session);
/* What was measured since npu_session_profile_start, as JSON that is also a Chrome trace (docs/profiling.md). Free with
 * npu_string_destroy. NPU_INVALID_ARGUMENT if measuring was not started. */
NPU_API npu_status npu_session_profile_json(const npu_session* session, char** out_json);

/* Name of the device that runs the session's NPU segments. Lives as long as the session. */
NPU_API const char* npu_session_device(const npu_session* session);

/* ---- which layer is wrong ----------------------------------------------------------------------- */

/* One tensor, as npu_plan_verify_layers computed it. Pointers live until the callback returns. */
typedef struct npu_layer_tensor {
  size_t struct_size;          /* set by the library */
  int32_t tensor;              /* T# of the model; those that only folds make have higher numbers */
  int32_t op;                  /* Op# that makes it; -1: an input of the model */
  npu_tensor_info info;
  const void* reference;       /* info.bytes of it, each */
  const void* cumulative;      /* by the device, from what the device made before; NULL: not computed */
  const void* isolated;        /* by the device, from what the reference made before; NULL: not computed */
} npu_layer_tensor;
/* Must return (no exception, no longjmp). */
typedef void (*npu_layer_callback)(void* user, const npu_layer_tensor* tensor);

/* Computes one invocation three times, by the CPU reference (which undoes graph folds), by the device segment
 * by segment, and by the device operator by operator on the reference's inputs, and compares every byte of
 * every tensor that is made. inputs: input_count pointers to the model's inputs, each exactly its tensor's
 * size, or NULL and 0: drawn from `seed`. callback, if not NULL, gets every tensor that was compared, in the
 * operators' order, and before them the inputs; tensors of more than NPU_MAX_RANK dimensions it does not get.
 * Works for models with host operators: the reference computes those that it can, what the others make is
 * drawn from `seed`. out_json (free with npu_string_destroy): {"device", "inputs", "ops": [{"index", "op",
 * "name", "placement", "segment", "state": "compared", "folded", "evaluated", "host" or "not compared",
 * "into" (folded), "made_by": "reference", "random" or "nobody" (host), "why" (not compared), "reference":
 * "model" or "folded operator", "outputs": [{"tensor", "name", "elements", "isolated": {"differing",
 * "max_difference"}, "cumulative": the same or null, "agrees": bool, "state": true for a new state}]}],
 * "compared_tensors", "tolerance", "first_diverging": null or the first that does not agree {"op", "name",
 * "tensor", "tensor_name", "in": "isolated" or "cumulative"}, "max_difference"}. A tensor agrees if every
 * byte is equal both ways; with the option requantize=float ("tolerance" is 1, else 0) if isolated 8- and
 * 16-bit values differ by at most 1, others in no bit. NPU_INVALID_ARGUMENT, NPU_DEVICE_ERROR. */
NPU_API npu_status npu_plan_verify_layers(const npu_plan* plan, uint64_t seed, const void* const* inputs, size_t input_count,
                                          npu_layer_callback callback, void* user, char** out_json);

#ifdef __cplusplus
}
#endif

/* Camera frames as inputs; it includes npu_pipeline.h, a queue of them. */
#include "npu_frame.h"

#endif /* NPU_DELEGATE_H_ */

/* The public header from C11: links every function, and uses them on the bundled model as a C program would.
 * c_api_test MODEL.tflite
 * SPDX-License-Identifier: Apache-2.0 */
#include <npu_delegate.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failures = 0;

#define EXPECT(condition)                                                                        \
  do {                                                                                           \
    if (!(condition)) {                                                                          \
      printf("%s:%d: %s; last error: \"%s\"\n", __FILE__, __LINE__, #condition, npu_last_error()); \
      ++failures;                                                                                \
    }                                                                                            \
  } while (0)

static void test_errors(void) {
  npu_model* model = NULL;
  EXPECT(npu_model_open_file("no/such/file.tflite", &model) == NPU_IO_ERROR);
  EXPECT(strstr(npu_last_error(), "no/such/file.tflite") != NULL);
  EXPECT(model == NULL);
  EXPECT(npu_model_open_file("no/\033[2Jfile.tflite", &model) == NPU_IO_ERROR);
  EXPECT(strstr(npu_last_error(), "no/?[2Jfile.tflite") != NULL);
  EXPECT(npu_model_open_file(NULL, &model) == NPU_INVALID_ARGUMENT);
  EXPECT(npu_model_open_file("x", NULL) == NPU_INVALID_ARGUMENT);
  EXPECT(npu_model_open_memory("not a model at all, but long enough", 35, &model) == NPU_INVALID_MODEL);
  EXPECT(npu_model_open_memory(NULL, 4, &model) == NPU_INVALID_ARGUMENT);
  EXPECT(npu_plan_create(NULL, NULL, 0, NULL) == NPU_INVALID_ARGUMENT);
  EXPECT(npu_session_create(NULL, NULL) == NPU_INVALID_ARGUMENT);
  EXPECT(npu_session_invoke(NULL) == NPU_INVALID_ARGUMENT);
  EXPECT(npu_plan_op_count(NULL) == 0 && npu_plan_segment_count(NULL) == 0 && npu_plan_partition_count(NULL) == 0);
  EXPECT(npu_session_input_count(NULL) == 0 && npu_session_output_count(NULL) == 0);
  EXPECT(strcmp(npu_plan_json(NULL), "") == 0 && strcmp(npu_session_device(NULL), "") == 0);
  npu_model_destroy(NULL);
  npu_plan_destroy(NULL);
  npu_session_destroy(NULL);
  npu_string_destroy(NULL);
}

static void test_frames(void) {
  static const unsigned char pixels[3 * 4 * 2];
  npu_frame frame = {.struct_size = sizeof frame, .plane_count = 1, .width = 4, .height = 2};
  npu_fit fit = {.struct_size = sizeof fit, .mode = NPU_FIT_LETTERBOX};
  npu_fit_map map = {.struct_size = sizeof map};
  float box[4] = {0, 0, 8, 8};
  EXPECT(npu_fourcc_from_v4l2(NPU_FOURCC('R', 'G', 'B', '3'), &frame.fourcc) == NPU_OK);
  EXPECT(frame.fourcc == NPU_FOURCC_BGR888);
  EXPECT(npu_frame_check(&frame) == NPU_INVALID_ARGUMENT && strstr(npu_last_error(), "planes[0].ptr") != NULL);
  frame.planes[0].ptr = pixels;
  frame.planes[0].stride = 12;
  frame.planes[0].size = sizeof pixels;
  EXPECT(npu_frame_check(&frame) == NPU_OK);
  EXPECT(npu_frame_set_v4l2_colour(&frame, 8, 0, 0) == NPU_OK && frame.range == NPU_RANGE_FULL);
  EXPECT(npu_fit_map_make(&frame, &fit, 8, 8, &map) == NPU_OK && map.roi_height == 4);
  EXPECT(npu_fit_box(&map, box, box) == NPU_OK && box[2] == 4 && box[3] == 2);
  EXPECT(npu_fit_points(&map, box, 2, box) == NPU_OK);
  EXPECT(npu_session_bind_frame(NULL, 0, &frame, &fit, &map) == NPU_INVALID_ARGUMENT);
  EXPECT(npu_session_io_info(NULL, 0, NULL) == NPU_INVALID_ARGUMENT);
}

static void test_constants(void) {
  EXPECT(strlen(npu_version()) > 0);
  EXPECT(strstr(npu_options_help(), "fc_rounding") != NULL);
  for (int status = NPU_OK; status <= NPU_TIMEOUT; ++status) {
    EXPECT(strncmp(npu_status_name((npu_status)status), "NPU_", 4) == 0);
  }
  char* devices = NULL;
  char* operators = NULL;
  EXPECT(npu_supported_ops(&operators) == NPU_OK && strstr(operators, "| CONV_2D |") != NULL);
  npu_string_destroy(operators);
  EXPECT(npu_supported_ops(NULL) == NPU_INVALID_ARGUMENT);
  EXPECT(npu_devices_json(&devices) == NPU_OK);
  EXPECT(devices != NULL && devices[0] == '[');
  npu_string_destroy(devices);
}

static void test_plan(const npu_plan* plan) {
  EXPECT(npu_plan_op_count(plan) == 12);
  EXPECT(npu_plan_partition_count(plan) == 1);
  EXPECT(npu_plan_segment_count(plan) == 1);
  EXPECT(strstr(npu_plan_json(plan), "\"schema_version\": 1") != NULL);
  npu_op_info op = {.struct_size = sizeof op};
  EXPECT(npu_plan_op(plan, 0, &op) == NPU_OK);
  EXPECT(strcmp(op.name, "CONV_2D") == 0 && op.placement == NPU_PLACEMENT_NPU && op.macs > 0 && op.reason_count == 0);
  EXPECT(npu_plan_op(plan, 99, &op) == NPU_INVALID_ARGUMENT);
  op.struct_size = 3;
  EXPECT(npu_plan_op(plan, 0, &op) == NPU_INVALID_ARGUMENT);
  npu_segment_info segment = {.struct_size = sizeof segment};
  EXPECT(npu_plan_segment(plan, 0, &segment) == NPU_OK && segment.op_count > 0 && segment.macs > 0);
  npu_reason reason = {.struct_size = sizeof reason};
  EXPECT(npu_plan_reason(plan, 0, 0, &reason) == NPU_INVALID_ARGUMENT);
}

static void test_options(const npu_model* model) {
  npu_plan* plan = NULL;
  const npu_option unknown = {"colour", "blue"};
  EXPECT(npu_plan_create(model, &unknown, 1, &plan) == NPU_INVALID_OPTION);
  EXPECT(strstr(npu_last_error(), "colour") != NULL && strstr(npu_last_error(), "min_segment_macs") != NULL);
  const npu_option deny = {"deny", "CONV_2D"};
  EXPECT(npu_plan_create(model, &deny, 1, &plan) == NPU_OK);
  npu_op_info op = {.struct_size = sizeof op};
  EXPECT(npu_plan_op(plan, 0, &op) == NPU_OK && op.placement == NPU_PLACEMENT_HOST && op.reason_count == 1);
  npu_reason reason = {.struct_size = sizeof reason};
  EXPECT(npu_plan_reason(plan, 0, 0, &reason) == NPU_OK && strcmp(reason.code, "DENIED_BY_OPTION") == 0);
  npu_session* session = NULL;
  EXPECT(npu_session_create(plan, &session) == NPU_UNSUPPORTED);
  EXPECT(strstr(npu_last_error(), "CONV_2D") != NULL);
  npu_plan_destroy(plan);
}

/* Counts the tensors, each of which the device has computed as the reference. */
static void count_layer(void* user, const npu_layer_tensor* tensor) {
  ++*(int*)user;
  EXPECT(tensor->struct_size == sizeof *tensor && tensor->info.bytes > 0 && tensor->reference != NULL);
  if (tensor->op < 0) return;
  EXPECT(memcmp(tensor->reference, tensor->cumulative, tensor->info.bytes) == 0);
  EXPECT(memcmp(tensor->reference, tensor->isolated, tensor->info.bytes) == 0);
}

static void test_session(npu_plan* plan, npu_model* model) {
  npu_session* session = NULL;
  char* devices = NULL;
  EXPECT(npu_devices_json(&devices) == NPU_OK);
  const bool no_device = devices != NULL && strncmp(devices, "[]", 2) == 0;
  npu_string_destroy(devices);
  if (no_device) {
    printf("no OpenCL device: sessions are not tested\n");
    EXPECT(npu_session_create(plan, &session) == NPU_DEVICE_ERROR);
    npu_plan_destroy(plan);
    npu_model_destroy(model);
    return;
  }
  EXPECT(npu_session_create(plan, &session) == NPU_OK);
  char* verified = NULL;
  EXPECT(npu_plan_verify(plan, 7, &verified) == NPU_OK);
  EXPECT(verified != NULL && strstr(verified, "\"max_difference\": 0.0") != NULL);
  npu_string_destroy(verified);
  int layers = 0;
  EXPECT(npu_plan_verify_layers(NULL, 7, NULL, 0, count_layer, &layers, &verified) == NPU_INVALID_ARGUMENT);
  EXPECT(npu_plan_verify_layers(plan, 7, NULL, 2, count_layer, &layers, &verified) == NPU_INVALID_ARGUMENT);
  EXPECT(strstr(npu_last_error(), "2 inputs are given; the model has 1") != NULL);
  EXPECT(npu_plan_verify_layers(plan, 7, NULL, 1, count_layer, &layers, &verified) == NPU_INVALID_ARGUMENT);
  EXPECT(layers == 0);
  EXPECT(npu_plan_verify_layers(plan, 7, NULL, 0, count_layer, &layers, &verified) == NPU_OK);
  EXPECT(layers == 10); /* the input, and what nine operators make */
  EXPECT(verified != NULL && strstr(verified, "\"first_diverging\": null") != NULL);
  npu_string_destroy(verified);
  char* profiled = NULL;
  EXPECT(npu_plan_profile(NULL, 7, 2, &profiled) == NPU_INVALID_ARGUMENT);
  EXPECT(npu_plan_profile(plan, 7, 2, &profiled) == NPU_OK);
  EXPECT(profiled != NULL && strstr(profiled, "\"invocations\":2") != NULL);
  npu_string_destroy(profiled);
  /* A session outlives what it was made from. */
  npu_plan_destroy(plan);
  npu_model_destroy(model);
  if (session == NULL) return;
  EXPECT(strlen(npu_session_device(session)) > 0);
  EXPECT(npu_session_input_count(session) == 1 && npu_session_output_count(session) == 1);
  npu_tensor_info input = {.struct_size = sizeof input}, output = {.struct_size = sizeof output};
  EXPECT(npu_session_input(session, 0, &input) == NPU_OK && npu_session_output(session, 0, &output) == NPU_OK);
  EXPECT(input.type == NPU_TYPE_INT8 && input.rank == 4 && input.dims[1] == 8 && input.bytes == 64 && input.scale > 0);
  EXPECT(output.bytes == 10);
  EXPECT(input.packed_channels == 0 && output.packed_channels == 0);
  const uint32_t words[4] = {0x80000001u, 0x2u, 0u, 0xffffffffu};
  int8_t signs[68];
  EXPECT(npu_unpack_signs(NULL, 2, 34, signs) == NPU_INVALID_ARGUMENT && npu_unpack_signs(words, 2, 0, signs) == NPU_INVALID_ARGUMENT);
  EXPECT(npu_unpack_signs(words, 2, 34, signs) == NPU_OK);
  EXPECT(signs[0] == -1 && signs[1] == 1 && signs[31] == -1 && signs[32] == 1 && signs[33] == -1);
  EXPECT(signs[34] == 1 && signs[65] == 1 && signs[66] == -1 && signs[67] == -1);

  int8_t image[64], copied[10], bound[10];
  for (int i = 0; i < 64; ++i) image[i] = (int8_t)(4 * i - 128);
  EXPECT(npu_session_copy_input(session, 0, image, 63) == NPU_INVALID_ARGUMENT);
  EXPECT(npu_session_copy_input(session, 1, image, 64) == NPU_INVALID_ARGUMENT);
  EXPECT(npu_session_copy_input(session, 0, image, 64) == NPU_OK);
  EXPECT(npu_session_invoke(session) == NPU_OK);
  EXPECT(npu_session_copy_output(session, 0, copied, sizeof copied) == NPU_OK);

  memset(bound, 0, sizeof bound);
  EXPECT(npu_session_bind_input(session, 0, image, sizeof image) == NPU_OK);
  EXPECT(npu_session_bind_output(session, 0, bound, sizeof bound) == NPU_OK);
  EXPECT(npu_session_copy_input(session, 0, image, 64) == NPU_INVALID_ARGUMENT);
  EXPECT(npu_session_invoke(session) == NPU_OK);
  EXPECT(memcmp(copied, bound, sizeof bound) == 0);
  /* Bound memory is read anew at each invocation; a changed frame changes the answer. */
  memset(image, -128, sizeof image);
  EXPECT(npu_session_invoke(session) == NPU_OK);
  EXPECT(memcmp(copied, bound, sizeof bound) != 0);
  EXPECT(npu_session_bind_input(session, 0, NULL, 0) == NPU_OK);
  EXPECT(npu_session_bind_output(session, 0, NULL, 0) == NPU_OK);

  char* profile = NULL;
  EXPECT(npu_session_profile_json(session, &profile) == NPU_INVALID_ARGUMENT && profile == NULL);
  EXPECT(npu_session_profile_start(NULL) == NPU_INVALID_ARGUMENT);
  EXPECT(npu_session_profile_start(session) == NPU_OK && npu_session_invoke(session) == NPU_OK);
  EXPECT(npu_session_profile_json(session, &profile) == NPU_OK);
  EXPECT(profile != NULL && strstr(profile, "\"traceEvents\"") != NULL && strstr(profile, "CONV_2D@0") != NULL);
  npu_string_destroy(profile);
  npu_session_destroy(session);
}

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  test_errors();
  test_frames();
  test_constants();
  npu_model* model = NULL;
  npu_plan* plan = NULL;
  EXPECT(npu_model_open_file(argv[1], &model) == NPU_OK);
  EXPECT(npu_plan_create(model, NULL, 0, &plan) == NPU_OK);
  if (plan == NULL) return 1;
  test_plan(plan);
  test_options(model);
  test_session(plan, model);
  printf("%s\n", failures == 0 ? "ok" : "FAILED");
  return failures == 0 ? 0 : 1;
}

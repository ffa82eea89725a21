/* run_model MODEL.tflite [INPUTS.npy [LABELS.npy]]: runs a model through the C API, nothing else needed.
 *
 * INPUTS.npy holds one or more inputs of the model's exact type and size one after another (int8
 * [60,8,8,1] for a model with input int8 [1,8,8,1]); without it one input of zeros is run. Prints the
 * largest elements of the first output, or with LABELS.npy (int32, one per input) how many were right.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <npu_delegate.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOP 5

/* Prints the library's error and ends the program: this example has nothing to fall back to. */
static void check(npu_status status, const char* what) {
  if (status == NPU_OK) return;
  fprintf(stderr, "run_model: %s: %s\n", what, npu_last_error());
  exit(status == NPU_DEVICE_ERROR ? 4 : 2);
}

/* Reads the data of a .npy file (version 1, C order); the caller frees it. The header ends after 10 bytes
 * plus a little-endian 16-bit length: numpy.lib.format. */
static unsigned char* read_npy(const char* path, size_t* out_bytes) {
  FILE* file = fopen(path, "rb");
  unsigned char head[10];
  if (file == NULL || fread(head, 1, sizeof head, file) != sizeof head || memcmp(head, "\x93NUMPY\x01", 7) != 0) {
    fprintf(stderr, "run_model: %s is not a readable .npy file of version 1\n", path);
    exit(2);
  }
  long start = (long)sizeof head + head[8] + 256L * head[9];
  if (fseek(file, 0, SEEK_END) != 0 || ftell(file) < start) {
    fprintf(stderr, "run_model: %s ends inside its header\n", path);
    exit(2);
  }
  *out_bytes = (size_t)(ftell(file) - start);
  unsigned char* data = malloc(*out_bytes + 1);
  if (data == NULL || fseek(file, start, SEEK_SET) != 0 || fread(data, 1, *out_bytes, file) != *out_bytes) {
    fprintf(stderr, "run_model: cannot read %s\n", path);
    exit(2);
  }
  fclose(file);
  return data;
}

/* Element i of an output as the real number it stands for. */
static float real_value(const npu_tensor_info* info, const unsigned char* data, size_t i) {
  switch (info->type) {
    case NPU_TYPE_INT8: return info->scale * (float)((int8_t)data[i] - info->zero_point);
    case NPU_TYPE_UINT8: return info->scale * (float)(data[i] - info->zero_point);
    case NPU_TYPE_FLOAT32: {
      float value;
      memcpy(&value, data + i * sizeof value, sizeof value);
      return value;
    }
    default: return 0.0f;
  }
}

static size_t largest(const npu_tensor_info* info, const unsigned char* data, size_t count) {
  size_t best = 0;
  for (size_t i = 1; i < count; ++i) {
    if (real_value(info, data, i) > real_value(info, data, best)) best = i;
  }
  return best;
}

int main(int argc, char** argv) {
  if (argc < 2 || argc > 4) {
    fprintf(stderr, "usage: run_model MODEL.tflite [INPUTS.npy [LABELS.npy]]\n");
    return 3;
  }
  npu_model* model = NULL;
  npu_plan* plan = NULL;
  npu_session* session = NULL;
  check(npu_model_open_file(argv[1], &model), "open model");
  check(npu_plan_create(model, NULL, 0, &plan), "plan");
  check(npu_session_create(plan, &session), "create session");

  npu_tensor_info input = {.struct_size = sizeof input};
  npu_tensor_info output = {.struct_size = sizeof output};
  check(npu_session_input(session, 0, &input), "input");
  check(npu_session_output(session, 0, &output), "output");

  size_t bytes = input.bytes;
  unsigned char* inputs = argc > 2 ? read_npy(argv[2], &bytes) : calloc(input.bytes + 1, 1);
  if (inputs == NULL || input.bytes == 0 || bytes % input.bytes != 0 || bytes == 0) {
    fprintf(stderr, "run_model: the input has %zu bytes; expected a multiple of %zu\n", bytes, input.bytes);
    return 2;
  }
  const size_t count = bytes / input.bytes;
  size_t label_bytes = 0;
  unsigned char* labels = argc > 3 ? read_npy(argv[3], &label_bytes) : NULL;
  if (labels != NULL && label_bytes != count * sizeof(int32_t)) {
    fprintf(stderr, "run_model: %zu bytes of labels for %zu inputs; expected int32\n", label_bytes, count);
    return 2;
  }

  unsigned char* result = malloc(output.bytes + 1);
  if (result == NULL) return 2;
  const size_t element_bytes = output.type == NPU_TYPE_FLOAT32 ? 4 : 1;
  const size_t elements = output.bytes / element_bytes;
  size_t right = 0;
  for (size_t n = 0; n < count; ++n) {
    check(npu_session_copy_input(session, 0, inputs + n * input.bytes, input.bytes), "copy input");
    check(npu_session_invoke(session), "invoke");
    check(npu_session_copy_output(session, 0, result, output.bytes), "copy output");
    if (labels != NULL) {
      int32_t label;
      memcpy(&label, labels + n * sizeof label, sizeof label);
      if ((int32_t)largest(&output, result, elements) == label) ++right;
    }
  }

  printf("device: %s\n", npu_session_device(session));
  printf("%zu operators in %zu partition(s), %zu input(s) run\n", npu_plan_op_count(plan),
         npu_plan_partition_count(plan), count);
  if (labels != NULL) {
    printf("right: %zu of %zu\n", right, count);
  } else {
    /* The last input's largest elements, in order; each found is taken out of the next search. */
    float* values = malloc((elements + 1) * sizeof *values);
    if (values == NULL) return 2;
    for (size_t i = 0; i < elements; ++i) values[i] = real_value(&output, result, i);
    for (size_t k = 0; k < TOP && k < elements; ++k) {
      size_t best = elements;
      for (size_t i = 0; i < elements; ++i) {
        if (values[i] == values[i] && (best == elements || values[i] > values[best])) best = i;
      }
      if (best == elements) break;
      printf("%s[%zu] = %g\n", output.name, best, values[best]);
      values[best] = 0.0f / 0.0f; /* NaN: taken */
    }
    free(values);
  }
  free(result);
  free(labels);
  free(inputs);
  npu_session_destroy(session);
  npu_plan_destroy(plan);
  npu_model_destroy(model);
  return 0;
}

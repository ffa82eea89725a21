/* The GStreamer recipe of docs/camera.md, compiled as it stands there and run: frames of videotestsrc in file descriptors
 * (memfds, which GStreamer takes for DMA-BUFs) give the results of the same frames by address. recipe_test MODEL
 * SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <gst/allocators/gstdmabuf.h>
#include <gst/app/gstappsink.h>
#include <gst/gst.h>
#include <gst/video/video.h>
#include <npu_delegate.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "recipe.h" /* from the document, by gstreamer.cmake */

#define CHECK(condition)                                                                           \
  do {                                                                                             \
    if (!(condition)) {                                                                            \
      fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, #condition, npu_last_error());        \
      exit(1);                                                                                     \
    }                                                                                              \
  } while (0)

enum { kFrames = 8, kBytesOut = 4096 };

/* The sample with its bytes in a memfd. */
static GstSample* InMemfd(GstSample* sample, GstAllocator* allocator) {
  GstVideoInfo info;
  GstMapInfo map;
  CHECK(gst_video_info_from_caps(&info, gst_sample_get_caps(sample)));
  CHECK(gst_buffer_map(gst_sample_get_buffer(sample), &map, GST_MAP_READ));
  int fd = memfd_create("frame", MFD_CLOEXEC);
  CHECK(fd > 0 && write(fd, map.data, map.size) == (ssize_t)map.size);
  GstBuffer* buffer = gst_buffer_new();
  gst_buffer_append_memory(buffer, gst_dmabuf_allocator_alloc(allocator, fd, map.size));
  gst_buffer_add_video_meta_full(buffer, GST_VIDEO_FRAME_FLAG_NONE, GST_VIDEO_INFO_FORMAT(&info), GST_VIDEO_INFO_WIDTH(&info),
                                 GST_VIDEO_INFO_HEIGHT(&info), 2, info.offset, info.stride);
  gst_buffer_unmap(gst_sample_get_buffer(sample), &map);
  GstSample* copy = gst_sample_new(buffer, gst_sample_get_caps(sample), NULL, NULL);
  gst_buffer_unref(buffer);
  return copy;
}

/* What the frame gives when it is handed over by address, without the recipe. */
static void ByAddress(npu_session* session, GstSample* sample, uint8_t* out, size_t bytes) {
  GstVideoInfo info;
  GstMapInfo map;
  CHECK(gst_video_info_from_caps(&info, gst_sample_get_caps(sample)));
  CHECK(gst_buffer_map(gst_sample_get_buffer(sample), &map, GST_MAP_READ));
  npu_frame frame = {.struct_size = sizeof frame, .fourcc = NPU_FOURCC_NV12, .plane_count = 2,
                     .width = (uint32_t)info.width, .height = (uint32_t)info.height};
  frame.matrix = info.colorimetry.matrix == GST_VIDEO_COLOR_MATRIX_BT709 ? NPU_MATRIX_BT709 : NPU_MATRIX_BT601;
  for (int p = 0; p < 2; ++p) {
    frame.planes[p].ptr = map.data;
    frame.planes[p].offset = info.offset[p];
    frame.planes[p].stride = (uint32_t)info.stride[p];
    frame.planes[p].size = map.size;
  }
  CHECK(npu_session_bind_frame(session, 0, &frame, NULL, NULL) == NPU_OK);
  CHECK(npu_session_invoke(session) == NPU_OK);
  CHECK(npu_session_copy_output(session, 0, out, bytes) == NPU_OK);
  gst_buffer_unmap(gst_sample_get_buffer(sample), &map);
}

int main(int argc, char** argv) {
  gst_init(&argc, &argv);
  CHECK(argc == 2);
  npu_model* model = NULL;
  npu_plan* plan = NULL;
  npu_session *session = NULL, *other = NULL;
  npu_option options[] = {{"threads", "1"}};
  CHECK(npu_model_open_file(argv[1], &model) == NPU_OK);
  CHECK(npu_plan_create(model, options, 1, &plan) == NPU_OK);
  npu_status created = npu_session_create(plan, &session);
  if (created == NPU_DEVICE_ERROR) {
    printf("skipped: %s\n", npu_last_error());
    return 77;
  }
  CHECK(created == NPU_OK && npu_session_create(plan, &other) == NPU_OK);
  npu_tensor_info output = {.struct_size = sizeof output};
  CHECK(npu_session_output(session, 0, &output) == NPU_OK && output.bytes <= kBytesOut);
  CHECK(npu_session_pipeline_start(session, 2) == NPU_OK);

  GstElement* source = gst_parse_launch(
      "videotestsrc num-buffers=8 pattern=ball ! video/x-raw,format=NV12,width=322,height=182 ! appsink name=sink sync=false", NULL);
  if (source == NULL) {
    printf("skipped: no videotestsrc or appsink\n");
    return 77;
  }
  GstAppSink* sink = GST_APP_SINK(gst_bin_get_by_name(GST_BIN(source), "sink"));
  GstAllocator* allocator = gst_dmabuf_allocator_new();
  gst_element_set_state(source, GST_STATE_PLAYING);
  int different = 0;
  uint8_t expected[kBytesOut], first[kBytesOut];
  for (uint64_t id = 0; id < kFrames; ++id) {
    GstSample* sample = gst_app_sink_pull_sample(sink);
    CHECK(sample != NULL);
    ByAddress(other, sample, expected, output.bytes);
    if (id == 0) memcpy(first, expected, output.bytes);
    different += memcmp(first, expected, output.bytes) != 0;
    GstSample* in_memfd = InMemfd(sample, allocator);
    GstMiniObject* buffer = GST_MINI_OBJECT(gst_sample_get_buffer(in_memfd));
    gst_mini_object_ref(buffer);
    CHECK(submit(session, in_memfd, id) == NPU_OK);
    npu_result result = {.struct_size = sizeof result};
    CHECK(npu_session_wait(session, -1, &result) == NPU_OK);
    CHECK(result.state == NPU_JOB_DONE && result.id == id);
    CHECK(memcmp(result.outputs[0], expected, output.bytes) == 0);
    CHECK(GST_MINI_OBJECT_REFCOUNT_VALUE(buffer) == 1); /* the sample has been given back */
    gst_mini_object_unref(buffer);
    /* Memory without a descriptor is refused, and the sample is given back all the same. */
    CHECK(submit(session, sample, id) == NPU_UNSUPPORTED);
  }
  CHECK(different > 0);
  gst_element_set_state(source, GST_STATE_NULL);
  CHECK(npu_session_pipeline_stop(session) == NPU_OK);
  npu_io_info info = {.struct_size = sizeof info};
  CHECK(npu_session_io_info(session, 0, &info) == NPU_OK);
  printf("%d frames, %llu bytes copied, read by %s\n", kFrames, (unsigned long long)info.copied_bytes, info.path);
  CHECK(info.frames == kFrames && info.copied_bytes == 0);
  gst_object_unref(allocator);
  gst_object_unref(sink);
  gst_object_unref(source);
  npu_session_destroy(session);
  npu_session_destroy(other);
  npu_plan_destroy(plan);
  npu_model_destroy(model);
  return 0;
}

/* camera_dmabuf MODEL.tflite [/dev/video0]: a V4L2 camera's frames through a model without copying one.
 * The driver's buffers are exported as DMA-BUFs (VIDIOC_EXPBUF); the session reads them where they are and gives each
 * back to the driver as soon as it has been read. tools/camera-run does more; this is the shortest way that is right.
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <linux/videodev2.h>
#include <npu_delegate.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { kBuffers = 4, kFrames = 100 };

static void die(const char* what, const char* why) {
  fprintf(stderr, "camera_dmabuf: %s: %s\n", what, why);
  exit(1);
}
static void check(npu_status status) {
  if (status != NPU_OK) die(npu_status_name(status), npu_last_error());
}
static void require(int camera, unsigned long request, void* argument, const char* name) {
  if (ioctl(camera, request, argument) != 0) die(name, strerror(errno));
}
static struct v4l2_buffer describe(unsigned index) {
  struct v4l2_buffer buffer = {.index = index, .type = V4L2_BUF_TYPE_VIDEO_CAPTURE, .memory = V4L2_MEMORY_MMAP};
  return buffer;
}

/* The session has read the frame: the camera may write into its buffer again. Called from the session's thread. */
static void give_back(void* user, uint64_t index) {
  struct v4l2_buffer buffer = describe((unsigned)index);
  ioctl(*(int*)user, VIDIOC_QBUF, &buffer);
}

int main(int argc, char** argv) {
  if (argc < 2) die("usage", "camera_dmabuf MODEL.tflite [/dev/video0]");
  npu_model* model = NULL;
  npu_plan* plan = NULL;
  npu_session* session = NULL;
  check(npu_model_open_file(argv[1], &model));
  check(npu_plan_create(model, NULL, 0, &plan));
  check(npu_session_create(plan, &session));

  int camera = open(argc > 2 ? argv[2] : "/dev/video0", O_RDWR | O_CLOEXEC);
  if (camera < 0) die(argc > 2 ? argv[2] : "/dev/video0", strerror(errno));
  struct v4l2_format format = {.type = V4L2_BUF_TYPE_VIDEO_CAPTURE};
  require(camera, VIDIOC_G_FMT, &format, "VIDIOC_G_FMT");
  struct v4l2_pix_format* pix = &format.fmt.pix;
  pix->pixelformat = V4L2_PIX_FMT_YUYV;
  pix->field = V4L2_FIELD_NONE;
  require(camera, VIDIOC_S_FMT, &format, "VIDIOC_S_FMT");

  /* What all frames have in common, as the driver says it: never width times bytes. */
  npu_frame frame = {.struct_size = sizeof frame, .width = pix->width, .height = pix->height, .plane_count = 1};
  frame.v4l2_field = pix->field;
  frame.planes[0].stride = pix->bytesperline;
  frame.release = give_back;
  frame.user = &camera;
  check(npu_fourcc_from_v4l2(pix->pixelformat, &frame.fourcc));
  check(npu_frame_set_v4l2_colour(&frame, pix->colorspace, pix->ycbcr_enc, pix->quantization));

  struct v4l2_requestbuffers request = {.count = kBuffers, .type = format.type, .memory = V4L2_MEMORY_MMAP};
  require(camera, VIDIOC_REQBUFS, &request, "VIDIOC_REQBUFS");
  int fds[VIDEO_MAX_FRAME];
  for (unsigned i = 0; i < request.count; ++i) {
    struct v4l2_exportbuffer export = {.type = format.type, .index = i, .flags = O_CLOEXEC | O_RDONLY};
    require(camera, VIDIOC_EXPBUF, &export, "VIDIOC_EXPBUF");
    fds[i] = export.fd;
    give_back(&camera, i);
  }
  require(camera, VIDIOC_STREAMON, &format.type, "VIDIOC_STREAMON");
  check(npu_session_pipeline_start(session, request.count > 2 ? request.count - 2 : 1));

  for (int taken = 0, results = 0; results < kFrames;) {
    struct pollfd ready = {.fd = camera, .events = POLLIN};
    if (taken < kFrames && poll(&ready, 1, 20) > 0) {
      struct v4l2_buffer buffer = describe(0);
      require(camera, VIDIOC_DQBUF, &buffer, "VIDIOC_DQBUF");
      if (buffer.flags & V4L2_BUF_FLAG_ERROR) { /* damaged: not worth looking at */
        give_back(&camera, buffer.index);
        continue;
      }
      frame.id = buffer.index;
      frame.planes[0].fd = fds[buffer.index];
      npu_job job = {.struct_size = sizeof job, .id = (uint64_t)taken++, .frame = &frame, .policy = NPU_POLICY_DROP_OLDEST};
      check(npu_session_submit(session, &job));
    }
    npu_result result = {.struct_size = sizeof result};
    npu_status status = npu_session_wait(session, 0, &result);
    if (status == NPU_TIMEOUT) continue;
    check(status);
    ++results;
    if (result.state == NPU_JOB_DONE) {
      printf("frame %d: first byte of the output %d\n", (int)result.id, ((const int8_t*)result.outputs[0])[0]);
    } else {
      printf("frame %d: %s\n", (int)result.id, result.text);
    }
  }

  check(npu_session_pipeline_stop(session)); /* gives back what is under way, before the camera closes */
  npu_io_info info = {.struct_size = sizeof info};
  check(npu_session_io_info(session, 0, &info));
  printf("%llu frames read by %s, %llu bytes copied\n", (unsigned long long)info.frames, info.path,
         (unsigned long long)info.copied_bytes);
  npu_session_destroy(session);
  npu_plan_destroy(plan);
  npu_model_destroy(model);
  close(camera);
  return 0;
}

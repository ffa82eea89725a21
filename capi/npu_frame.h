/* npu_frame.h: camera frames for a session's image inputs. C11; npu_delegate.h includes it.
 *
 * A frame is pixels where the camera put them: a format, a size, and planes with strides. How it becomes the
 * model's input (which part, what size, which filter, which numbers) is a fit. The conversion is defined in
 * integers, in the order resize, colour, quantize (docs/camera.md): the same bytes on every device.
 *
 * Zero a struct, set struct_size, then the fields that matter: 0 is the usual choice of every enum.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef NPU_FRAME_H_
#define NPU_FRAME_H_

#include "npu_delegate.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- pixel formats ------------------------------------------------------------------------------ */

/* A DRM fourcc. Names and byte orders are those of drm_fourcc.h, which V4L2 does not share: V4L2's RGB24 is DRM's
 * BGR888. npu_fourcc_from_v4l2 translates. */
#define NPU_FOURCC(a, b, c, d) \
  ((uint32_t)(a) | (uint32_t)(b) << 8 | (uint32_t)(c) << 16 | (uint32_t)(d) << 24)

#define NPU_FOURCC_NV12 NPU_FOURCC('N', 'V', '1', '2')     /* plane Y; plane of pairs U V, half width and height */
#define NPU_FOURCC_NV21 NPU_FOURCC('N', 'V', '2', '1')     /* the same, pairs V U */
#define NPU_FOURCC_YUV420 NPU_FOURCC('Y', 'U', '1', '2')   /* planes Y, U, V; half width and height */
#define NPU_FOURCC_YVU420 NPU_FOURCC('Y', 'V', '1', '2')   /* planes Y, V, U */
#define NPU_FOURCC_YUYV NPU_FOURCC('Y', 'U', 'Y', 'V')     /* bytes Y U Y V; also YVYU, UYVY, VYUY */
#define NPU_FOURCC_YVYU NPU_FOURCC('Y', 'V', 'Y', 'U')
#define NPU_FOURCC_UYVY NPU_FOURCC('U', 'Y', 'V', 'Y')
#define NPU_FOURCC_VYUY NPU_FOURCC('V', 'Y', 'U', 'Y')
#define NPU_FOURCC_BGR888 NPU_FOURCC('B', 'G', '2', '4')   /* bytes R G B: what most call "RGB24" */
#define NPU_FOURCC_RGB888 NPU_FOURCC('R', 'G', '2', '4')   /* bytes B G R */
#define NPU_FOURCC_XBGR8888 NPU_FOURCC('X', 'B', '2', '4') /* bytes R G B x */
#define NPU_FOURCC_ABGR8888 NPU_FOURCC('A', 'B', '2', '4') /* bytes R G B A; alpha is ignored */
#define NPU_FOURCC_XRGB8888 NPU_FOURCC('X', 'R', '2', '4') /* bytes B G R x */
#define NPU_FOURCC_ARGB8888 NPU_FOURCC('A', 'R', '2', '4') /* bytes B G R A */
#define NPU_FOURCC_RGBX8888 NPU_FOURCC('R', 'X', '2', '4') /* bytes x B G R */
#define NPU_FOURCC_RGBA8888 NPU_FOURCC('R', 'A', '2', '4') /* bytes A B G R */
#define NPU_FOURCC_BGRX8888 NPU_FOURCC('B', 'X', '2', '4') /* bytes x R G B */
#define NPU_FOURCC_BGRA8888 NPU_FOURCC('B', 'A', '2', '4') /* bytes A R G B */
#define NPU_FOURCC_R8 NPU_FOURCC('R', '8', ' ', ' ')       /* one byte: grey */

/* The DRM fourcc of a V4L2 pixel format with the same bytes. NM12 (NV12 in two buffers), NM21, YM12 and YM21 become the
 * formats without M: here every plane says where it is. NPU_UNSUPPORTED, with the name, for what has none: Bayer, more
 * than 8 bits, tiles, JPEG ... */
NPU_API npu_status npu_fourcc_from_v4l2(uint32_t pixelformat, uint32_t* out_fourcc);

/* ---- frames ------------------------------------------------------------------------------------- */

typedef struct npu_plane {
  const void* ptr;  /* the memory; NULL: it is a file descriptor's (a DMA-BUF, a memfd) */
  int32_t fd;       /* only read when ptr is NULL; stays the caller's. Above 0 */
  uint32_t stride;  /* bytes from one row to the next, as the driver says: at least a row's */
  uint64_t offset;  /* bytes from the memory's start to the plane's first row */
  uint64_t size;    /* bytes of the whole memory; 0: not known (ptr), ask the file descriptor (fd) */
} npu_plane;

#define NPU_MAX_PLANES 4

/* Colour of formats with Y, U and V. RGB formats ignore matrix. */
typedef enum npu_matrix {
  NPU_MATRIX_AUTO = 0, /* BT.601, V4L2's default */
  NPU_MATRIX_BT601 = 1,
  NPU_MATRIX_BT709 = 2,
  NPU_MATRIX_BT2020 = 3 /* non-constant luminance */
} npu_matrix;

typedef enum npu_range {
  NPU_RANGE_AUTO = 0,    /* limited for Y, U and V; full for RGB and grey: V4L2's default */
  NPU_RANGE_LIMITED = 1, /* Y 16..235, U and V 16..240; not for RGB */
  NPU_RANGE_FULL = 2
} npu_range;

typedef enum npu_chroma_site {
  NPU_CHROMA_CENTRE = 0, /* between the pixels that share it (JPEG, MPEG-1) */
  NPU_CHROMA_LEFT = 1    /* horizontally on the left one of them (MPEG-2, H.264) */
} npu_chroma_site;

/* What makes the picture upright: a turn clockwise, then perhaps a flip left to right. */
typedef enum npu_orientation {
  NPU_ORIENTATION_UPRIGHT = 0,
  NPU_ORIENTATION_90 = 1,
  NPU_ORIENTATION_180 = 2,
  NPU_ORIENTATION_270 = 3,
  NPU_ORIENTATION_FLIP = 4,
  NPU_ORIENTATION_90_FLIP = 5,
  NPU_ORIENTATION_180_FLIP = 6,
  NPU_ORIENTATION_270_FLIP = 7
} npu_orientation;

typedef struct npu_frame {
  size_t struct_size;
  uint32_t fourcc;
  uint32_t plane_count;    /* as many as the format has: 2 for NV12, also where both are in one memory */
  uint64_t modifier;       /* 0, DRM_FORMAT_MOD_LINEAR; tiles and compressed layouts are refused */
  uint32_t width, height;  /* pixels, 1 to 65535; without the padding of strides and coded heights */
  npu_plane planes[NPU_MAX_PLANES];
  /* The part that is the picture; all 0: the whole frame. Where chroma is shared by two pixels, x (4:2:0: and y) is even,
   * and so is the size unless the part ends where the frame does. */
  uint32_t crop_x, crop_y, crop_width, crop_height;
  uint8_t matrix, range, chroma_site, orientation; /* npu_matrix ... npu_orientation */
  uint32_t v4l2_field;      /* enum v4l2_field; 0 and 1 (ANY, NONE): progressive. Others are refused */
  int32_t acquire_fence_fd; /* a sync_file to wait for before reading; 0 or less: none. Stays the caller's */
  uint64_t id, timestamp_ns; /* the caller's own; given back with results */
  /* Called once, with `user` and id, when the frame's memory is no longer needed; NULL: not called. From the thread that
   * is inside a function of the session; must not call the session. */
  void (*release)(void* user, uint64_t id);
  void* user;
} npu_frame;

/* Whether the frame is one that can be read; its memory is not touched. NPU_INVALID_ARGUMENT or NPU_UNSUPPORTED;
 * npu_last_error() begins with the field that is wrong: "planes[1].stride is 960, less than a row of 1920 bytes". */
NPU_API npu_status npu_frame_check(const npu_frame* frame);

/* Sets matrix and range from what VIDIOC_G_FMT says (colorspace, ycbcr_enc, quantization of struct v4l2_pix_format), by
 * V4L2's rules for defaults. NPU_UNSUPPORTED for encodings that are none of npu_matrix's. */
NPU_API npu_status npu_frame_set_v4l2_colour(npu_frame* frame, uint32_t colorspace, uint32_t ycbcr_enc,
                                             uint32_t quantization);

/* ---- fit: from the frame to the model's input ----------------------------------------------------- */

typedef enum npu_fit_mode {
  NPU_FIT_STRETCH = 0,     /* the whole picture, its shape changed */
  NPU_FIT_LETTERBOX = 1,   /* the whole picture, its shape kept, padded in the middle of the input */
  NPU_FIT_CENTRE_CROP = 2  /* the largest middle part that has the input's shape */
} npu_fit_mode;

typedef enum npu_filter {
  NPU_FILTER_AUTO = 0,            /* AREA where an axis shrinks more than twice, else BILINEAR */
  NPU_FILTER_BILINEAR = 1,        /* tf.image.resize, Keras Resizing, OpenCV INTER_LINEAR: half-pixel centres, four pixels */
  NPU_FILTER_BILINEAR_LEGACY = 2, /* TF1 resize_bilinear: source = x * scale, without half pixels */
  NPU_FILTER_AREA = 3,            /* tf.image.resize "area", OpenCV INTER_AREA: the exact mean of what a pixel covers */
  NPU_FILTER_NEAREST = 4          /* the pixel under the centre */
} npu_filter;

typedef enum npu_channel_order { NPU_CHANNELS_RGB = 0, NPU_CHANNELS_BGR = 1 } npu_channel_order;

typedef enum npu_norm {
  /* 0..255 is the whole range of the input's type: INT8 gets byte - 128, UINT8 the byte. Right for image models however
   * they were trained, as quantization spreads what they were trained with over the type. */
  NPU_NORM_MODEL = 0,
  /* real = (byte - mean) / std, quantized with the input's scale and zero point: for inputs whose range is another. */
  NPU_NORM_MEAN_STD = 1
} npu_norm;

typedef struct npu_fit {
  size_t struct_size;
  uint8_t mode, filter, channel_order, norm; /* npu_fit_mode ... npu_norm */
  uint8_t pad_rgb[3];                        /* colour of letterbox bars, before normalization */
  uint8_t reserved;                          /* 0 */
  float mean[3], std[3];                     /* NPU_NORM_MEAN_STD: of R, G, B, in bytes; std not 0 */
} npu_fit;

/* Where the model's pixels lie in the frame: frame_x = xx * x + xy * y + x0, frame_y = yx * x + yy * y + y0, for points
 * in pixels, (0, 0) the outer corner of the first. Of the integers really used, crop, bars and orientation included. */
typedef struct npu_fit_map {
  size_t struct_size;
  double xx, xy, x0, yx, yy, y0;
  uint32_t roi_x, roi_y, roi_width, roi_height;             /* of the input: what the picture fills */
  uint32_t source_x, source_y, source_width, source_height; /* of the frame: what is read */
} npu_fit_map;

/* The map of `frame` into an input of width times height pixels. fit may be NULL: all 0. As npu_frame_check; memory is
 * not touched, and planes may be missing. */
NPU_API npu_status npu_fit_map_make(const npu_frame* frame, const npu_fit* fit, uint32_t width, uint32_t height,
                                    npu_fit_map* out_map);
/* A box of the model's input {left, top, right, bottom} as one of the frame, inside source_*. NPU_INVALID_ARGUMENT. */
NPU_API npu_status npu_fit_box(const npu_fit_map* map, const float box[4], float out_box[4]);
/* Points x, y (keypoints), likewise; `in` and `out` may be the same. */
NPU_API npu_status npu_fit_points(const npu_fit_map* map, const float* in, size_t points, float* out);

/* ---- frames as inputs of a session ---------------------------------------------------------------- */

/* Binds a frame to an input: INT8 or UINT8, [1,height,width,1 or 3]. It is read by every later npu_session_invoke until
 * the input is bound again (npu_session_bind_input with NULL unbinds), and its memory must stay valid meanwhile; a frame
 * with a release function only by the next one, and released as soon as it has been read: the invocations after that read
 * the session's own input (npu_session_copy_input) until another frame is bound. A frame that is the input
 * already (same size, packed rows, UINT8) is used where it is. The first frame of a description takes some milliseconds
 * more, for tables and kernels. fit may be NULL: all 0; so may out_map.
 * As npu_frame_check, also for the fit; NPU_UNSUPPORTED for other inputs; NPU_DEVICE_ERROR. On an error what was bound
 * stays, and release is not called. */
NPU_API npu_status npu_session_bind_frame(npu_session* session, size_t index, const npu_frame* frame, const npu_fit* fit,
                                          npu_fit_map* out_map);

/* What became of an input's frames. */
typedef struct npu_io_info {
  size_t struct_size;
  uint64_t frames;       /* read */
  uint64_t uncopied;     /* of them, used where they are */
  uint64_t copied_bytes; /* of frames that had to be copied to where they can be read */
  char path[48];         /* what reads the last one bound: "opencl pixels"; "opencl pixels, imported DMA-BUF"; "rows"; "as it is" */
  char reason[128];      /* why it is not used as it is; "" */
  uint64_t maps;         /* file descriptors that were mapped, by the whole session: each buffer once, while it comes round */
  uint64_t syncs;        /* DMA-BUF brackets that were opened to read frames; none for memory of pointers and memfds */
  uint64_t in_place;     /* of the frames that were not used where they are: made where the device reads its input, no copy after */
} npu_io_info;

NPU_API npu_status npu_session_io_info(const npu_session* session, size_t index, npu_io_info* out_info);

/* ---- frame buffers as inputs of TFLite and LiteRT --------------------------------------------------- */

/* Tells the plug-in that size bytes at ptr are mapped from fd, a DMA-BUF or memfd. From then on, whenever a host that has
 * loaded this library as its delegate hands it an input there (Interpreter::SetCustomAllocationForTensor), the plug-in waits for the
 * buffer's fences (option frame_timeout_ms) and reads it between DMA_BUF_IOCTL_SYNC START and END. Other operators of
 * the host that read the input do not. ptr need not be the mapping's beginning.
 * The mapping must stay until it is unregistered and no invocation reads it any more; fd may be closed at once.
 * Any thread. For this to reach the plug-in, get the function from the library that the host has loaded (dlopen of the same file).
 * NPU_INVALID_ARGUMENT: nothing there, fd is not open or shorter, or memory that overlaps a registered buffer's. */
NPU_API npu_status npu_register_frame_buffer(const void* ptr, size_t size, int32_t fd);
/* ptr as it was registered. Does not wait for invocations. NPU_INVALID_ARGUMENT: nothing was. */
NPU_API npu_status npu_unregister_frame_buffer(const void* ptr);

typedef struct npu_frame_buffer_info {
  size_t struct_size;
  uint64_t reads; /* inputs that the plug-in has read there */
  uint64_t syncs; /* DMA-BUF brackets that it has opened for them; none for a memfd */
} npu_frame_buffer_info;

/* ptr as it was registered. NPU_INVALID_ARGUMENT: nothing was. */
NPU_API npu_status npu_frame_buffer_counts(const void* ptr, npu_frame_buffer_info* out_info);

#ifdef __cplusplus
}
#endif

/* Here, not in npu_delegate.h: each of the three may be the first that a program includes. */
#include "npu_pipeline.h"

#endif /* NPU_FRAME_H_ */

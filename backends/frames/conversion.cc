// SPDX-License-Identifier: Apache-2.0
#include "backends/frames/conversion.h"

#include <fmt/format.h>

namespace npu {

int Conversion::components() const {
  if (colour.direct) return format->model == ColourModel::kGrey || channels == 1 ? 1 : 3;
  const auto& row = colour.factor[0];
  return channels == 1 && row[1] == 0 && row[2] == 0 ? 1 : format->model == ColourModel::kGrey ? 1 : 3;
}

bool Conversion::is_copy() const {
  if (!colour.direct || !bytes.is_flip || geometry.transposed || geometry.reverse_x || geometry.reverse_y)
    return false;
  const Rect& source = geometry.source;
  if (geometry.roi != Rect{0, 0, source.width, source.height}) return false;
  if (width != source.width || height != source.height) return false;
  const FormatComponent& first = format->components[colour.source[0]];
  if (first.offset != 0 || first.step != channels) return false;
  for (int k = 0; k < channels; ++k) {
    if (format->components[colour.source[k]].offset != k) return false;
  }
  return true;
}

Result<Conversion> MakeConversion(const Frame& frame, const Fit& fit, const Tensor& tensor) {
  const auto& shape = tensor.shape;
  const bool image = (tensor.type == DataType::kInt8 || tensor.type == DataType::kUInt8) &&
                     shape.size() == 4 && shape[0] == 1 && shape[1] >= 1 && shape[2] >= 1 &&
                     shape[1] <= 65535 && shape[2] <= 65535 && (shape[3] == 1 || shape[3] == 3);
  if (!image) {
    return Fail(
        ErrorCode::kUnsupported,
        fmt::format("input \"{}\" is {} [{}]: frames go into INT8 or UINT8 images [1,height,width,1 or 3]",
                    tensor.name, DataTypeName(tensor.type), fmt::join(shape, ",")));
  }
  Conversion c;
  c.format = *FormatOf(frame.fourcc);
  c.frame_width = frame.width;
  c.frame_height = frame.height;
  c.height = static_cast<uint32_t>(shape[1]);
  c.width = static_cast<uint32_t>(shape[2]);
  c.channels = shape[3];
  c.geometry = MakeGeometry(frame, *c.format, fit, c.width, c.height);
  const Rect& source = c.geometry.source;
  const bool shared_x = c.format->chroma_shift_x > 0, shared_y = c.format->chroma_shift_y > 0;
  AxisRequest x = {.pixels = source.width,
                   .samples = source.width,
                   .outputs = c.geometry.resized_width(),
                   .reverse = c.geometry.reverse_x};
  AxisRequest y = {.pixels = source.height,
                   .samples = source.height,
                   .outputs = c.geometry.resized_height(),
                   .reverse = c.geometry.reverse_y};
  c.x[0] = MakeAxis(x, c.geometry.filter);
  c.y[0] = MakeAxis(y, c.geometry.filter);
  if (shared_x) {
    x.samples = c.format->Samples(1, source.width);
    x.shared = true;
    x.left = frame.chroma_site == ChromaSite::kLeft;
    c.x[1] = MakeAxis(x, c.geometry.filter);
  }
  if (shared_y) {
    y.samples = c.format->Rows(1, source.height);
    y.shared = true;
    c.y[1] = MakeAxis(y, c.geometry.filter);
  }
  c.colour = MakeColour(frame, *c.format, fit, c.channels);
  NPU_ASSIGN_OR_RETURN(c.bytes, MakeByteTables(tensor, fit, c.channels));
  return c;
}

bool SameDescription(const Frame& a, const Frame& b) {
  return a.fourcc == b.fourcc && a.width == b.width && a.height == b.height && a.crop == b.crop &&
         a.matrix == b.matrix && a.range == b.range && a.chroma_site == b.chroma_site &&
         a.orientation == b.orientation;
}

FrameView ViewFrame(const Conversion& conversion, const Frame& frame, const MappedFrame& memory) {
  FrameView view;
  const PixelFormat& format = *conversion.format;
  const Rect& source = conversion.geometry.source;
  for (int i = 0; i < 3; ++i) {
    const FormatComponent& c = format.components[i];
    const uint32_t x = i == 0 ? source.x : source.x >> format.chroma_shift_x;
    const uint32_t y = i == 0 ? source.y : source.y >> format.chroma_shift_y;
    const size_t stride = frame.planes[c.plane].stride;
    view[i].first = reinterpret_cast<const uint8_t*>(memory.planes[c.plane].rows) + y * stride +
                    size_t{x} * c.step + c.offset;
    view[i].stride = stride;
    view[i].step = c.step;
  }
  return view;
}

}  // namespace npu

// The integers that define a conversion against floating point: never more than 1 from the rounded result.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "backends/frames/reference.h"
#include "tests/camera/frame_testing.h"

namespace npu::test {
namespace {

// Sample of a component at a position given in samples, its ends repeated.
double At(const ComponentView& view, int64_t x, int64_t y, int64_t samples, int64_t rows) {
  x = std::clamp<int64_t>(x, 0, samples - 1);
  y = std::clamp<int64_t>(y, 0, rows - 1);
  return view.first[static_cast<size_t>(y) * view.stride + static_cast<size_t>(x) * view.step];
}

struct Geometry1D {
  double pixels, outputs;
  bool shared, left;
};

double LinearPosition(const Geometry1D& g, FrameFilter filter, int x) {
  const double scale = g.pixels / g.outputs;
  double position = filter == FrameFilter::kBilinearLegacy ? x * scale : (x + 0.5) * scale - 0.5;
  if (g.shared) position = g.left ? position / 2 : (position - 0.5) / 2;
  return position;
}

// One component at one output pixel, in exact arithmetic but for double rounding.
double Resample(const ComponentView& view, const Geometry1D& gx, const Geometry1D& gy, int64_t samples,
                int64_t rows, FrameFilter filter, int x, int y) {
  if (filter == FrameFilter::kArea) {
    const auto edge = [](const Geometry1D& g, int at) {
      double e = at * g.pixels / g.outputs;
      if (g.shared) e = e / 2 + (g.left ? 0.25 : 0);
      return e;
    };
    const double x0 = edge(gx, x), x1 = edge(gx, x + 1), y0 = edge(gy, y), y1 = edge(gy, y + 1);
    double sum = 0;
    for (auto j = static_cast<int64_t>(std::floor(y0)); j < y1; ++j) {
      const double wy = std::min<double>(y1, j + 1) - std::max<double>(y0, j);
      for (auto i = static_cast<int64_t>(std::floor(x0)); i < x1; ++i) {
        sum += wy * (std::min<double>(x1, i + 1) - std::max<double>(x0, i)) * At(view, i, j, samples, rows);
      }
    }
    return sum / ((x1 - x0) * (y1 - y0));
  }
  if (filter == FrameFilter::kNearest) {
    const auto nearest = [](const Geometry1D& g, int at) {
      const auto pixel =
          std::min(static_cast<int64_t>((2 * int64_t{at} + 1) * int64_t(g.pixels) / (2 * int64_t(g.outputs))),
                   int64_t(g.pixels) - 1);
      return g.shared ? pixel / 2 : pixel;
    };
    return At(view, nearest(gx, x), nearest(gy, y), samples, rows);
  }
  const double px = LinearPosition(gx, filter, x), py = LinearPosition(gy, filter, y);
  const double fx = px - std::floor(px), fy = py - std::floor(py);
  const auto ix = static_cast<int64_t>(std::floor(px)), iy = static_cast<int64_t>(std::floor(py));
  return (1 - fy) * ((1 - fx) * At(view, ix, iy, samples, rows) + fx * At(view, ix + 1, iy, samples, rows)) +
         fy * ((1 - fx) * At(view, ix, iy + 1, samples, rows) + fx * At(view, ix + 1, iy + 1, samples, rows));
}

struct Weights {
  double red, blue;
};

// R, G, B from Y, U, V by the recommendations' definitions.
std::array<double, 3> ToRgb(double y, double u, double v, ColourMatrix matrix, bool limited) {
  const Weights w = matrix == ColourMatrix::kBt709    ? Weights{0.2126, 0.0722}
                    : matrix == ColourMatrix::kBt2020 ? Weights{0.2627, 0.0593}
                                                      : Weights{0.299, 0.114};
  const double luma = limited ? (y - 16) * 255 / 219 : y;
  const double cb = (u - 128) * (limited ? 255.0 / 224 : 1), cr = (v - 128) * (limited ? 255.0 / 224 : 1);
  const double r = luma + 2 * (1 - w.red) * cr, b = luma + 2 * (1 - w.blue) * cb;
  const double g = (luma - w.red * r - w.blue * b) / (1 - w.red - w.blue);
  return {r, g, b};
}

// The byte that channel k of an input pixel should be, before its table.
double Oracle(const Conversion& c, const Frame& frame, const Fit& fit, const FrameView& view, int u, int v,
              int k) {
  const PixelFormat& format = *c.format;
  const Rect& source = c.geometry.source;
  int x = c.geometry.transposed ? v : u, y = c.geometry.transposed ? u : v;
  if (c.geometry.reverse_x) x = static_cast<int>(c.geometry.resized_width()) - 1 - x;
  if (c.geometry.reverse_y) y = static_cast<int>(c.geometry.resized_height()) - 1 - y;
  std::array<double, 3> value{};
  for (int i = 0; i < 3; ++i) {
    const bool sx = i > 0 && format.chroma_shift_x > 0, sy = i > 0 && format.chroma_shift_y > 0;
    const Geometry1D gx{double(source.width), double(c.geometry.resized_width()), sx,
                        frame.chroma_site == ChromaSite::kLeft};
    const Geometry1D gy{double(source.height), double(c.geometry.resized_height()), sy, false};
    value[i] = Resample(view[i], gx, gy, format.Samples(i, source.width), format.Rows(i, source.height),
                        c.geometry.filter, x, y);
  }
  const bool yuv = format.model == ColourModel::kYuv;
  const bool limited = frame.range == ColourRange::kLimited || (frame.range == ColourRange::kAuto && yuv);
  if (format.model == ColourModel::kGrey) {
    value = ToRgb(value[0], 128, 128, frame.matrix, limited);
  } else if (yuv) {
    const bool grey = c.channels == 1;
    value = ToRgb(value[0], grey ? 128 : value[1], grey ? 128 : value[2], frame.matrix, limited);
  }
  if (c.channels == 1) {
    return format.model == ColourModel::kRgb ? 0.299 * value[0] + 0.587 * value[1] + 0.114 * value[2]
                                             : value[0];
  }
  return value[fit.channel_order == ChannelOrder::kBgr ? 2 - k : k];
}

TEST(FrameOracle, NeverMoreThanOneFromRoundedFloat64) {
  Random random(11);
  std::array<int64_t, 2> apart{};
  double furthest = 0;
  for (int i = 0; i < 2500; ++i) {
    TestFrame test = RandomFrame(random, 260, 170);
    const Frame& frame = test.frame;
    Fit fit = RandomFit(random);
    fit.norm = FrameNorm::kModel;
    ASSERT_TRUE(CheckFrame(frame)) << CheckFrame(frame).error().text;
    const Tensor tensor =
        ImageTensor(static_cast<int>(random.Between(1, 40)), static_cast<int>(random.Between(1, 40)),
                    random.OneIn(4) ? 1 : 3, DataType::kUInt8);
    const auto conversion = MakeConversion(frame, fit, tensor);
    ASSERT_TRUE(conversion) << conversion.error().text;
    const auto memory = MapFrame(frame);
    const FrameView view = ViewFrame(*conversion, frame, *memory);
    FrameBytes out(conversion->bytes_out());
    ConvertFrame(*conversion, view, out.data());
    const Rect& roi = conversion->geometry.roi;
    for (uint32_t y = 0; y < conversion->height; ++y) {
      for (uint32_t x = 0; x < conversion->width; ++x) {
        for (int k = 0; k < conversion->channels; ++k) {
          const int actual = out[(y * conversion->width + x) * conversion->channels + k];
          if (x - roi.x >= roi.width || y - roi.y >= roi.height) {
            ASSERT_EQ(actual, conversion->bytes.pad[k]);
            continue;
          }
          const double exact = Oracle(*conversion, frame, fit, view, static_cast<int>(x - roi.x),
                                      static_cast<int>(y - roi.y), k);
          const int rounded = static_cast<int>(std::clamp(std::floor(exact + 0.5), 0.0, 255.0));
          const int difference = std::abs(actual - rounded);
          ASSERT_LE(difference, 1) << Describe(frame, fit, *conversion) << " at " << x << "," << y << "," << k
                                   << ": " << actual << " instead of " << exact;
          ++apart[difference];
          furthest = std::max(furthest, std::abs(actual - std::clamp(exact, 0.0, 255.0)));
        }
      }
    }
  }
  // Eleven bits of position move a byte by 0.06 at most per axis: a twelfth of the pixels could differ, few
  // do.
  EXPECT_GT(static_cast<double>(apart[0]) / static_cast<double>(apart[0] + apart[1]), 0.97);
  EXPECT_LT(furthest, 0.75);
  RecordProperty("furthest", std::to_string(furthest));
  printf("%lld equal, %lld one apart, furthest %.3f\n", static_cast<long long>(apart[0]),
         static_cast<long long>(apart[1]), furthest);
}

// All 16.7 million colours, as frames of one luma each, 256 x 256 chroma samples.
TEST(FrameOracle, EveryColour) {
  for (ColourMatrix matrix : {ColourMatrix::kBt601, ColourMatrix::kBt709, ColourMatrix::kBt2020}) {
    for (ColourRange range : {ColourRange::kLimited, ColourRange::kFull}) {
      Frame frame;
      frame.fourcc = (*FormatOf(PixelFormats()[2].fourcc))->fourcc;
      ASSERT_EQ((*FormatOf(frame.fourcc))->plane_count, 3u);
      frame.width = frame.height = 512;
      frame.plane_count = 3;
      frame.matrix = matrix;
      frame.range = range;
      std::vector<uint8_t> luma(512 * 512), u(256 * 256), v(256 * 256);
      for (int i = 0; i < 256 * 256; ++i) {
        u[i] = static_cast<uint8_t>(i % 256);
        v[i] = static_cast<uint8_t>(i / 256);
      }
      frame.planes[0] = {reinterpret_cast<const std::byte*>(luma.data()), -1, 512, 0, luma.size()};
      frame.planes[1] = {reinterpret_cast<const std::byte*>(u.data()), -1, 256, 0, u.size()};
      frame.planes[2] = {reinterpret_cast<const std::byte*>(v.data()), -1, 256, 0, v.size()};
      // Every second pixel of both axes: chroma samples as they are.
      Fit fit;
      fit.filter = FrameFilter::kNearest;
      const auto conversion = MakeConversion(frame, fit, ImageTensor(256, 256, 3, DataType::kUInt8));
      ASSERT_TRUE(conversion);
      FrameBytes out(conversion->bytes_out());
      int64_t equal = 0, total = 0;
      for (int y = 0; y < 256; ++y) {
        std::fill(luma.begin(), luma.end(), static_cast<uint8_t>(y));
        ConvertFrame(*conversion, ViewFrame(*conversion, frame, *MapFrame(frame)), out.data());
        for (int i = 0; i < 256 * 256; ++i) {
          const auto exact = ToRgb(y, i % 256, i / 256, matrix, range == ColourRange::kLimited);
          bool all = true;
          for (int k = 0; k < 3; ++k) {
            const int rounded = static_cast<int>(std::clamp(std::floor(exact[k] + 0.5), 0.0, 255.0));
            ASSERT_LE(std::abs(out[3 * i + k] - rounded), 1)
                << y << " " << i % 256 << " " << i / 256 << " channel " << k;
            all = all && out[3 * i + k] == rounded;
          }
          equal += all;
          ++total;
        }
      }
      const double share = static_cast<double>(equal) / static_cast<double>(total);
      printf("matrix %d range %d: %.3f %% of the colours equal\n", static_cast<int>(matrix),
             static_cast<int>(range), 100 * share);
      EXPECT_GE(share, 0.997);  // all three bytes
    }
  }
}

}  // namespace
}  // namespace npu::test

// SPDX-License-Identifier: Apache-2.0
#include "schema/foreign_file.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

namespace npu {
namespace {

struct Magic {
  size_t at;
  std::string_view bytes;
  std::string_view what;
};

using namespace std::string_view_literals;

// Signatures as the formats' own specifications give them. The first that fits counts.
constexpr std::array kMagics = {
    Magic{0, "version https://git-lfs"sv, "a Git LFS pointer; fetch the file itself with `git lfs pull`"sv},
    Magic{0, "\x89HDF\r\n\x1a\n"sv, "an HDF5 file (a Keras .h5 model?); convert it with tf.lite.TFLiteConverter"sv},
    Magic{0, "PK\x03\x04"sv,
          "a zip archive (a Keras .keras model? a .task bundle?); convert a Keras model with tf.lite.TFLiteConverter, "
          "unpack anything else"sv},
    Magic{0, "\x1f\x8b"sv, "a gzip archive; unpack it first"sv},
    Magic{257, "ustar"sv, "a tar archive; unpack it first"sv},
    Magic{0, "LITERTLM"sv, "a LiteRT-LM bundle, which holds several models; unpack the .tflite files first"sv},
    Magic{0, "GGUF"sv, "a GGUF model; export .tflite from the training framework"sv},
    Magic{0, "\x80\x02"sv, "a Python pickle (a PyTorch .pt file?); convert the model with litert-torch"sv},
    Magic{0, "\x7f" "ELF"sv, "an ELF program or library; give the .tflite file"sv},
    Magic{0, "\x89PNG\r\n\x1a\n"sv, "a PNG picture; give the .tflite file"sv},
    Magic{0, "\xff\xd8\xff"sv, "a JPEG picture; give the .tflite file"sv},
    Magic{0, "\x93NUMPY"sv, "a .npy array; give the .tflite file"sv},
    Magic{0, "<!DOCTYPE"sv, "an HTML page (was the download refused?); download the file itself"sv},
    Magic{0, "<html"sv, "an HTML page (was the download refused?); download the file itself"sv},
    Magic{4, "TFL2"sv, "a .tflite file of an older format (TFL2); convert the original model again"sv},
    Magic{4, "TFL1"sv, "a .tflite file of an older format (TFL1); convert the original model again"sv},
};

constexpr std::string_view kOnnx =
    "an ONNX model; convert it to .tflite with onnx2tf, or export .tflite from the training framework";
constexpr std::string_view kTensorFlow =
    "a TensorFlow graph (.pb); convert the SavedModel's directory with tf.lite.TFLiteConverter.from_saved_model";
constexpr std::string_view kText = "a text file; give the .tflite file";

bool Printable(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

// A field of protobuf's wire format: a number, or bytes.
struct Field {
  uint64_t number = 0, value = 0;
  std::string_view bytes;
};

std::optional<uint64_t> TakeVarint(std::string_view& text) {
  uint64_t value = 0;
  for (int shift = 0; shift < 64 && !text.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(text[0]);
    text.remove_prefix(1);
    value |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
  return std::nullopt;
}

// Bytes that reach past the end are cut there: only a file's beginning is looked at.
std::optional<Field> TakeField(std::string_view& text) {
  const auto tag = TakeVarint(text);
  if (!tag) return std::nullopt;
  Field field{*tag >> 3, 0, {}};
  const auto value = TakeVarint(text);
  if (!value || (*tag & 7) == 1 || (*tag & 7) > 2) return std::nullopt;
  field.value = *value;
  if ((*tag & 7) == 2) {
    field.bytes = text.substr(0, std::min<uint64_t>(*value, text.size()));
    text.remove_prefix(field.bytes.size());
  }
  return field;
}

// Protobuf has no signature. ONNX's ModelProto begins with ir_version = 1 to 15 and the producer's name, SavedModel with
// saved_model_schema_version = 1 and a message, GraphDef with a node of a name and an operator.
std::string_view Protobuf(std::string_view text) {
  const auto first = TakeField(text), second = TakeField(text);
  if (!first || first->number != 1) return {};
  if (second && first->bytes.empty() && first->value >= 1 && first->value <= 15 && second->number == 2) {
    if (Printable(second->bytes)) return kOnnx;
    if (first->value == 1 && second->bytes.starts_with('\x0a')) return kTensorFlow;
  }
  std::string_view node = first->bytes;
  const auto name = TakeField(node), op = TakeField(node);
  const bool graph = name && op && name->number == 1 && op->number == 2 && Printable(name->bytes) && Printable(op->bytes);
  return graph ? kTensorFlow : std::string_view();
}

bool IsText(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) >= 0x80 || (c >= ' ' && c <= '~') || c == '\n' || c == '\r' || c == '\t';
  });
}

}  // namespace

std::string_view ForeignFile(std::span<const std::byte> bytes) {
  constexpr size_t kLookedAt = 512;
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), std::min(bytes.size(), kLookedAt));
  for (const Magic& magic : kMagics) {
    if (text.size() >= magic.at && text.substr(magic.at).starts_with(magic.bytes)) return magic.what;
  }
  if (const std::string_view protobuf = Protobuf(text); !protobuf.empty()) return protobuf;
  return !text.empty() && IsText(text) ? kText : std::string_view();
}

}  // namespace npu

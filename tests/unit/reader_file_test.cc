// Files that are not models, files that cannot be read, and weights behind the flatbuffer.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <span>

#include "schema/reader.h"
#include "tests/support/model_promises.h"
#include "tests/support/tflite_file.h"

namespace npu::test {
namespace {

class ReaderFile : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / ("npu_reader_file_test." + std::to_string(getpid()));
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string Write(std::string_view bytes) {
    const std::string path = folder_ / "model.tflite";
    std::ofstream(path, std::ios::binary) << bytes;
    return path;
  }
  std::string Write(const std::vector<std::byte>& bytes) {
    return Write(std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  }
  // Expects an error whose text starts with the path and contains `says`.
  void ExpectError(const std::string& path, ErrorCode code, const std::string& says) {
    const auto model = ReadModelFile(path);
    ASSERT_FALSE(model);
    EXPECT_EQ(model.error().code, code);
    EXPECT_EQ(model.error().text.find(path + ": "), 0u) << model.error().text;
    EXPECT_NE(model.error().text.find(says), std::string::npos)
        << says << " is not in: " << model.error().text;
  }

  std::filesystem::path folder_;
};

TEST_F(ReaderFile, Missing) {
  ExpectError(folder_ / "none.tflite", ErrorCode::kIo, "cannot open: No such file or directory");
}
TEST_F(ReaderFile, Directory) { ExpectError(folder_, ErrorCode::kIo, "is a directory"); }
TEST_F(ReaderFile, NamedPipe) {
  const std::string path = folder_ / "pipe";
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  ExpectError(path, ErrorCode::kIo, "not a regular file");
}
TEST_F(ReaderFile, Empty) { ExpectError(Write(""), ErrorCode::kInvalidModel, "is empty"); }
TEST_F(ReaderFile, Short) {
  ExpectError(Write("TFL"), ErrorCode::kInvalidModel, "3 bytes; expected at least 8");
}
TEST_F(ReaderFile, GitLfsPointer) {
  ExpectError(Write("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"),
              ErrorCode::kInvalidModel, "Git LFS pointer");
}
TEST_F(ReaderFile, Hdf5) { ExpectError(Write("\x89HDF\r\n\x1a\n...."), ErrorCode::kInvalidModel, "HDF5"); }
TEST_F(ReaderFile, Zip) { ExpectError(Write("PK\x03\x04........"), ErrorCode::kInvalidModel, "zip archive"); }
TEST_F(ReaderFile, OtherIdentifier) {
  ExpectError(Write("\x08\x07\x12\x07pyt\nrch:"), ErrorCode::kInvalidModel,
              "no TFL3 identifier at byte 4 (found \"pyt\\x0a\")");
}
// The beginnings of files of other kinds; what the text must name, and what to do.
struct Foreign {
  std::string bytes, what, fix;
};

TEST_F(ReaderFile, ForeignFilesAreNamedWithAWayOut) {
  using namespace std::string_literals;
  const Foreign files[] = {
      {"\x08\x08\x12\x07pytorch\x1a\x05" "2.1.0:"s, "ONNX", "onnx2tf"},
      {"\x08\x03\x12\x0btf2onnx 1.8\x3a\xf0\x01", "ONNX", "onnx2tf"},
      {"\x08\x01\x12\x90\x4e\x0a\x97\x1b\x0a\x06\x12\x04"s, "TensorFlow", "from_saved_model"},
      {"\x0a\x18\x0a\x05input\x12\x0bPlaceholder*\x04\x0a\x02"s, "TensorFlow", "from_saved_model"},
      {"\x1f\x8b\x08\0........"s, "gzip", "unpack"},
      {std::string(257, '\0') + "ustar\0"s, "tar archive", "unpack"},
      {"LITERTLM\x01\0\0\0"s, "LiteRT-LM", "unpack"},
      {"GGUF\x03\0\0\0...."s, "GGUF", "export"},
      {"\x80\x02}q\x01(....", "PyTorch", "litert-torch"},
      {"\x7f" "ELF\x02\x01\x01\0...."s, "ELF", ".tflite file"},
      {"\x89PNG\r\n\x1a\n....", "PNG", ".tflite file"},
      {"\xff\xd8\xff\xe0\0\x10JFIF"s, "JPEG", ".tflite file"},
      {"\x93NUMPY\x01\0v\0{'descr'"s, ".npy", ".tflite file"},
      {"<!DOCTYPE html>\n<html>", "HTML page", "download"},
      {"\x1c\0\0\0TFL2\0\0\0\0"s, "older format", "convert"},
      {"404: Not Found, or whatever else", "text file", ".tflite file"},
  };
  for (const Foreign& file : files) {
    ExpectError(Write(file.bytes), ErrorCode::kInvalidModel, file.what);
    ExpectError(Write(file.bytes), ErrorCode::kInvalidModel, file.fix);
    // Every shorter beginning is an error, too, and nothing is read past it.
    for (size_t size = 0; size < file.bytes.size(); ++size) {
      const std::string start = file.bytes.substr(0, size);
      EXPECT_FALSE(ReadModel(std::as_bytes(std::span(start)), nullptr));
    }
  }
}

TEST_F(ReaderFile, CutOff) {
  auto bytes = WriteFile(*SmallFileModel());
  bytes.resize(bytes.size() / 2);
  ExpectError(Write(bytes), ErrorCode::kInvalidModel, "damaged");
}

TEST_F(ReaderFile, ModelOutlivesTheFile) {
  const std::string path = Write(WriteFile(*SmallFileModel()));
  auto model = ReadModelFile(path);
  ASSERT_TRUE(model) << model.error().text;
  std::filesystem::remove(path);
  // The last constant keeps the mapping.
  const Constant bias = model->subgraphs[0]->tensors[2].data;
  model = {};
  ASSERT_EQ(bias.bytes.size(), 12u);
  EXPECT_EQ(bias.bytes[11], std::byte{11});
}

TEST_F(ReaderFile, TrailingBytesAreAllowed) {
  auto bytes = WriteFile(*SmallFileModel());
  bytes.resize(bytes.size() + 1000, std::byte{0xa5});
  const auto model = ReadModelFile(Write(bytes));
  ASSERT_TRUE(model) << model.error().text;
  EXPECT_EQ(model->size_bytes, static_cast<int64_t>(bytes.size()));
}

// A file over 2 GiB (sparse on disk): the flatbuffer, a hole, then the weights.
TEST_F(ReaderFile, WeightsBehindTheFlatbuffer) {
  constexpr uint64_t kOffset = (uint64_t{9} << 28) + 3;  // 2.25 GiB, odd: the bias needs an aligned copy
  auto file = SmallFileModel();
  for (const int i : {1, 2}) {
    file->buffers[i]->size = file->buffers[i]->data.size();
    file->buffers[i]->data.clear();
    file->buffers[i]->offset = kOffset;
  }
  const std::string path = Write(WriteFile(*file));
  const std::string weights = "abcdefghijklmnopqrstuvwx";
  std::fstream stream(path, std::ios::binary | std::ios::in | std::ios::out);
  stream.seekp(static_cast<std::streamoff>(kOffset));
  stream << weights;
  stream.close();
  ASSERT_TRUE(stream) << "no room for a sparse file";
  const auto model = ReadModelFile(path);
  ASSERT_TRUE(model) << model.error().text;
  EXPECT_EQ(BrokenPromise(*model), "");
  const auto& tensors = model->subgraphs[0]->tensors;
  ASSERT_EQ(tensors[1].data.bytes.size(), 24u);
  EXPECT_EQ(std::memcmp(tensors[1].data.bytes.data(), weights.data(), 24), 0);
  EXPECT_EQ(std::memcmp(tensors[2].data.bytes.data(), weights.data(), 12), 0);
}

// Offset 1 is what a writer puts there before it knows the place: the data is inside (here: none).
TEST_F(ReaderFile, OffsetOneIsNotUsed) {
  auto file = SmallFileModel();
  file->buffers[1]->offset = 1;
  file->buffers[1]->size = 1;
  const auto model = ReadModelFile(Write(WriteFile(*file)));
  ASSERT_TRUE(model) << model.error().text;
  EXPECT_EQ(model->subgraphs[0]->tensors[1].data.bytes.size(), 24u);
}

TEST_F(ReaderFile, CustomOptionsBehindTheFlatbuffer) {
  auto file = CustomOpFileModel("LceBconv2d", {});
  const auto size = WriteFile(*file).size();
  auto& op = *file->subgraphs[0]->operators[0];
  op.large_custom_options_offset = size;
  op.large_custom_options_size = 1'000'000;
  ExpectError(Write(WriteFile(*file)), ErrorCode::kInvalidModel, "large_custom_options: offset");
  // The field's own bytes changed the file's size: any range inside will do, none holds a flexbuffer map.
  op.large_custom_options_size = 4;
  const auto model = ReadModelFile(Write(WriteFile(*file)));
  ASSERT_TRUE(model) << model.error().text;
  EXPECT_NE(model->subgraphs[0]->ops[0].params_error, "");
}

// Flatbuffers aligns relative to the start of the file: any base address must work.
TEST(ReaderBytes, MisalignedBase) {
  const auto bytes = WriteFile(*SmallFileModel());
  for (size_t shift = 1; shift < 16; ++shift) {
    std::vector<std::byte> shifted(bytes.size() + shift);
    std::memcpy(shifted.data() + shift, bytes.data(), bytes.size());
    auto model = ReadModel(std::span(shifted).subspan(shift), nullptr);
    ASSERT_TRUE(model) << model.error().text;
    std::ranges::fill(shifted, std::byte{0});
    EXPECT_EQ(BrokenPromise(*model), "");
    EXPECT_EQ(model->subgraphs[0]->tensors[1].data.bytes[23], std::byte{23}) << "a copy of its own";
  }
}

}  // namespace
}  // namespace npu::test

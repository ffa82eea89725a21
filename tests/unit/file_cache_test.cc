// The file cache gives back exactly what was stored, or nothing: whatever was done to its files meanwhile.
// SPDX-License-Identifier: Apache-2.0
#include "backends/file_cache.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "base/log.h"

namespace npu {
namespace {

namespace fs = std::filesystem;

const FileCache::Identity kIdentity = {{"kernel sources", "0123"}, {"driver version", "3.1"}};

std::vector<std::byte> Bytes(std::string_view text) {
  const auto view = std::as_bytes(std::span(text));
  return {view.begin(), view.end()};
}

class FileCacheTest : public testing::Test {
 protected:
  FileCacheTest() {
    std::string pattern = (fs::temp_directory_path() / "npu-cache-XXXXXX").string();
    root_ = mkdtemp(pattern.data());
    directory_ = root_ / "cache";
  }
  ~FileCacheTest() override { fs::remove_all(root_); }

  FileCache OpenCache() {
    auto cache = FileCache::Open(directory_);
    EXPECT_TRUE(cache) << cache.error().text;
    return std::move(*cache);
  }
  std::string OpenError() {
    const auto cache = FileCache::Open(directory_);
    return cache ? "opened" : cache.error().text;
  }
  std::string Contents(const std::string& name) {
    std::ifstream file(directory_ / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  void Write(const std::string& name, const std::string& contents) {
    std::ofstream(directory_ / name, std::ios::binary | std::ios::trunc) << contents;
  }
  size_t FileCount() {
    return static_cast<size_t>(std::distance(fs::directory_iterator(directory_), fs::directory_iterator()));
  }

  fs::path root_, directory_;
};

TEST_F(FileCacheTest, GivesBackWhatWasStored) {
  const FileCache cache = OpenCache();
  EXPECT_EQ(cache.Load("program", kIdentity), std::nullopt);
  ASSERT_TRUE(cache.Store("program", kIdentity, Bytes("first")));
  ASSERT_TRUE(cache.Store("program", kIdentity, Bytes("second")));
  ASSERT_TRUE(cache.Store("empty", kIdentity, {}));
  const FileCache again = OpenCache();
  EXPECT_EQ(again.Load("program", kIdentity), Bytes("second"));
  EXPECT_EQ(again.Load("empty", kIdentity), Bytes(""));
  EXPECT_EQ(FileCount(), 2u) << "temporary files are left";
  EXPECT_EQ(fs::status(directory_ / "program").permissions(), fs::perms(0600));
  EXPECT_EQ(fs::status(directory_).permissions(), fs::perms(0700));
}

TEST_F(FileCacheTest, AnotherIdentityIsNoEntryAndTheLogNamesThePart) {
  const FileCache cache = OpenCache();
  ASSERT_TRUE(cache.Store("program", kIdentity, Bytes("x")));
  FileCache::Identity other = kIdentity;
  other[1].value = "4.0";
  testing::internal::CaptureStderr();
  EXPECT_EQ(cache.Load("program", other), std::nullopt);
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_NE(log.find("driver version was \"3.1\" and is now \"4.0\""), std::string::npos) << log;
  EXPECT_EQ(std::count(log.begin(), log.end(), '\n'), 1) << log;
  other = kIdentity;
  other.pop_back();
  EXPECT_EQ(cache.Load("program", other), std::nullopt);
}

TEST_F(FileCacheTest, EveryTruncationAndEveryFlippedBitIsNoEntry) {
  const FileCache cache = OpenCache();
  ASSERT_TRUE(cache.Store("program", kIdentity, Bytes("some bytes of a program")));
  const std::string good = Contents("program");
  SetLogLevel(LogLevel::kOff);  // a line for each of a thousand entries
  for (size_t size = 0; size < good.size(); ++size) {
    Write("program", good.substr(0, size));
    EXPECT_EQ(cache.Load("program", kIdentity), std::nullopt) << size << " bytes";
  }
  for (size_t bit = 0; bit < good.size() * 8; ++bit) {
    std::string bad = good;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << bit % 8));
    Write("program", bad);
    EXPECT_EQ(cache.Load("program", kIdentity), std::nullopt) << "bit " << bit;
  }
  Write("program", good + "x");
  EXPECT_EQ(cache.Load("program", kIdentity), std::nullopt);
  SetLogLevel(LogLevel::kWarning);
  Write("program", good);
  EXPECT_NE(cache.Load("program", kIdentity), std::nullopt);
}

TEST_F(FileCacheTest, WhatStandsInAnEntrysPlaceIsNotFollowed) {
  const FileCache cache = OpenCache();
  ASSERT_TRUE(cache.Store("program", kIdentity, Bytes("x")));
  fs::rename(directory_ / "program", root_ / "elsewhere");
  fs::create_symlink(root_ / "elsewhere", directory_ / "program");
  EXPECT_EQ(cache.Load("program", kIdentity), std::nullopt);
  ASSERT_EQ(mkfifo((directory_ / "fifo").c_str(), 0600), 0);
  EXPECT_EQ(cache.Load("fifo", kIdentity), std::nullopt);
  fs::create_directory(directory_ / "directory");
  EXPECT_EQ(cache.Load("directory", kIdentity), std::nullopt);
  // Storing replaces the link and leaves what it pointed to.
  ASSERT_TRUE(cache.Store("program", kIdentity, Bytes("y")));
  EXPECT_TRUE(fs::is_regular_file(fs::symlink_status(directory_ / "program")));
  EXPECT_EQ(cache.Load("program", kIdentity), Bytes("y"));
  EXPECT_EQ(cache.Load("../cache/program", kIdentity), std::nullopt);
  EXPECT_FALSE(cache.Store("../program", kIdentity, Bytes("y")));
}

TEST_F(FileCacheTest, DirectoriesOfOthersAreRefused) {
  fs::create_directory(root_ / "real");
  fs::create_symlink(root_ / "real", directory_);
  EXPECT_NE(OpenError().find("is a link or no directory"), std::string::npos) << OpenError();
  fs::remove(directory_);
  std::ofstream(directory_) << "a file";
  EXPECT_NE(OpenError().find("is a link or no directory"), std::string::npos) << OpenError();
  fs::remove(directory_);
  fs::create_directory(directory_);
  fs::permissions(directory_, fs::perms(0777));
  EXPECT_NE(OpenError().find("can be written by others (mode 777)"), std::string::npos) << OpenError();
  fs::permissions(directory_, fs::perms(0700));
  if (geteuid() == 0) {
    ASSERT_EQ(chown(directory_.c_str(), 12345, 12345), 0);
    EXPECT_NE(OpenError().find("belongs to user 12345"), std::string::npos) << OpenError();
  }
  directory_ = root_ / "no" / "parent";
  EXPECT_NE(OpenError().find("cannot be made"), std::string::npos) << OpenError();
}

TEST_F(FileCacheTest, AFullDiskLeavesTheOldEntry) {
  const FileCache cache = OpenCache();
  ASSERT_TRUE(cache.Store("program", kIdentity, Bytes("old")));
  // A limit on the size of files stands for the full disk: writes come up short, then fail.
  const auto old_handler = signal(SIGXFSZ, SIG_IGN);
  rlimit old_limit;
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &old_limit), 0);
  const rlimit small{5000, old_limit.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const Status stored = cache.Store("program", kIdentity, std::vector<std::byte>(20000));
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &old_limit), 0);
  signal(SIGXFSZ, old_handler);
  ASSERT_FALSE(stored);
  EXPECT_EQ(stored.error().code, ErrorCode::kIo);
  EXPECT_NE(stored.error().text.find("cannot be written"), std::string::npos) << stored.error().text;
  EXPECT_EQ(cache.Load("program", kIdentity), Bytes("old"));
  EXPECT_EQ(FileCount(), 1u);
}

TEST_F(FileCacheTest, ReadersNeverSeeAPartWhileProcessesWrite) {
  const FileCache cache = OpenCache();
  constexpr int kWriters = 8, kRounds = 100;
  std::vector<pid_t> children;
  for (int writer = 0; writer < kWriters; ++writer) {
    const pid_t child = fork();
    if (child == 0) {
      bool good = true;
      for (int round = 0; round < kRounds; ++round) {
        good = good && cache.Store("program", kIdentity, std::vector<std::byte>(3000 + writer, std::byte(writer)));
        const auto seen = cache.Load("program", kIdentity);
        good = good && seen && seen->size() == 3000 + std::to_integer<size_t>(seen->front());
      }
      _exit(good ? 0 : 1);
    }
    ASSERT_GT(child, 0);
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
  EXPECT_EQ(FileCount(), 1u);
}

TEST(Sha256, MatchesTheStandardsExample) {
  // FIPS 180-4's example of one block.
  EXPECT_EQ(Sha256Hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

}  // namespace
}  // namespace npu

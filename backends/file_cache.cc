// SPDX-License-Identifier: Apache-2.0
#include "backends/file_cache.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <mbedtls/sha256.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/log.h"

namespace npu {
namespace {

using Digest = std::array<unsigned char, 32>;

// Everything of an entry before its identity and its bytes. The order of bytes is this machine's: the
// driver's binaries are of no use on another one either.
struct Head {
  char magic[8];  // the format's version is its last digit
  uint64_t identity_bytes, payload_bytes;
  Digest digest;  // of the two sizes, the identity and the payload
};
constexpr char kMagic[8] = {'N', 'P', 'U', 'C', 'A', 'C', 'H', '1'};
static_assert(sizeof(Head) == 56);

// Program binaries take 0.1 to 10 MB; more than this is no entry of ours.
constexpr size_t kMaxEntryBytes = size_t{256} << 20;

class Sha256 {
 public:
  Sha256() {
    mbedtls_sha256_init(&context_);
    mbedtls_sha256_starts_ret(&context_, 0);
  }
  ~Sha256() { mbedtls_sha256_free(&context_); }
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;

  void Add(const void* data, size_t size) {
    mbedtls_sha256_update_ret(&context_, static_cast<const unsigned char*>(data), size);
  }
  Digest Finish() {
    Digest digest{};
    mbedtls_sha256_finish_ret(&context_, digest.data());
    return digest;
  }

 private:
  mbedtls_sha256_context context_;
};

class File {
 public:
  explicit File(int descriptor) : descriptor_(descriptor) {}
  ~File() {
    if (descriptor_ >= 0) close(descriptor_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int get() const { return descriptor_; }

 private:
  int descriptor_;
};

std::string ErrorText() { return std::strerror(errno); }

tl::unexpected<Error> DirectoryFail(const std::string& path, const std::string& what) {
  return Fail(ErrorCode::kIo, fmt::format("cache_dir \"{}\": {}", path, what));
}

Digest DigestOf(const Head& head, const void* identity, const void* payload) {
  Sha256 sha;
  sha.Add(&head.identity_bytes, sizeof(head.identity_bytes));
  sha.Add(&head.payload_bytes, sizeof(head.payload_bytes));
  sha.Add(identity, head.identity_bytes);
  sha.Add(payload, head.payload_bytes);
  return sha.Finish();
}

std::string Serialize(const FileCache::Identity& identity) {
  std::string text;
  for (const FileCache::Part& part : identity) (((text += part.name) += '\0') += part.value) += '\0';
  return text;
}

FileCache::Identity Parse(std::string_view text) {
  FileCache::Identity identity;
  const auto next = [&] {
    const size_t end = std::min(text.find('\0'), text.size());
    std::string piece(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    return piece;
  };
  while (!text.empty()) {
    std::string name = next();
    identity.push_back({std::move(name), next()});
  }
  return identity;
}

// The first part in which two identities differ, in words.
std::string Difference(const FileCache::Identity& stored, const FileCache::Identity& wanted) {
  for (size_t i = 0; i < std::min(stored.size(), wanted.size()); ++i) {
    if (stored[i].name != wanted[i].name) break;
    if (stored[i].value != wanted[i].value) {
      return fmt::format("{} was \"{}\" and is now \"{}\"", wanted[i].name, stored[i].value, wanted[i].value);
    }
  }
  return "it was made by another version";
}

bool ReadExactly(int file, void* to, size_t size) {
  auto* at = static_cast<char*>(to);
  while (size > 0) {
    const ssize_t got = read(file, at, size);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    at += got;
    size -= static_cast<size_t>(got);
  }
  return true;
}

bool WriteAll(int file, const void* from, size_t size) {
  const auto* at = static_cast<const char*>(from);
  while (size > 0) {
    const ssize_t put = write(file, at, size);
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return false;
    at += put;
    size -= static_cast<size_t>(put);
  }
  return true;
}

bool IsName(std::string_view name) {
  return !name.empty() && name.size() <= 100 && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
}

struct Loaded {
  std::vector<std::byte> payload;
  std::string why_not;  // empty: payload is the entry
};

Loaded Refuse(std::string why) { return {{}, std::move(why)}; }

Loaded ReadEntry(int descriptor, const FileCache::Identity& identity) {
  struct stat status;
  if (fstat(descriptor, &status) != 0) return Refuse(ErrorText());
  if (!S_ISREG(status.st_mode)) return Refuse("it is no regular file");
  if (status.st_uid != geteuid()) return Refuse("it belongs to another user");
  const auto size = static_cast<uint64_t>(status.st_size);
  Head head;
  if (size < sizeof(head) || size > kMaxEntryBytes || !ReadExactly(descriptor, &head, sizeof(head)))
    return Refuse("it is damaged (size)");
  if (std::memcmp(head.magic, kMagic, sizeof(kMagic)) != 0) return Refuse("it has another format");
  const uint64_t rest = size - sizeof(head);
  if (head.identity_bytes > rest || head.payload_bytes != rest - head.identity_bytes)
    return Refuse("it is damaged (length)");
  std::string stored(head.identity_bytes, '\0');
  std::vector<std::byte> payload(head.payload_bytes);
  if (!ReadExactly(descriptor, stored.data(), stored.size()) ||
      !ReadExactly(descriptor, payload.data(), payload.size())) {
    return Refuse("it is damaged (truncated)");
  }
  if (DigestOf(head, stored.data(), payload.data()) != head.digest) return Refuse("it is damaged (checksum)");
  const FileCache::Identity found = Parse(stored);
  if (found != identity) return Refuse(Difference(found, identity));
  return {std::move(payload), {}};
}

}  // namespace

std::string Sha256Hex(std::span<const std::byte> bytes) {
  Sha256 sha;
  sha.Add(bytes.data(), bytes.size());
  const Digest digest = sha.Finish();
  return fmt::format("{:02x}", fmt::join(digest, ""));
}

std::string Sha256Hex(std::string_view text) { return Sha256Hex(std::as_bytes(std::span(text))); }

Result<FileCache> FileCache::Open(const std::string& directory) {
  // A set-uid program must not let its caller choose what is fed to the driver.
  if (getauxval(AT_SECURE) != 0) return DirectoryFail(directory, "not used in a set-uid process");
  if (mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) {
    return DirectoryFail(directory, fmt::format("cannot be made ({}); name a directory whose parent exists "
                                                "and can be written",
                                                ErrorText()));
  }
  const int descriptor = open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (descriptor < 0) {
    const bool link = errno == ELOOP || errno == ENOTDIR;
    return DirectoryFail(directory, link ? "is a link or no directory; name the directory itself"
                                         : fmt::format("cannot be opened ({})", ErrorText()));
  }
  FileCache cache(descriptor, directory);
  struct stat status;
  if (fstat(descriptor, &status) != 0) return DirectoryFail(directory, ErrorText());
  if (status.st_uid != geteuid()) {
    return DirectoryFail(directory, fmt::format("belongs to user {}; name one of user {}, who runs this",
                                                status.st_uid, geteuid()));
  }
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return DirectoryFail(directory, fmt::format("can be written by others (mode {:o}); chmod go-w it",
                                                status.st_mode & 07777));
  }
  return cache;
}

FileCache::FileCache(FileCache&& other) noexcept
    : directory_(std::exchange(other.directory_, -1)), path_(std::move(other.path_)) {}

FileCache::~FileCache() {
  if (directory_ >= 0) close(directory_);
}

std::optional<std::vector<std::byte>> FileCache::Load(std::string_view name,
                                                      const Identity& identity) const {
  if (!IsName(name)) return std::nullopt;
  const std::string file_name(name);
  // Non-blocking, so that a FIFO in the entry's place is seen instead of waited for.
  const File file(openat(directory_, file_name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0 && errno == ENOENT) return std::nullopt;
  Loaded loaded = file.get() >= 0 ? ReadEntry(file.get(), identity)
                                  : Refuse(errno == ELOOP ? "it is a link" : ErrorText());
  if (loaded.why_not.empty()) return std::move(loaded.payload);
  Log(LogLevel::kWarning, "{}/{} is not used and made anew: {}", path_, name, loaded.why_not);
  return std::nullopt;
}

Status FileCache::Store(std::string_view name, const Identity& identity,
                        std::span<const std::byte> bytes) const {
  if (!IsName(name)) return Fail(ErrorCode::kInternal, fmt::format("\"{}\" is no name of an entry", name));
  const std::string stored = Serialize(identity);
  if (bytes.size() > kMaxEntryBytes - sizeof(Head) - std::min(stored.size(), kMaxEntryBytes / 2)) {
    return Fail(ErrorCode::kResourceExhausted, fmt::format("{}/{}: {} bytes; an entry takes at most {}",
                                                           path_, name, bytes.size(), kMaxEntryBytes));
  }
  Head head{};
  std::memcpy(head.magic, kMagic, sizeof(kMagic));
  head.identity_bytes = stored.size();
  head.payload_bytes = bytes.size();
  head.digest = DigestOf(head, stored.data(), bytes.data());

  static std::atomic<unsigned> counter{0};
  const std::string final_name(name);
  const std::string temporary = fmt::format(".{}-{}-{}", name, getpid(), counter.fetch_add(1));
  const auto fail = [&](const char* step) {
    Error error{ErrorCode::kIo, fmt::format("{}/{}: {}: {}", path_, name, step, ErrorText())};
    unlinkat(directory_, temporary.c_str(), 0);
    return tl::unexpected(std::move(error));
  };
  // One left by a process that died and had this number.
  unlinkat(directory_, temporary.c_str(), 0);
  const File file(openat(directory_, temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                         S_IRUSR | S_IWUSR));
  if (file.get() < 0) return fail("cannot be created");
  if (!WriteAll(file.get(), &head, sizeof(head)) || !WriteAll(file.get(), stored.data(), stored.size()) ||
      !WriteAll(file.get(), bytes.data(), bytes.size()) || fsync(file.get()) != 0) {
    return fail("cannot be written");
  }
  if (renameat(directory_, temporary.c_str(), directory_, final_name.c_str()) != 0)
    return fail("cannot be put in place");
  return {};
}

}  // namespace npu

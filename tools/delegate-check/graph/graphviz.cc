// SPDX-License-Identifier: Apache-2.0
#include "tools/delegate-check/graph/graphviz.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <memory>

extern char** environ;

namespace delegate_check {
namespace {

using Clock = std::chrono::steady_clock;

struct CloseFile {
  void operator()(FILE* file) const { std::fclose(file); }
};

// dot's input is a file without a name: a pipe could block both sides, and raise SIGPIPE where dot ends
// early.
std::unique_ptr<FILE, CloseFile> InputFile(const std::string& text) {
  std::unique_ptr<FILE, CloseFile> file(std::tmpfile());
  if (file == nullptr || std::fwrite(text.data(), 1, text.size(), file.get()) != text.size() ||
      std::fflush(file.get()) != 0 || ::lseek(fileno(file.get()), 0, SEEK_SET) != 0) {
    return nullptr;
  }
  return file;
}

// The child's process id, or 0 and errno.
pid_t Spawn(const char* format, int input, int output) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  // Warnings about labels and lost edges, of which a reader of the report knows nothing.
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  std::string name = "dot", option = format;
  char* arguments[] = {name.data(), option.data(), nullptr};
  pid_t child = 0;
  errno = posix_spawnp(&child, "dot", &actions, nullptr, arguments, environ);
  posix_spawn_file_actions_destroy(&actions);
  return errno == 0 ? child : 0;
}

// All that `from` gives until its end; false when `deadline` comes first.
bool ReadAll(int from, Clock::time_point deadline, std::string& text) {
  char buffer[1 << 16];
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) return false;
    pollfd waiting{from, POLLIN, 0};
    const int ready = ::poll(&waiting, 1, static_cast<int>(left));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return false;
    const ssize_t count = ::read(from, buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return count == 0;
    text.append(buffer, static_cast<size_t>(count));
  }
}

}  // namespace

DotAnswer RunDot(const std::string& text, const char* format, double seconds) {
  const auto input = InputFile(text);
  int ends[2];
  if (input == nullptr || ::pipe2(ends, O_CLOEXEC) != 0) {
    return {{}, fmt::format("dot cannot be started: {}", std::strerror(errno))};
  }
  const pid_t child = Spawn(format, fileno(input.get()), ends[1]);
  const int spawn_error = errno;
  ::close(ends[1]);
  DotAnswer answer;
  if (child == 0) {
    answer.error = spawn_error == ENOENT
                       ? "dot is not installed (package graphviz)"
                       : fmt::format("dot cannot be started: {}", std::strerror(spawn_error));
  } else {
    const auto limit = std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
    const bool whole = ReadAll(ends[0], Clock::now() + limit, answer.output);
    if (!whole) ::kill(child, SIGKILL);
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (!whole) {
      answer.error = fmt::format("dot did not end within {:g} seconds", seconds);
    } else if (!WIFEXITED(status) || WEXITSTATUS(status) != 0 || answer.output.empty()) {
      answer.error = "dot failed";
    }
    if (!answer.error.empty()) answer.output.clear();
  }
  ::close(ends[0]);
  return answer;
}

}  // namespace delegate_check

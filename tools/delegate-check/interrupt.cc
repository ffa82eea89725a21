// SPDX-License-Identifier: Apache-2.0
#include "tools/delegate-check/interrupt.h"

#include <signal.h>

#include <atomic>

namespace delegate_check {
namespace {

// A driver's threads may take the signal as well as ours, so that blocking it in one thread is not enough.
std::atomic<int> holders{0}, waiting{0};
static_assert(std::atomic<int>::is_always_lock_free, "signal handlers take no locks");

void End(int number) {
  struct sigaction action {};
  action.sa_handler = SIG_DFL;
  ::sigaction(number, &action, nullptr);
  ::raise(number);
}

void OnSignal(int number) {
  if (holders > 0) {
    waiting = number;
  } else {
    End(number);
  }
}

}  // namespace

void HandleInterrupts() {
  for (const int number : {SIGINT, SIGTERM}) {
    struct sigaction before {};
    // What was ignored when we were started (nohup, a shell's background job) stays so.
    if (::sigaction(number, nullptr, &before) != 0 || before.sa_handler == SIG_IGN) continue;
    struct sigaction action {};
    action.sa_handler = OnSignal;
    ::sigemptyset(&action.sa_mask);
    ::sigaction(number, &action, nullptr);
  }
}

Uninterrupted::Uninterrupted() { ++holders; }

Uninterrupted::~Uninterrupted() {
  if (--holders == 0 && waiting != 0) End(waiting);
}

}  // namespace delegate_check

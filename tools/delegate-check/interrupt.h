// Ctrl+C (SIGINT) and SIGTERM end the program at once, but never in the middle of a file: while an Uninterrupted lives,
// they wait. The program then ends by the signal, which shells report as 130 and 143.
// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace delegate_check {

// Once, before anything is written.
void HandleInterrupts();

class Uninterrupted {
 public:
  Uninterrupted();
  ~Uninterrupted();  // a signal that came meanwhile ends the program here
  Uninterrupted(const Uninterrupted&) = delete;
  Uninterrupted& operator=(const Uninterrupted&) = delete;
};

}  // namespace delegate_check

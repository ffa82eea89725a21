#!/usr/bin/env bash
# tools/test.sh: installs packages (root or sudo), builds, and runs all tests.
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
source "$(dirname "$0")/common.sh"
case ${1:-} in
  -h | --help) sed -n '2s/^# //p' "$0"; exit 0 ;;
esac

step "packages"
# shellcheck disable=SC2086
install_packages $PACKAGES $SANITIZER_PACKAGES

step "browser"
# shellcheck disable=SC2086
install_packages $BROWSER_PACKAGES || echo "the test of delegate-check's page in a browser will be skipped"

step "house rules"
"$ROOT/.ci/check_house.sh"

step "release build"
build_preset release

step "host environments"
for name in litert tflite model-explorer; do
  host_env "$name" || echo "tests in the $name environment will be skipped"
done

# Without it (another architecture, no package index) the test with a real camera driver is skipped, and says so.
"$ROOT/tests/camera_vm/prepare.sh" || echo "the test camera.vm will be skipped"

step "tests"
(cd "$ROOT/build/release" && ctest --output-on-failure -j2)

step "sanitizer build (address, undefined)"
build_preset asan sanitizer_tests

# After the release run, so that PoCL's kernel cache is warm and its compiler is not part of what is checked; what
# leaks inside the driver and LLVM is theirs. LeakSanitizer needs use_tls=0 beside a dlopen'ed driver.
step "tests under the sanitizers (unit, partition, frames)"
(cd "$ROOT/build/asan" && UBSAN_OPTIONS=print_stacktrace=1 \
  LSAN_OPTIONS="use_tls=0:suppressions=$ROOT/tests/support/lsan.supp" \
  ctest -L sanitized --output-on-failure -j2)

#!/usr/bin/env bash
# tests/camera_vm/run.sh BUILD: boots a virtual machine (no KVM needed) with a real V4L2 camera driver and real DMA-BUFs
# and runs BUILD/bin/camera_vm_test in it. Exit code 77: what prepare.sh gets is not there. The machine's log is kept
# when something fails.
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
build=$(cd "$1" && pwd)
work="$root/build/camera_vm"
limit=${CAMERA_VM_SECONDS:-1200}

command -v qemu-system-x86_64 >/dev/null && command -v cpio >/dev/null && [ -f "$work/version" ] || {
  echo "SKIPPED: no qemu or no kernel for it; tests/camera_vm/prepare.sh gets both"
  exit 77
}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cp -r "$work/root" "$scratch/root"
cp "$here/init" "$scratch/root/init"
chmod +x "$scratch/root/init"
(cd "$scratch/root" && find . | cpio -o -H newc --quiet | gzip -1 >"$scratch/initramfs.gz")

# The guest sees the host's files, read-only, but for /tmp, which is its own; what it runs is a script there.
cat >"$build/camera_vm_guest.sh" <<EOF
cd "$build" && ./bin/camera_vm_test --gtest_color=no "$root/examples/digits/digits_int8.tflite" "$build/bin/camera-run"
EOF
log="$build/camera_vm.log"
timeout --kill-after=10 "$limit" qemu-system-x86_64 -accel tcg,thread=multi -cpu max -smp 2 -m 2048 -nodefaults -nographic \
  -serial stdio -no-reboot -kernel "$work/vmlinuz" -initrd "$scratch/initramfs.gz" \
  -append "console=ttyS0 quiet panic=-1 camera_vm.run=$build/camera_vm_guest.sh" \
  -virtfs "local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap" \
  </dev/null >"$log" 2>&1 || echo "camera_vm: qemu ended with $? (limit: $limit s)" >>"$log"
tr -d '\r' <"$log" | grep -vE '^\[ *(RUN|---)' | tail -60
if tr -d '\r' <"$log" | grep -q '^camera_vm: exit code 0$'; then
  rm "$log"
  exit 0
fi
echo "FAILED; the whole log: $log"
exit 1

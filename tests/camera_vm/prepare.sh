#!/usr/bin/env bash
# tests/camera_vm/prepare.sh: gets what the camera test in a virtual machine needs: qemu, and Debian's kernel with its
# virtual camera (vivid) and its DMA-BUF exporter (vgem), of which only a few modules are unpacked. About 90 MB to fetch.
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
source "$(dirname "$0")/../../tools/common.sh"
PACKAGES="qemu-system-x86 busybox-static cpio kmod"
WORK="$ROOT/build/camera_vm"

[ "$(dpkg --print-architecture)" = amd64 ] || { echo "the virtual machine is x86-64, this machine is not"; exit 77; }
step "packages of the camera VM"
install_packages

step "kernel of the camera VM"
kernel=$(apt-cache depends linux-image-amd64 | sed -n 's/.*Depends: \(linux-image-.*\)/\1/p' | head -1)
[ -n "$kernel" ] || { echo "no package linux-image-amd64 is known: apt-get update comes first"; exit 1; }
version=${kernel#linux-image-}
if [ "$(cat "$WORK/version" 2>/dev/null)" = "$version" ]; then
  echo "$kernel is there"
  exit 0
fi
rm -rf "$WORK"
mkdir -p "$WORK/root/mod" "$WORK/root/bin"
(cd "$WORK" && apt-get download -qq "$kernel" 2>"$WORK/download.log") || { cat "$WORK/download.log" >&2; exit 1; }
# The package's two trees that matter; its 400 MB of other drivers stay packed but for their index.
dpkg-deb --fsys-tarfile "$WORK"/linux-image-*.deb | tar -x -C "$WORK" ./boot ./lib/modules
rm "$WORK"/linux-image-*.deb
depmod -b "$WORK" "$version"

# In the order in which the modules need each other, each once.
for module in vgem vivid 9p 9pnet_virtio virtio_pci; do
  modprobe -d "$WORK" -S "$version" --show-depends "$module"
done | sed -n 's/^insmod \([^ ]*\).*/\1/p' | awk '!seen[$0]++' >"$WORK/modules"
while read -r path; do
  case $path in
    *.xz) xz -dc "$path" >"$WORK/root/mod/$(basename "$path" .xz)" ;;
    *) cp "$path" "$WORK/root/mod/" ;;
  esac
done <"$WORK/modules"
sed 's|.*/||; s|\.xz$||' "$WORK/modules" >"$WORK/root/mod/order"
cp "$WORK/boot/vmlinuz-$version" "$WORK/vmlinuz"
rm -rf "$WORK/lib" "$WORK/boot"
cp /bin/busybox "$WORK/root/bin/busybox"
echo "$version" >"$WORK/version"
du -sh "$WORK" | cut -f1

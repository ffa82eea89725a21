# Toolchain file for 64-bit Arm Linux with Debian's cross compiler (g++-aarch64-linux-gnu). NPU_SYSROOT: a folder with
# the libraries' arm64 packages unpacked, which tools/test_aarch64.sh makes. Tests run under qemu-user.
# SPDX-License-Identifier: Apache-2.0
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)

set(NPU_SYSROOT "" CACHE PATH "Folder with the target's libraries and headers")
# CMake reads this file again for its compiler checks.
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES NPU_SYSROOT)
set(CMAKE_SYSROOT ${NPU_SYSROOT})
set(CMAKE_FIND_ROOT_PATH ${NPU_SYSROOT})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
set(ENV{PKG_CONFIG_SYSROOT_DIR} ${NPU_SYSROOT})
set(ENV{PKG_CONFIG_LIBDIR} ${NPU_SYSROOT}/usr/lib/aarch64-linux-gnu/pkgconfig:${NPU_SYSROOT}/usr/share/pkgconfig)

# What a library needs of others is not named when linking.
set(CMAKE_EXE_LINKER_FLAGS_INIT "-Wl,-rpath-link,${NPU_SYSROOT}/usr/lib/aarch64-linux-gnu:${NPU_SYSROOT}/lib/aarch64-linux-gnu")
set(CMAKE_SHARED_LINKER_FLAGS_INIT ${CMAKE_EXE_LINKER_FLAGS_INIT})
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64-static -L ${NPU_SYSROOT})

#!/bin/sh
# Installs the library into an empty prefix, then builds and runs the README's C program
# against it three ways: pkg-config shared, pkg-config static, and CMake's find_package.
#
# usage: check_install.sh BUILD_DIR SOURCE_DIR WORK_DIR
set -eu
build=$1 source=$2 work=$3
rm -rf "$work"
mkdir -p "$work"
prefix=$work/prefix
cmake --install "$build" --prefix "$prefix" >"$work/install.log"

# The program is the first C block of the README: what a newcomer copies.
awk '/^```c$/ {take = 1; next} /^```$/ {if (take) exit} take' "$source/README.md" >"$work/program.c"
[ -s "$work/program.c" ] || { echo "README.md has no C program"; exit 1; }

PKG_CONFIG_PATH=$(dirname "$(find "$prefix" -name datashard.pc)")
export PKG_CONFIG_PATH
export PKG_CONFIG_ALLOW_SYSTEM_LIBS=1
libdir=$(find "$prefix" -name 'libdatashard.so' -exec dirname {} \;)
flags="$(pkg-config --define-variable=prefix="$prefix" --cflags datashard)"

run() {
    (cd "$work" && rm -rf flights && LD_LIBRARY_PATH=$libdir "$1") | tail -n 1
}

cc -std=c17 -Wall -Wextra -Werror $flags "$work/program.c" -o "$work/shared" \
    $(pkg-config --define-variable=prefix="$prefix" --libs datashard)
echo "shared:  $(run "$work/shared")"

cc -std=c17 -DDATASHARD_STATIC $flags "$work/program.c" -o "$work/static" \
    "$libdir/libdatashard.a" $(pkg-config --static --libs-only-l datashard | sed 's/-ldatashard//')
echo "static:  $(run "$work/static")"

mkdir "$work/project"
cat >"$work/project/CMakeLists.txt" <<CMAKE
cmake_minimum_required(VERSION 3.20)
project(user LANGUAGES C)
find_package(datashard 0.1 REQUIRED)
add_executable(user "$work/program.c")
target_link_libraries(user PRIVATE datashard::datashard)
CMAKE
cmake -S "$work/project" -B "$work/project/build" -DCMAKE_PREFIX_PATH="$prefix" >"$work/cmake.log"
cmake --build "$work/project/build" >>"$work/cmake.log"
echo "cmake:   $(run "$work/project/build/user")"
"$prefix/bin/datashard" --version >/dev/null 2>&1 ||
    LD_LIBRARY_PATH=$libdir "$prefix/bin/datashard" --version

"""Builds the extension datashard._core with CMake; all else is in pyproject.toml.

CMake builds the static library and the extension in one go, optimised, without tests. The
file is made for CPython's limited API, so one wheel serves 3.10 and every later version;
a free-threaded CPython has no such API, and gets a wheel for its version.

Environment: DATASHARD_CMAKE_ARGS adds arguments to CMake's configuration,
CMAKE_BUILD_PARALLEL_LEVEL says how many compilers run at once.
"""

from __future__ import annotations

import importlib
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

ROOT = pathlib.Path(__file__).resolve().parent
NEEDED = (
    "gcc libc6-dev make cmake pkg-config zlib1g-dev libzstd-dev libsnappy-dev liblz4-dev"
    " libdeflate-dev libbrotli-dev libsqlite3-dev python3-dev"
)
CMAKE_MIN = (3, 20)
FREE_THREADED = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))


def project_version() -> str:
    """The version of the library, from the header that promises it."""
    text = (ROOT / "include/datashard/version.h").read_text(encoding="utf-8")
    found = re.search(r'#define DS_VERSION_TEXT "([^"]+)"', text)
    if not found:
        raise SystemExit("include/datashard/version.h has no DS_VERSION_TEXT")
    return found[1]


def fail(what: str) -> None:
    raise SystemExit(f"\ndatashard: {what}\n  On Debian: apt-get install {NEEDED}\n")


def need_wheel() -> None:
    """Says in plain words that wheels cannot be made, which setuptools says in its own."""
    makers = ("setuptools.command.bdist_wheel", "wheel.bdist_wheel")
    if not {"bdist_wheel", "dist_info"} & set(sys.argv):
        return
    for name in makers:
        try:
            importlib.import_module(name)
        except ImportError:
            continue
        return
    raise SystemExit(
        "\ndatashard: setuptools before 70.1 makes wheels with the package wheel, which is not"
        "\n  here. With PyPI: pip install wheel. With Debian's alone: apt-get install"
        "\n  python3-wheel python3-setuptools, and an environment that sees them:"
        "\n  python3 -m venv --system-site-packages DIR\n"
    )


class CMakeBuild(build_ext):
    """Calls CMake for the one extension, and puts its file where setuptools wants it."""

    def run(self) -> None:
        cmake = shutil.which("cmake")
        if not cmake:
            fail(f"CMake >= {CMAKE_MIN[0]}.{CMAKE_MIN[1]} is needed to build it")
        text = subprocess.run([cmake, "--version"], capture_output=True, text=True).stdout
        found = re.search(r"(\d+)\.(\d+)", text)
        if not found or tuple(map(int, found.groups())) < CMAKE_MIN:
            fail(f"CMake >= {CMAKE_MIN[0]}.{CMAKE_MIN[1]} is needed, not: {text.strip()}")
        self.cmake = cmake
        super().run()

    def build_extension(self, ext: Extension) -> None:
        target = pathlib.Path(self.get_ext_fullpath(ext.name)).resolve()
        build = pathlib.Path(self.build_temp).resolve()
        build.mkdir(parents=True, exist_ok=True)
        configure = [
            self.cmake,
            f"-S{ROOT}",
            f"-B{build}",
            "-DCMAKE_BUILD_TYPE=Release",
            "-DBUILD_TESTING=OFF",
            "-DDATASHARD_PYTHON=ON",
            "-DDATASHARD_PYTHON_STATIC=ON",
            f"-DPython3_EXECUTABLE={sys.executable}",
            *shlex.split(os.environ.get("DATASHARD_CMAKE_ARGS", "")),
        ]
        jobs = os.environ.get("CMAKE_BUILD_PARALLEL_LEVEL") or str(os.cpu_count() or 1)
        make = [self.cmake, "--build", str(build), "--target", "datashard_python"]
        make += ["--parallel", jobs]
        # A make that calls pip is not the parent of CMake's make.
        env = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MAKELEVEL")}
        for command in (configure, make):
            if subprocess.run(command, env=env).returncode:
                fail("CMake failed; its words are above")
        made = build / "python/datashard" / target.name
        if not made.is_file():
            raise SystemExit(f"datashard: CMake did not make {made}")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(made, target)


need_wheel()
setup(
    version=project_version(),
    license="Apache-2.0",  # pyproject.toml has two forms, for old setuptools or for new ones.
    ext_modules=[Extension("datashard._core", sources=[], py_limited_api=not FREE_THREADED)],
    cmdclass={"build_ext": CMakeBuild},
    options={} if FREE_THREADED else {"bdist_wheel": {"py_limited_api": "cp310"}},
)

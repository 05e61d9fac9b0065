# The Python package: the extension _core for CPython's limited API, so that one file serves
# 3.10 and every later version, beside links to the Python files. A free-threaded CPython
# has no limited API: there the file is for that version alone. A test or a user points
# PYTHONPATH at <build>/python. setup.py builds the same target for the wheel, with the
# library inside.
set(DATASHARD_PYTHON AUTO CACHE STRING
    "The Python extension: ON, OFF, or AUTO (where Python's headers are found)")
option(DATASHARD_PYTHON_STATIC "Put the library into the Python extension" OFF)

set(DATASHARD_PYTHON_FOUND OFF)
if(DATASHARD_PYTHON STREQUAL AUTO)
  find_package(Python3 3.10 QUIET COMPONENTS Interpreter Development.Module)
elseif(DATASHARD_PYTHON)
  find_package(Python3 3.10 REQUIRED COMPONENTS Interpreter Development.Module)
endif()
if(DATASHARD_PYTHON AND NOT Python3_Development.Module_FOUND)
  message(STATUS "No headers of Python >= 3.10: the Python package is not built")
endif()
set(DATASHARD_PYTHON_SOURCES
    python/src/_core/core_appender.c
    python/src/_core/core_arrow.c
    python/src/_core/core_batch.c
    python/src/_core/core_capsule.c
    python/src/_core/core_catalog.c
    python/src/_core/core_commit.c
    python/src/_core/core_create.c
    python/src/_core/core_error.c
    python/src/_core/core_handle.c
    python/src/_core/core_held.c
    python/src/_core/core_migrate.c
    python/src/_core/core_module.c
    python/src/_core/core_share.c
    python/src/_core/core_table.c
    python/src/_core/core_text.c
    python/src/_core/core_wait.c
    python/src/_core/rows.c
    python/src/_core/rows_append.c
    python/src/_core/rows_block.c
    python/src/_core/rows_buffer.c
    python/src/_core/rows_column.c
    python/src/_core/rows_convert.c
    python/src/_core/rows_convert_decimal.c
    python/src/_core/rows_convert_numpy.c
    python/src/_core/rows_convert_time.c
    python/src/_core/rows_infer.c
    python/src/_core/rows_layout.c
    python/src/_core/rows_moment.c
    python/src/_core/rows_py.c
    python/src/_core/rows_stream.c
    python/src/_core/rows_type.c
    python/src/_core/values.c
    python/src/_core/values_scalar.c)
if(NOT DATASHARD_PYTHON OR NOT Python3_Development.Module_FOUND)
  return()
endif()
set(DATASHARD_PYTHON_FOUND ON)

set(DATASHARD_PYTHON_DIR ${PROJECT_BINARY_DIR}/python)
add_custom_target(
  datashard_python_files
  COMMAND ${CMAKE_COMMAND} -DFROM=${PROJECT_SOURCE_DIR}/python/src/datashard
          -DTO=${DATASHARD_PYTHON_DIR}/datashard -P
          ${PROJECT_SOURCE_DIR}/cmake/link_python_files.cmake
  VERBATIM)

list(TRANSFORM DATASHARD_PYTHON_SOURCES PREPEND ${PROJECT_SOURCE_DIR}/)
add_library(datashard_python MODULE ${DATASHARD_PYTHON_SOURCES})
datashard_warnings(datashard_python)
# Python's tables of slots hold functions as void *, which ISO C forbids and POSIX allows.
target_compile_options(datashard_python PRIVATE -Wno-pedantic)
# Each row takes ten calls of the interpreter: they go straight to it.
include(CheckCCompilerFlag)
check_c_compiler_flag(-fno-plt DATASHARD_NO_PLT)
if(DATASHARD_NO_PLT)
  target_compile_options(datashard_python PRIVATE -fno-plt)
endif()
add_dependencies(datashard_python datashard_python_files)
execute_process(
  COMMAND ${Python3_EXECUTABLE} -c
          "import sysconfig; print(sysconfig.get_config_var('Py_GIL_DISABLED') or 0)"
  OUTPUT_VARIABLE DATASHARD_PYTHON_FREE OUTPUT_STRIP_TRAILING_WHITESPACE)
if(DATASHARD_PYTHON_FREE)
  set(DATASHARD_PYTHON_SUFFIX .${Python3_SOABI}.so)
  target_compile_definitions(datashard_python PRIVATE Py_GIL_DISABLED=1)
else()
  set(DATASHARD_PYTHON_SUFFIX .abi3.so)
  target_compile_definitions(datashard_python PRIVATE Py_LIMITED_API=0x030A0000)
endif()
target_include_directories(datashard_python PRIVATE ${PROJECT_SOURCE_DIR}/python/src/_core)
target_link_libraries(datashard_python PRIVATE Python3::Module Threads::Threads)
if(DATASHARD_PYTHON_STATIC)
  target_link_libraries(datashard_python PRIVATE datashard_static)
  target_link_options(datashard_python PRIVATE -Wl,--exclude-libs,ALL -s)
else()
  target_link_libraries(datashard_python PRIVATE datashard)
endif()
set_target_properties(
  datashard_python
  PROPERTIES PREFIX "" OUTPUT_NAME _core SUFFIX ${DATASHARD_PYTHON_SUFFIX} C_VISIBILITY_PRESET hidden
             LIBRARY_OUTPUT_DIRECTORY ${DATASHARD_PYTHON_DIR}/datashard)
if(NOT BUILD_TESTING)
  set_target_properties(datashard_python PROPERTIES EXCLUDE_FROM_ALL ON)
endif()

# connlib_library(), connlib_test(), connlib_program(), connlib_fuzzer() and the flags all of them share.
#
# One target per folder. The alias `a::b` names the folder `a/b`; includes are written from the repository root.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()

set(CONNLIB_SANITIZE "" CACHE STRING "Sanitizers to build with, e.g. address,undefined")
option(CONNLIB_WERROR "Treat warnings as errors" OFF)

add_library(connlib_flags INTERFACE)
target_compile_features(connlib_flags INTERFACE cxx_std_20)
target_compile_definitions(connlib_flags INTERFACE _GLIBCXX_ASSERTIONS)
target_compile_options(connlib_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wold-style-cast -Wnon-virtual-dtor)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # GCC 12 reports std::string assignments at -O2 and above that do not overlap (GCC bug 105329, mended in 13).
  target_compile_options(connlib_flags INTERFACE -Wno-restrict)
endif()
if(CONNLIB_WERROR)
  target_compile_options(connlib_flags INTERFACE -Werror)
endif()
if(CONNLIB_SANITIZE)
  target_compile_options(connlib_flags INTERFACE
    -fsanitize=${CONNLIB_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(connlib_flags INTERFACE -fsanitize=${CONNLIB_SANITIZE})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
    # Moved std::function inside <regex>, which Catch2 includes (GCC bug 105562).
    target_compile_options(connlib_flags INTERFACE -Wno-maybe-uninitialized)
  endif()
endif()

# Turns `wireguard::session` into the target name `wireguard_session`.
function(_connlib_target_name alias out)
  string(REPLACE "::" "_" name "${alias}")
  set(${out} "${name}" PARENT_SCOPE)
endfunction()

# connlib_library(ALIAS HDRS … SRCS … DEPS … PRIVATE_DEPS …): HDRS are the folder's face.
function(connlib_library alias)
  cmake_parse_arguments(ARG "" "" "HDRS;SRCS;DEPS;PRIVATE_DEPS" ${ARGN})
  _connlib_target_name("${alias}" name)
  set(scope PUBLIC)
  if(ARG_SRCS)
    add_library(${name} STATIC ${ARG_SRCS})
  else()
    add_library(${name} INTERFACE)
    set(scope INTERFACE)
  endif()
  add_library(${alias} ALIAS ${name})
  target_sources(${name} ${scope} FILE_SET HEADERS BASE_DIRS "${CMAKE_SOURCE_DIR}" FILES ${ARG_HDRS})
  target_include_directories(${name} ${scope} "${CMAKE_SOURCE_DIR}")
  target_link_libraries(${name} ${scope} ${ARG_DEPS})
  if(ARG_SRCS)
    target_link_libraries(${name} PRIVATE connlib_flags ${ARG_PRIVATE_DEPS})
  endif()
  if(CMAKE_VERIFY_INTERFACE_HEADER_SETS)
    target_link_libraries(${name} ${scope} connlib_flags)
  endif()
endfunction()

# connlib_program(NAME SRCS … DEPS …): an executable in build/bin.
function(connlib_program name)
  cmake_parse_arguments(ARG "" "" "SRCS;DEPS" ${ARGN})
  add_executable(${name} ${ARG_SRCS})
  target_link_libraries(${name} PRIVATE connlib_flags ${ARG_DEPS})
endfunction()

# connlib_test(NAME SRCS … DEPS …): a Catch2 program; every TEST_CASE becomes one ctest test.
function(connlib_test name)
  if(NOT CONNLIB_TESTS)
    return()
  endif()
  cmake_parse_arguments(ARG "" "" "SRCS;DEPS" ${ARGN})
  connlib_program(${name} SRCS ${ARG_SRCS} DEPS ${ARG_DEPS} connlib::test_main)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests")
  catch_discover_tests(${name} TEST_PREFIX "${name}: " PROPERTIES TIMEOUT 300)
endfunction()

# connlib_fuzzer(NAME SRCS … DEPS …): a libFuzzer target; its corpus lives in tests/fuzz/corpus/NAME. Where there is
# no libFuzzer the same sources replay that corpus as a test.
function(connlib_fuzzer name)
  cmake_parse_arguments(ARG "" "" "SRCS;DEPS" ${ARGN})
  if(CONNLIB_FUZZ)
    connlib_program(${name} SRCS ${ARG_SRCS} DEPS ${ARG_DEPS})
    set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/fuzz")
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  elseif(CONNLIB_TESTS)
    set(replay "${name}_replay")
    connlib_program(${replay} SRCS ${ARG_SRCS} "${CMAKE_SOURCE_DIR}/tests/fuzz/replay_main.cc" DEPS ${ARG_DEPS})
    set_target_properties(${replay} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests")
    add_test(NAME "fuzz corpus: ${name}" COMMAND ${replay} "${CMAKE_SOURCE_DIR}/tests/fuzz/corpus/${name}")
    set_tests_properties("fuzz corpus: ${name}" PROPERTIES TIMEOUT 300)
  endif()
endfunction()

# SPDX-License-Identifier: Apache-2.0
# Compiler settings and the two functions of the top CMakeLists.txt. Sources are found by name, so a new
# file needs no line anywhere.
set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS ON) # fsync, mmap, openat: _GNU_SOURCE
set(CMAKE_CXX_STANDARD 17)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()
find_package(OpenMP REQUIRED COMPONENTS C)

option(COTRAIN_WARNINGS_ARE_ERRORS "off: for a compiler newer than those that the warnings were read of" ON)
add_compile_definitions(_GNU_SOURCE COTRAIN_VERSION="${PROJECT_VERSION}")
# Sums are written as explicit chains of fma; the compiler must neither fuse nor reorder any other.
add_compile_options("$<$<COMPILE_LANGUAGE:C,CXX>:-ffp-contract=off;-fno-math-errno;-fno-trapping-math>"
                    "$<$<COMPILE_LANGUAGE:C,CXX>:-Wall;-Wextra;-Wshadow;-Wconversion;-Wno-sign-conversion>"
                    "$<$<COMPILE_LANGUAGE:C,CXX>:-Wvla;-Wdouble-promotion>"
                    "$<$<AND:$<BOOL:${COTRAIN_WARNINGS_ARE_ERRORS}>,$<COMPILE_LANGUAGE:C,CXX>>:-Werror>"
                    $<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes>)
set(CMAKE_C_FLAGS_RELEASE "-O2 -g")
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g")
option(COTRAIN_SANITIZE "address and undefined-behaviour sanitizers" OFF)
if(COTRAIN_SANITIZE)
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
  include(CheckCSourceRuns)
  set(CMAKE_REQUIRED_FLAGS "-O1 -mfma")
  check_c_source_runs("int main(int n, char **a) { (void)a; return __builtin_fmaf((float)n, 2.0f, -2.0f) != 0.0f; }"
                      COTRAIN_HAS_FMA)
  unset(CMAKE_REQUIRED_FLAGS)
endif()
option(COTRAIN_FUZZ "fuzz targets are linked with libFuzzer; needs clang" OFF)
if(COTRAIN_FUZZ)
  add_compile_definitions(COTRAIN_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link,float-cast-overflow -Wno-error) # gcc's warnings count
endif()
include_directories(${PROJECT_SOURCE_DIR})

# Libraries of another machine, for one that lacks them and cannot fetch any (tools/gpu.py).
set(COTRAIN_CARRIED "" CACHE PATH "folder with include/ and lib/ that is looked into first")
if(COTRAIN_CARRIED)
  include_directories(SYSTEM ${COTRAIN_CARRIED}/include)
  link_directories(${COTRAIN_CARRIED}/lib)
  list(APPEND CMAKE_BUILD_RPATH ${COTRAIN_CARRIED}/lib)
endif()

# A machine that only trains may lack the libraries that talk to GitHub and keep a programme's repository:
# then these folders are left out, and of the others each file that includes them.
find_path(COTRAIN_CURL_HEADERS curl/curl.h)
find_path(COTRAIN_GIT2_HEADERS git2.h)
set(COTRAIN_LEFT_OUT)
if(NOT COTRAIN_CURL_HEADERS OR NOT COTRAIN_GIT2_HEADERS)
  message(STATUS "programme: left out (no libcurl or no libgit2 found); recipes and training are built")
  set(COTRAIN_LEFT_OUT remote issues)
endif()
# Programs of strangers are contained with it, which a machine that only trains does not do.
find_path(COTRAIN_SECCOMP_HEADERS seccomp.h)
if(COTRAIN_SECCOMP_HEADERS)
  set_source_files_properties(${PROJECT_SOURCE_DIR}/base/sandbox/filter.c PROPERTIES COMPILE_DEFINITIONS COTRAIN_SECCOMP)
else()
  message(STATUS "sandbox: left out (no seccomp.h; libseccomp-dev has it)")
endif()
# Takes from a list of sources those that include a folder that is left out, or a header of cli/ or release/ that does.
function(cotrain_leave_out sources_name)
  if(NOT COTRAIN_LEFT_OUT)
    return()
  endif()
  list(TRANSFORM COTRAIN_LEFT_OUT APPEND "/" OUTPUT_VARIABLE gone)
  file(GLOB headers RELATIVE ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/cli/*.h ${PROJECT_SOURCE_DIR}/release/*.h)
  foreach(pass 1 2 3) # headers that include headers
    foreach(header ${headers})
      list(JOIN gone "|" pattern)
      file(STRINGS ${PROJECT_SOURCE_DIR}/${header} using REGEX "^#include \"(${pattern})")
      if(using AND NOT header IN_LIST gone)
        list(APPEND gone ${header})
      endif()
    endforeach()
  endforeach()
  list(JOIN gone "|" pattern)
  set(left)
  foreach(source ${${sources_name}})
    file(STRINGS ${source} using REGEX "^#include \"(${pattern})")
    if(NOT using)
      list(APPEND left ${source})
    endif()
  endforeach()
  set(${sources_name} ${left} PARENT_SCOPE)
endfunction()

function(cotrain_folder name rank uses libraries)
  if(name IN_LIST COTRAIN_LEFT_OUT)
    return()
  endif()
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${name}/*.c ${PROJECT_SOURCE_DIR}/${name}/*.cc)
  if(COTRAIN_FUZZ)
    list(FILTER sources EXCLUDE REGEX "/compute/cpu/") # see compute/backends.def
  endif()
  list(FILTER sources EXCLUDE REGEX "/compute/cuda/") # a shared object: cotrain_cuda below
  cotrain_leave_out(sources)
  if(COTRAIN_LEFT_OUT)
    list(REMOVE_ITEM uses ${COTRAIN_LEFT_OUT})
  endif()
  if(NOT sources)
    message(FATAL_ERROR "folder ${name} has no sources")
  endif()
  if(NOT COTRAIN_SECCOMP_HEADERS)
    list(REMOVE_ITEM libraries seccomp)
  endif()
  add_library(${name} STATIC ${sources})
  if(name STREQUAL "compute")
    # Lines without variables: to follow those through unrolled kernels takes a third of the compiler's time.
    target_compile_options(${name} PRIVATE -g1)
  endif()
  if(COTRAIN_SANITIZE AND name STREQUAL "compute")
    # The portable kernels' fma is a library call without it, and half of the time of all tests under sanitizers.
    target_compile_options(${name} PRIVATE -O1 $<$<BOOL:${COTRAIN_HAS_FMA}>:-mfma>)
  endif()
  target_link_libraries(${name} PUBLIC ${uses} PRIVATE ${libraries})
  # The rank check: this folder alone, against the folders on its line and nothing else.
  add_library(${name}_alone SHARED EXCLUDE_FROM_ALL $<TARGET_OBJECTS:${name}>)
  set_target_properties(${name}_alone PROPERTIES LINKER_LANGUAGE CXX LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/ranks)
  set(below)
  foreach(used ${uses})
    list(APPEND below ${used}_alone)
  endforeach()
  target_link_libraries(${name}_alone PRIVATE ${below} ${libraries} PUBLIC ${ARGN}) # ARGN: handed on
  if(NOT COTRAIN_SANITIZE)
    target_link_options(${name}_alone PRIVATE -Wl,-z,defs)
  endif()
  set_property(GLOBAL APPEND PROPERTY COTRAIN_FOLDERS ${name})
  set_property(GLOBAL APPEND PROPERTY COTRAIN_ALONE ${name}_alone)
  set_property(GLOBAL PROPERTY COTRAIN_RANK_${name} ${rank})
endfunction()

# What passes between the program and the GPU backend, as a digest: one that was built from other headers is
# refused (compute/module.c).
file(GLOB interface_headers CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/compute/*.h ${PROJECT_SOURCE_DIR}/compute/*.def
     ${PROJECT_SOURCE_DIR}/compute/ops/*.h ${PROJECT_SOURCE_DIR}/base/err.h ${PROJECT_SOURCE_DIR}/base/err.def)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${interface_headers})
set(interface_digests)
foreach(header ${interface_headers})
  file(SHA256 ${header} digest)
  string(APPEND interface_digests ${digest})
endforeach()
string(SHA256 interface_digest "${interface_digests}")
string(SUBSTRING ${interface_digest} 0 16 interface_digest)
# Only its two users are told, or every header would be everybody's: in each folder that builds them.
macro(cotrain_tell_interface)
  set_source_files_properties(${PROJECT_SOURCE_DIR}/compute/module.c ${PROJECT_SOURCE_DIR}/compute/cuda/cuda.c PROPERTIES
                              COMPILE_DEFINITIONS COTRAIN_BACKEND_INTERFACE="${interface_digest}")
endmacro()
cotrain_tell_interface()
set(CMAKE_ENABLE_EXPORTS ON) # the backend takes base/ from the program that opens it

# A file as a text in a folder's library: `const char NAME[]`.
function(cotrain_embed folder name file)
  if(folder IN_LIST COTRAIN_LEFT_OUT)
    return()
  endif()
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${file})
  file(READ ${PROJECT_SOURCE_DIR}/${file} bytes HEX)
  string(REGEX REPLACE "(..)" "\\\\x\\1" bytes "${bytes}")
  set(source ${PROJECT_BINARY_DIR}/embedded/${name}.c)
  file(CONFIGURE OUTPUT ${source} CONTENT "extern const char ${name}[];\nconst char ${name}[] = \"${bytes}\";\n" @ONLY)
  target_sources(${folder} PRIVATE ${source})
endfunction()

# The rank check as one target: every folder alone.
function(cotrain_ranks)
  get_property(alone GLOBAL PROPERTY COTRAIN_ALONE)
  add_custom_target(ranks DEPENDS ${alone})
endfunction()

function(cotrain_program program folder uses)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${folder}/*.c)
  cotrain_leave_out(sources)
  if(COTRAIN_LEFT_OUT)
    list(REMOVE_ITEM uses ${COTRAIN_LEFT_OUT})
  endif()
  add_executable(${program} ${sources})
  target_link_libraries(${program} PRIVATE ${uses})
  if(NOT COTRAIN_LEFT_OUT)
    target_compile_definitions(${program} PRIVATE COTRAIN_PROGRAMME) # see cli/cmds.def
  endif()
endfunction()

# SPDX-License-Identifier: Apache-2.0
# The GPU backend. Found are: CUDA's headers (COTRAIN_CUDA_HEADERS), which is all that the emulated backend
# of tests/cudasim needs, and nvcc, which builds the real one: the target `cotrain_cuda`, not part of `all`
# (it takes minutes), a shared object beside the program. See compute/cuda/cuda.h.
include(CheckLanguage)
check_language(CUDA)
find_package(CUDAToolkit QUIET)
find_path(COTRAIN_CUDA_HEADERS cublasLt.h NO_CACHE HINTS ${CUDAToolkit_INCLUDE_DIRS} $ENV{CUDA_HOME}/include
          /usr/local/cuda/include)
file(GLOB cuda_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/compute/cuda/*.cu)
file(GLOB cuda_host_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/compute/cuda/*.c)
list(APPEND cuda_host_sources ${PROJECT_SOURCE_DIR}/compute/cuda_scratch.c) # in the program, too
if(NOT COTRAIN_CUDA_HEADERS)
  message(STATUS "GPU backend: left out (no CUDA toolkit found); the CPU backend is built")
elseif(NOT CMAKE_CUDA_COMPILER OR COTRAIN_SANITIZE OR COTRAIN_FUZZ)
  message(STATUS "GPU backend: left out (no nvcc); its sources are tested on the emulator")
else()
  set(COTRAIN_CUDA_ARCHITECTURES "80-real;90-real;100-real;120" CACHE STRING "what nvcc compiles for")
  set(CMAKE_CUDA_ARCHITECTURES ${COTRAIN_CUDA_ARCHITECTURES})
  enable_language(CUDA)
  message(STATUS "GPU backend: target cotrain_cuda, by nvcc ${CMAKE_CUDA_COMPILER_VERSION}")
  add_library(cotrain_cuda MODULE EXCLUDE_FROM_ALL ${cuda_sources} ${cuda_host_sources})
  set_target_properties(cotrain_cuda PROPERTIES CUDA_STANDARD 20 CUDA_RUNTIME_LIBRARY Static PREFIX "lib"
                        LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR})
  target_include_directories(cotrain_cuda SYSTEM PRIVATE ${CUDAToolkit_INCLUDE_DIRS})
  if(COTRAIN_WARNINGS_ARE_ERRORS)
    target_compile_options(cotrain_cuda PRIVATE "$<$<COMPILE_LANGUAGE:CUDA>:SHELL:-Werror all-warnings>"
                           "$<$<COMPILE_LANGUAGE:CUDA>:SHELL:-Xptxas -Werror>")
  endif()
  target_compile_options(cotrain_cuda PRIVATE
    "$<$<COMPILE_LANGUAGE:CUDA>:SHELL:-Xptxas -warn-spills,-warn-lmem-usage>"
    "$<$<COMPILE_LANGUAGE:CUDA>:-Xcompiler=-Wall,-Wextra>")
  target_link_libraries(cotrain_cuda PRIVATE CUDA::cublasLt)

  # What tools/check_cuda.py looks at, for every target: ptxas' account of each kernel, and the PTX.
  set(gates ${PROJECT_BINARY_DIR}/cuda_gates)
  set(reports)
  foreach(source ${cuda_sources})
    get_filename_component(name ${source} NAME_WE)
    file(MAKE_DIRECTORY ${gates}/${name})
    add_custom_command(OUTPUT ${gates}/${name}.txt DEPENDS ${source} DEPFILE ${gates}/${name}.d
      COMMAND ${CMAKE_CUDA_COMPILER} -std=c++20 -O3 -DNDEBUG -fatbin -I${PROJECT_SOURCE_DIR} -Werror all-warnings
              -Xptxas=-v,-Werror,-warn-spills,-warn-lmem-usage -gencode arch=compute_80,code=sm_80
              -gencode arch=compute_90,code=sm_90 -gencode arch=compute_100,code=sm_100
              -gencode "arch=compute_120,code=[sm_120,compute_120]" --keep --keep-dir ${gates}/${name}
              -MD -MT ${gates}/${name}.txt -MF ${gates}/${name}.d -o ${gates}/${name}.fatbin ${source}
              > ${gates}/${name}.txt 2>&1 || (cat ${gates}/${name}.txt && false)
      COMMENT "nvcc, all targets: ${name}.cu")
    list(APPEND reports ${gates}/${name}.txt)
  endforeach()
  add_custom_target(cuda_gates DEPENDS ${reports})
endif()

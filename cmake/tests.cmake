# tests/unit/FOLDER/NAME_test.c: a cmocka program that may use src/FOLDER and what lies below it.
pkg_check_modules(CMOCKA REQUIRED IMPORTED_TARGET cmocka)
file(GLOB unit_tests CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/unit/*/*_test.c)
foreach(source ${unit_tests})
  get_filename_component(name ${source} NAME_WE)
  get_filename_component(folder ${source} DIRECTORY)
  get_filename_component(folder ${folder} NAME)
  add_executable(${folder}_${name} ${source})
  target_link_libraries(${folder}_${name} PRIVATE hudhud_${folder} PkgConfig::CMOCKA)
  target_include_directories(${folder}_${name} PRIVATE ${CMAKE_SOURCE_DIR}/tests)
  add_test(NAME unit/${folder}/${name} COMMAND ${folder}_${name})
  set_tests_properties(unit/${folder}/${name} PROPERTIES TIMEOUT 120 LABELS unit)
endforeach()

# The statements of the models are read from their library, and explained by both engines.
foreach(name plans_test plans_postgres_test)
  target_compile_definitions(model_${name} PRIVATE MODEL_LIBRARY="$<TARGET_FILE:hudhud_model>")
endforeach()
# Where no PostgreSQL is at hand it says so, and is counted as skipped.
set_tests_properties(unit/model/plans_postgres_test PROPERTIES
  SKIP_REGULAR_EXPRESSION "NOT RUN: HUDHUD_TEST_POSTGRES")

# Benchmarks measure and print; they are built by name and are no tests.
add_executable(store_bench EXCLUDE_FROM_ALL ${CMAKE_SOURCE_DIR}/tests/bench/store_bench.c)
target_link_libraries(store_bench PRIVATE hudhud_store)

# tests/fuzz/FOLDER_PARSER_fuzz.c: with clang and HUDHUD_FUZZ a libFuzzer program; otherwise
# tests/fuzz/replay.c feeds it every file of its corpus, as an ordinary test.
file(GLOB fuzzers CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/fuzz/*_fuzz.c)
foreach(source ${fuzzers})
  get_filename_component(name ${source} NAME_WE)
  string(REGEX REPLACE "_.*" "" folder ${name})
  if(HUDHUD_FUZZ)
    add_executable(${name} ${source})
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
    target_link_libraries(${name} PRIVATE hudhud_${folder})
  else()
    add_executable(${name}_replay ${source} ${CMAKE_SOURCE_DIR}/tests/fuzz/replay.c)
    target_link_libraries(${name}_replay PRIVATE hudhud_${folder})
    add_test(NAME fuzz/${name} COMMAND ${name}_replay ${CMAKE_SOURCE_DIR}/tests/fuzz/corpus/${name})
    set_tests_properties(fuzz/${name} PROPERTIES TIMEOUT 120 LABELS fuzz)
  endif()
endforeach()

# tests/system/NAME.test.mjs: the real binary over HTTP, driven by Node's own test runner.
if(NOT NODE)
  execute_process(COMMAND ${CMAKE_SOURCE_DIR}/tools/node --find
    OUTPUT_VARIABLE NODE OUTPUT_STRIP_TRAILING_WHITESPACE)
endif()
file(GLOB system_tests CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/system/*.test.mjs)
if(NOT TARGET hudhud)
  set(system_tests)
endif()
foreach(source ${system_tests})
  get_filename_component(name ${source} NAME)
  string(REPLACE ".test.mjs" "" name ${name})
  if(NOT NODE)
    message(FATAL_ERROR "Node.js >= 20 is needed for the system tests: run `make test`, or tools/setup test and tools/node")
  endif()
  add_test(NAME system/${name} COMMAND ${NODE} --test ${source}
           WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}/tests/system)
  # COST: the long ones first, so that none is left running alone at the end. A sanitizer's own
  # memory and slowness are no fault of the program: tests of either look at HUDHUD_SANITIZED.
  set_tests_properties(system/${name} PROPERTIES TIMEOUT 300 LABELS system COST 100
    ENVIRONMENT "HUDHUD=$<TARGET_FILE:hudhud>;HUDHUD_SANITIZED=${HUDHUD_SANITIZE}")
endforeach()

# The floors, and that the tool that guards them would notice.
add_test(NAME check/layers COMMAND ${CMAKE_SOURCE_DIR}/tools/check-layers)
add_test(NAME check/layers-self-test COMMAND ${CMAKE_SOURCE_DIR}/tools/check-layers --self-test)
set_tests_properties(check/layers check/layers-self-test PROPERTIES LABELS check)

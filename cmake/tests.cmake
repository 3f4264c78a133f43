# Tests are many: what hudhud is optimised with would take longer than they save. And the linker can
# put functions of a test in the place of others only where they are not yet one program.
if(HUDHUD_LTO)
  add_compile_options(-fno-lto)
  add_link_options(-fno-lto)
endif()

if(NOT NODE)
  execute_process(COMMAND ${CMAKE_SOURCE_DIR}/tools/node --find
    OUTPUT_VARIABLE NODE OUTPUT_STRIP_TRAILING_WHITESPACE)
endif()

# All that run on PostgreSQL share one server, which is a fixture: ctest starts it before them, also
# when only some are asked for, and stops it at the end, also when some failed.
set(postgres_server ${CMAKE_SOURCE_DIR}/tests/system/lib/postgres-server.mjs)
set(postgres_file ${CMAKE_BINARY_DIR}/postgres.json)
if(NODE)
  execute_process(COMMAND ${NODE} ${postgres_server} find
    OUTPUT_VARIABLE POSTGRES_PROGRAMS OUTPUT_STRIP_TRAILING_WHITESPACE)
endif()
if(POSTGRES_PROGRAMS)
  foreach(step start stop)
    add_test(NAME postgres/${step} COMMAND ${NODE} ${postgres_server} ${step} ${postgres_file})
    set_tests_properties(postgres/${step} PROPERTIES TIMEOUT 120 LABELS postgres)
  endforeach()
  set_tests_properties(postgres/start PROPERTIES FIXTURES_SETUP postgres)
  set_tests_properties(postgres/stop PROPERTIES FIXTURES_CLEANUP postgres)
else()
  # Disabled: ctest, too, then says at its end that something did not run.
  message(WARNING "The PostgreSQL suite is NOT run: there is no PostgreSQL >= 15 here. tools/setup test installs it.")
  add_test(NAME postgres/suite COMMAND false)
  set_tests_properties(postgres/suite PROPERTIES DISABLED TRUE LABELS postgres)
endif()

# tests/unit/FOLDER/NAME_test.c: a cmocka program that may use src/FOLDER and what lies below it. One
# that ends in postgres_test needs a server.
pkg_check_modules(CMOCKA REQUIRED IMPORTED_TARGET cmocka)
file(GLOB unit_tests CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/unit/*/*_test.c)
foreach(source ${unit_tests})
  get_filename_component(name ${source} NAME_WE)
  get_filename_component(folder ${source} DIRECTORY)
  get_filename_component(folder ${folder} NAME)
  add_executable(${folder}_${name} ${source})
  target_link_libraries(${folder}_${name} PRIVATE hudhud_${folder} PkgConfig::CMOCKA)
  target_include_directories(${folder}_${name} PRIVATE ${CMAKE_SOURCE_DIR}/tests)
  if(NOT name MATCHES "postgres_test$")
    add_test(NAME unit/${folder}/${name} COMMAND ${folder}_${name})
    set_tests_properties(unit/${folder}/${name} PROPERTIES TIMEOUT 300 LABELS unit)
  elseif(POSTGRES_PROGRAMS)
    add_test(NAME unit/${folder}/${name}
      COMMAND ${NODE} ${postgres_server} run ${postgres_file} $<TARGET_FILE:${folder}_${name}>)
    set_tests_properties(unit/${folder}/${name} PROPERTIES TIMEOUT 120 LABELS "unit;postgres"
      FIXTURES_REQUIRED postgres)
  endif()
endforeach()

# These do one thing after another: ThreadSanitizer has nothing to find in them that it does not find
# elsewhere. So it is with the system tests of commands, files and pages, below.
foreach(test unit/store/torture_test unit/model/plans_test unit/model/plans_postgres_test)
  if(TEST ${test})
    set_property(TEST ${test} APPEND PROPERTY LABELS sequential)
  endif()
endforeach()

# These look at a clock while a server runs, and are alone meanwhile.
foreach(name drain limits listen refuse secure stream time)
  set_property(TEST unit/http/${name}_test PROPERTY RUN_SERIAL TRUE)
endforeach()

# The statements of the models are read from their library, and explained by both engines.
foreach(name plans_test plans_postgres_test)
  target_compile_definitions(model_${name} PRIVATE MODEL_LIBRARY="$<TARGET_FILE:hudhud_model>")
endforeach()

# What leaves is looked at instead of sent, and the time is the test's own.
target_link_options(jobs_deliver_test PRIVATE
  -Wl,--wrap=clock_now_ms -Wl,--wrap=http_client_send)
target_link_options(jobs_delivery_run_test PRIVATE
  -Wl,--wrap=clock_now_ms -Wl,--wrap=http_client_send -Wl,--wrap=random_below
  -Wl,--wrap=job_write_submit -Wl,--wrap=job_lane_answered -Wl,--wrap=job_lane_written)

# Benchmarks measure and print; they are built by name and are no tests.
add_executable(store_bench EXCLUDE_FROM_ALL ${CMAKE_SOURCE_DIR}/tests/bench/store_bench.c)
target_link_libraries(store_bench PRIVATE hudhud_store)
target_link_options(store_bench PRIVATE $<$<BOOL:${HUDHUD_LTO}>:-O2 -flto=auto>)

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
file(GLOB system_tests CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/system/*.test.mjs)
if(NOT TARGET hudhud)
  set(system_tests)
endif()
if(system_tests AND NOT NODE)
  message(FATAL_ERROR "Node.js >= 20 is needed for the system tests: run `make test`, or tools/setup test and tools/node")
endif()

# COST: the long ones first, so that none is left running alone at the end. A sanitizer's own
# memory and slowness are no fault of the program: tests of either look at HUDHUD_SANITIZED.
function(system_test test source)
  add_test(NAME ${test} COMMAND ${NODE} --test ${source}
           WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}/tests/system)
  set_tests_properties(${test} PROPERTIES TIMEOUT 300 COST 100
    ENVIRONMENT "HUDHUD=$<TARGET_FILE:hudhud>;HUDHUD_SANITIZED=${HUDHUD_SANITIZE}")
endfunction()

# Under a sanitizer the same code runs above both engines: there it is enough to have run the
# engine itself, with many writers, crashes and whole copies.
set(postgres_tests ".*")
if(HUDHUD_SANITIZE STREQUAL "thread")
  set(postgres_tests "^(numbers|idempotency|limits|crash|webhook_chaos|events)$")
elseif(HUDHUD_SANITIZE)
  set(postgres_tests "^(numbers|idempotency|limits|crash|backup|webhook_chaos|events)$")
endif()

foreach(source ${system_tests})
  get_filename_component(name ${source} NAME)
  string(REPLACE ".test.mjs" "" name ${name})
  if(NOT name MATCHES "^postgres_")
    system_test(system/${name} ${source})
    set_tests_properties(system/${name} PROPERTIES LABELS system)
    if(name MATCHES "^(certificates|cli|docs|folder|front|openapi|package|sim|sim-sdk|sim-webhooks|upgrade)$")
      set_property(TEST system/${name} APPEND PROPERTY LABELS sequential)
    endif()
  endif()
  # A test that makes a data folder runs once more with its store in PostgreSQL; one that is about
  # PostgreSQL runs only there.
  file(STRINGS ${source} makes_store REGEX "initFolder|startWorld|storeKind|createDatabase")
  if(POSTGRES_PROGRAMS AND makes_store AND name MATCHES "${postgres_tests}")
    system_test(postgres/${name} ${source})
    set_tests_properties(postgres/${name} PROPERTIES LABELS postgres FIXTURES_REQUIRED postgres)
    set_property(TEST postgres/${name} APPEND PROPERTY ENVIRONMENT
      "HUDHUD_TEST_STORE=postgres;HUDHUD_TEST_POSTGRES=${postgres_file}")
  endif()
endforeach()

# The floors, and that the tool that guards them would notice.
add_test(NAME check/layers COMMAND ${CMAKE_SOURCE_DIR}/tools/check-layers)
add_test(NAME check/layers-self-test COMMAND ${CMAKE_SOURCE_DIR}/tools/check-layers --self-test)
set_tests_properties(check/layers check/layers-self-test PROPERTIES LABELS check)

# What `cmake --install` puts into the prefix, and the package that find_package(MPQ) finds there or in the build folder:
#
#   bin/quant-*                 the tools; all that they need besides shared libraries is in them
#   include/mpq-c               the C interface of compiled models
#   lib/libmpq_runtime.a        what goes with models that are compiled to object files
#   include/MPQ                 headers for plugins: mpq/, dialects/ (generated ones too), and the passes' declarations
#   share/...                   completion of the tools' options for bash and zsh
#   lib/cmake/MPQ               MPQConfig.cmake: targets MPQ::Headers and MPQ::quant-*, the macros of AddMPQ.cmake
include(CMakePackageConfigHelpers)
set(package ${CMAKE_INSTALL_LIBDIR}/cmake/MPQ)
set(headers ${CMAKE_INSTALL_INCLUDEDIR}/MPQ)

add_library(MPQHeaders INTERFACE)
set_target_properties(MPQHeaders PROPERTIES EXPORT_NAME Headers)
target_compile_features(MPQHeaders INTERFACE cxx_std_17)
target_include_directories(MPQHeaders INTERFACE
  $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}> $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
  $<BUILD_INTERFACE:${PROJECT_BINARY_DIR}> $<BUILD_INTERFACE:${PROJECT_BINARY_DIR}/include>
  $<INSTALL_INTERFACE:${headers}>)
get_property(tools GLOBAL PROPERTY MPQ_TOOLS)
install(TARGETS ${tools} MPQHeaders EXPORT MPQTargets)

install(TARGETS mpq_runtime ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY include/mpq-c DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(DIRECTORY include/mpq ${PROJECT_BINARY_DIR}/include/mpq DESTINATION ${headers})
install(DIRECTORY dialects ${PROJECT_BINARY_DIR}/dialects DESTINATION ${headers}
        FILES_MATCHING PATTERN "*.h" PATTERN "*.td" PATTERN "*.h.inc" PATTERN CMakeFiles EXCLUDE)
get_property(passes GLOBAL PROPERTY MPQ_PASSES)
foreach(entry ${passes})
  string(REGEX REPLACE ".*\\|" "" header ${entry})
  get_filename_component(folder ${header} DIRECTORY)
  install(FILES ${PROJECT_BINARY_DIR}/${header} DESTINATION ${headers}/${folder})
endforeach()

configure_package_config_file(cmake/MPQConfig.cmake.in ${PROJECT_BINARY_DIR}/cmake/MPQConfig.cmake
                              INSTALL_DESTINATION ${package})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/cmake/MPQConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(EXPORT MPQTargets NAMESPACE MPQ:: DESTINATION ${package})
install(FILES ${PROJECT_BINARY_DIR}/cmake/MPQConfig.cmake ${PROJECT_BINARY_DIR}/cmake/MPQConfigVersion.cmake
              cmake/AddMPQ.cmake DESTINATION ${package})
# The same package for the build folder: MPQ_DIR is then <build>/cmake.
export(EXPORT MPQTargets NAMESPACE MPQ:: FILE ${PROJECT_BINARY_DIR}/cmake/MPQTargets.cmake)
configure_file(cmake/AddMPQ.cmake ${PROJECT_BINARY_DIR}/cmake/AddMPQ.cmake COPYONLY)

# The pages of docs/Reference, from the tools' help and the ODS; a test says when they are not up to date.
add_custom_target(mpq-doc
  COMMAND ${Python3_EXECUTABLE} ${PROJECT_SOURCE_DIR}/tools/dev/generate-reference --build=${PROJECT_BINARY_DIR}
          --llvm=${LLVM_INSTALL_PREFIX}
  DEPENDS quant-compile quant-run quant-opt COMMENT "Generating docs/Reference" VERBATIM)

# Completion for the tools that describe their options with MPQCommandLine.
set(completions "")
foreach(tool ${tools})
  get_target_property(libraries ${tool} LINK_LIBRARIES)
  if("MPQCommandLine" IN_LIST libraries)
    set(bash ${PROJECT_BINARY_DIR}/share/bash-completion/completions/${tool})
    set(zsh ${PROJECT_BINARY_DIR}/share/zsh/site-functions/_${tool})
    add_custom_command(OUTPUT ${bash} ${zsh}
      COMMAND ${Python3_EXECUTABLE} ${PROJECT_SOURCE_DIR}/cmake/GenerateCompletion.py $<TARGET_FILE:${tool}>
              --bash=${bash} --zsh=${zsh}
      DEPENDS ${tool} cmake/GenerateCompletion.py COMMENT "Generating the completion of ${tool}" VERBATIM)
    list(APPEND completions ${bash} ${zsh})
  endif()
endforeach()
add_custom_target(mpq-completion ALL DEPENDS ${completions})
install(DIRECTORY ${PROJECT_BINARY_DIR}/share/ DESTINATION ${CMAKE_INSTALL_DATADIR})

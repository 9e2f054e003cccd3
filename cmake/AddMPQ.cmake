# Build macros. Each extension folder calls exactly one of
#
#   mpq_add_library(<Name> <sources...> [LINK_LIBS ...])     a plain library, target MPQ<Name>
#   mpq_add_pass(<Name> <sources...> [HEADERS ...] [LINK_LIBS ...])   a pass: <Name>.td declares it, target MPQ<Name>Pass;
#       HEADERS have the types of its options
#   mpq_add_component(<Kind> <Name> <sources...> [LINK_LIBS ...])
#       one implementation of an extension point. It defines `void mpq::register<Kind><Name>(mlir::DialectRegistry &)`.
#   mpq_add_tool(<name> <sources...> [LINK_LIBS ...] [PLUGINS])
#       PLUGINS: it loads plugins, and exports all of MPQ to them
#
# and mpq_generate_registration() writes the code that registers all of them (target MPQRegistration).
#
# A project outside of the tree, which has found MPQ with find_package, uses the same macros for its folders, and then
#
#   mpq_add_plugin(<name>)     all passes and components declared so far as the module <name>.so for --load-*-plugin
#
# Plugins link nothing of MPQ, MLIR and LLVM: what they use, the tool exports. LINK_LIBS that name those are left out.

function(mpq_add_subdirectories folder)
  file(GLOB_RECURSE lists CONFIGURE_DEPENDS RELATIVE ${CMAKE_CURRENT_SOURCE_DIR}
       ${CMAKE_CURRENT_SOURCE_DIR}/${folder}/*/CMakeLists.txt ${CMAKE_CURRENT_SOURCE_DIR}/${folder}/CMakeLists.txt)
  list(SORT lists)
  foreach(list ${lists})
    get_filename_component(dir ${list} DIRECTORY)
    # MPQ_SKIP (a regular expression) leaves folders out, e.g. while one is being written.
    if(NOT MPQ_SKIP OR NOT dir MATCHES "${MPQ_SKIP}")
      add_subdirectory(${dir})
    endif()
  endforeach()
endfunction()

function(mpq_configure_target target)
  target_include_directories(${target} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR} ${CMAKE_CURRENT_BINARY_DIR})
  if(MPQ_OUT_OF_TREE)
    target_link_libraries(${target} PRIVATE MPQ::Headers)
  endif()
  target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-fno-rtti -Wall -Wextra -Wno-unused-parameter
                         -Wno-comment>)
endfunction()

function(mpq_add_library name)
  cmake_parse_arguments(ARG "" "" "LINK_LIBS" ${ARGN})
  if(MPQ_OUT_OF_TREE)
    add_library(MPQ${name} OBJECT ${ARG_UNPARSED_ARGUMENTS})
    set_target_properties(MPQ${name} PROPERTIES POSITION_INDEPENDENT_CODE ON)
    list(FILTER ARG_LINK_LIBS EXCLUDE REGEX "^(MPQ.*|MLIR.*|LLVM.*)$")
  else()
    add_library(MPQ${name} STATIC ${ARG_UNPARSED_ARGUMENTS})
    list(APPEND ARG_LINK_LIBS MLIR LLVM)
  endif()
  mpq_configure_target(MPQ${name})
  target_link_libraries(MPQ${name} PUBLIC ${ARG_LINK_LIBS})
  # Everything waits for the generated headers; Ninja keeps the rest parallel.
  if(TARGET mpq-headers)
    add_dependencies(MPQ${name} mpq-headers)
  endif()
  set_property(GLOBAL APPEND PROPERTY MPQ_LIBRARIES MPQ${name})
endfunction()

if(NOT TARGET mpq-headers)
  add_custom_target(mpq-headers)
endif()

# mpq_tablegen(<td> <target> <output> <tblgen args...>...): declares one generated header or more.
function(mpq_add_tablegen target)
  add_public_tablegen_target(${target})
  add_dependencies(mpq-headers ${target})
endfunction()

function(mpq_add_pass name)
  cmake_parse_arguments(ARG "" "" "HEADERS;LINK_LIBS" ${ARGN})
  set(LLVM_TARGET_DEFINITIONS ${name}.td)
  mlir_tablegen(${name}.h.inc -gen-pass-decls -name ${name})
  mpq_add_tablegen(MPQ${name}PassIncGen)
  mpq_add_library(${name}Pass ${ARG_UNPARSED_ARGUMENTS} LINK_LIBS ${ARG_LINK_LIBS})
  file(RELATIVE_PATH header ${CMAKE_BINARY_DIR} ${CMAKE_CURRENT_BINARY_DIR}/${name}.h.inc)
  set_property(GLOBAL APPEND PROPERTY MPQ_PASSES "${name}|${header}")
  set_property(GLOBAL APPEND PROPERTY MPQ_PASS_HEADERS ${ARG_HEADERS})
  set_property(GLOBAL APPEND PROPERTY MPQ_REGISTERED_LIBRARIES MPQ${name}Pass)
endfunction()

function(mpq_add_component kind name)
  mpq_add_library(${kind}${name} ${ARGN})
  set_property(GLOBAL APPEND PROPERTY MPQ_COMPONENTS ${kind}${name})
  set_property(GLOBAL APPEND PROPERTY MPQ_REGISTERED_LIBRARIES MPQ${kind}${name})
endfunction()

# Text for generated code, from what the folders have declared, in the caller's variables: `option_headers` and `includes`
# (the passes' headers), `decls`, `calls` (registers passes) and `component_calls`.
macro(mpq_collect_registration)
  get_property(passes GLOBAL PROPERTY MPQ_PASSES)
  get_property(components GLOBAL PROPERTY MPQ_COMPONENTS)
  get_property(libraries GLOBAL PROPERTY MPQ_REGISTERED_LIBRARIES)
  get_property(headers GLOBAL PROPERTY MPQ_PASS_HEADERS)
  set(option_headers "")
  foreach(header ${headers})
    string(APPEND option_headers "#include \"${header}\"\n")
  endforeach()
  set(decls "")
  set(includes "")
  set(calls "")
  foreach(entry ${passes})
    string(REPLACE "|" ";" parts ${entry})
    list(GET parts 0 pass)
    list(GET parts 1 pass_header)
    string(APPEND includes "#define GEN_PASS_DECL\n#define GEN_PASS_REGISTRATION\n#include \"${pass_header}\"\n#undef GEN_PASS_DECL\n#undef GEN_PASS_REGISTRATION\n")
    string(APPEND calls "  register${pass}Passes();\n")
  endforeach()
  set(component_calls "")
  foreach(component ${components})
    string(APPEND decls "void register${component}(mlir::DialectRegistry &);\n")
    string(APPEND component_calls "  register${component}(registry);\n")
  endforeach()
endmacro()

function(mpq_generate_registration)
  mpq_collect_registration()
  string(REPLACE "#define GEN_PASS_REGISTRATION\n" "" pass_decls "${includes}")
  string(REPLACE "#undef GEN_PASS_REGISTRATION\n" "" pass_decls "${pass_decls}")
  file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/include/mpq/Pipeline/Passes.h @ONLY CONTENT
"// Generated by cmake/AddMPQ.cmake from the folders of the tree: every pass of MPQ.
#ifndef MPQ_PIPELINE_PASSES_H
#define MPQ_PIPELINE_PASSES_H
@option_headers@#include \"mlir/IR/BuiltinOps.h\"
#include \"mlir/Pass/Pass.h\"
namespace mpq {
@pass_decls@} // namespace mpq
#endif // MPQ_PIPELINE_PASSES_H
")
  file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/Registration.cpp @ONLY CONTENT
"// Generated by cmake/AddMPQ.cmake from the folders of the tree.
@option_headers@#include \"mpq/Support/Registration.h\"
#include \"mlir/IR/DialectRegistry.h\"
#include \"mlir/Pass/Pass.h\"
#include \"mlir/Pass/PassRegistry.h\"
namespace mpq {
@includes@@decls@
void registerAllPasses() {
@calls@}
void registerAllComponents(mlir::DialectRegistry &registry) {
@component_calls@}
} // namespace mpq
")
  mpq_add_library(Registration ${CMAKE_BINARY_DIR}/Registration.cpp LINK_LIBS ${libraries})
endfunction()

function(mpq_add_plugin name)
  mpq_collect_registration()
  set(entries "")
  if(passes)
    string(APPEND entries "
static void registerPasses() {
  using namespace mpq;
${calls}}
extern \"C\" mlir::PassPluginLibraryInfo mlirGetPassPluginInfo() {
  return {MLIR_PLUGIN_API_VERSION, \"${name}\", \"${PROJECT_VERSION}\", registerPasses};
}
")
  endif()
  if(components)
    string(APPEND entries "
static void registerComponents(mlir::DialectRegistry *plugins) {
  using namespace mpq;
  mlir::DialectRegistry &registry = *plugins;
${component_calls}}
extern \"C\" mlir::DialectPluginLibraryInfo mlirGetDialectPluginInfo() {
  return {MLIR_PLUGIN_API_VERSION, \"${name}\", \"${PROJECT_VERSION}\", registerComponents};
}
")
  endif()
  file(CONFIGURE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/${name}Plugin.cpp @ONLY CONTENT
"// Generated by mpq_add_plugin: the entry points of ${name}.so.
@option_headers@#include \"mpq/Support/Plugin.h\"
#include \"mlir/IR/DialectRegistry.h\"
#include \"mlir/Pass/Pass.h\"
#include \"mlir/Tools/Plugins/DialectPlugin.h\"
#include \"mlir/Tools/Plugins/PassPlugin.h\"
namespace mpq {
@includes@@decls@} // namespace mpq
extern \"C\" mpq::PluginInfo mpqGetPluginInfo() { return mpq::getPluginInfo(); }
@entries@")
  add_library(${name} MODULE ${CMAKE_CURRENT_BINARY_DIR}/${name}Plugin.cpp)
  mpq_configure_target(${name})
  target_include_directories(${name} PRIVATE ${CMAKE_BINARY_DIR})
  set_target_properties(${name} PROPERTIES PREFIX "")
  target_link_libraries(${name} PRIVATE ${libraries})
  add_dependencies(${name} mpq-headers)
  foreach(property MPQ_PASSES MPQ_COMPONENTS MPQ_REGISTERED_LIBRARIES MPQ_PASS_HEADERS)
    set_property(GLOBAL PROPERTY ${property})
  endforeach()
endfunction()

function(mpq_add_tool name)
  cmake_parse_arguments(ARG "PLUGINS" "" "LINK_LIBS" ${ARGN})
  add_executable(${name} ${ARG_UNPARSED_ARGUMENTS})
  mpq_configure_target(${name})
  target_link_libraries(${name} PRIVATE ${ARG_LINK_LIBS})
  if(ARG_PLUGINS)
    # Whole archives: a plugin may use functions that nothing in the tool calls. They go before everything else, where
    # CMake does not repeat them.
    get_property(libraries GLOBAL PROPERTY MPQ_LIBRARIES)
    list(TRANSFORM libraries REPLACE "(.+)" "$<TARGET_FILE:\\1>" OUTPUT_VARIABLE archives)
    target_link_options(${name} PRIVATE LINKER:--whole-archive ${archives} LINKER:--no-whole-archive)
    target_link_libraries(${name} PRIVATE ${libraries})
    set_target_properties(${name} PROPERTIES ENABLE_EXPORTS ON)
  endif()
  set_property(GLOBAL APPEND PROPERTY MPQ_TOOLS ${name})
endfunction()

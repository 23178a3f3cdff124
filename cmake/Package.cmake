# What `cmake --install` and `cpack` make: program, shared and static library, header, pkg-config and CMake files, manual
# page, completions, examples; Debian packages of them, three as in debian/control; and the source tarball (target dist).
if(EXISTS /etc/debian_version AND CMAKE_LIBRARY_ARCHITECTURE AND NOT DEFINED CMAKE_INSTALL_LIBDIR)
  # Debian's folder for libraries of one architecture, whatever the prefix.
  set(CMAKE_INSTALL_LIBDIR lib/${CMAKE_LIBRARY_ARCHITECTURE} CACHE PATH "Object code libraries")
endif()
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

# -- pkg-config: what the static library needs; as libraries, for Requires.private would ask users of the shared one, too,
# for the development packages of all of these
set(TL_PC_LIBS_PRIVATE "-lclblast -lOpenCL -lcjson -ljpeg -lpng -lwebpdemux -lwebp -ltiff -lpcre2-8 -lxxhash -lz -lpthread -lm")
if(TL_EVENT_FILES)
  string(PREPEND TL_PC_LIBS_PRIVATE "-lprotobuf-c ")
endif()
# Paths are relative to the .pc file, so that `cmake --install --prefix` and packages may put it anywhere.
file(RELATIVE_PATH TL_PC_PREFIX ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
string(REGEX REPLACE "/$" "" TL_PC_PREFIX "${TL_PC_PREFIX}")
configure_file(cmake/translution.pc.in translution.pc @ONLY)

# -- CMake: what a user of the static library has to find
set(TL_STATIC_DEPENDENCIES "  find_dependency(OpenCL)
  find_dependency(CLBlast CONFIG)
  find_dependency(ZLIB)
  find_dependency(JPEG)
  find_dependency(PNG)
  find_dependency(Threads)
  find_dependency(PkgConfig)
  pkg_check_modules(CJSON REQUIRED IMPORTED_TARGET libcjson)
  pkg_check_modules(WEBP REQUIRED IMPORTED_TARGET libwebp libwebpdemux)
  pkg_check_modules(TIFF REQUIRED IMPORTED_TARGET libtiff-4)
  pkg_check_modules(XXHASH REQUIRED IMPORTED_TARGET libxxhash)
  pkg_check_modules(PCRE2 REQUIRED IMPORTED_TARGET libpcre2-8)")
if(TL_EVENT_FILES)
  string(APPEND TL_STATIC_DEPENDENCIES "\n  pkg_check_modules(PROTOBUF_C REQUIRED IMPORTED_TARGET libprotobuf-c)")
endif()
set(TL_CMAKE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/translution)
configure_package_config_file(cmake/translutionConfig.cmake.in translutionConfig.cmake INSTALL_DESTINATION ${TL_CMAKE_DIR})
write_basic_package_version_file(translutionConfigVersion.cmake COMPATIBILITY SameMinorVersion)

# -- install, by components: program, library, development
set(TL_EXPORTS "")
if(TARGET translution_shared)
  install(TARGETS translution_shared EXPORT translutionTargets INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
          LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT library NAMELINK_COMPONENT development)
  list(APPEND TL_EXPORTS translutionTargets)
endif()
if(TARGET translution_static)
  install(TARGETS translution_static EXPORT translutionStaticTargets INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
          ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development)
  list(APPEND TL_EXPORTS translutionStaticTargets)
endif()
foreach(export ${TL_EXPORTS})
  install(EXPORT ${export} NAMESPACE translution:: DESTINATION ${TL_CMAKE_DIR} COMPONENT development)
endforeach()
install(FILES ${PROJECT_BINARY_DIR}/translutionConfig.cmake ${PROJECT_BINARY_DIR}/translutionConfigVersion.cmake
        DESTINATION ${TL_CMAKE_DIR} COMPONENT development)
install(FILES ${PROJECT_BINARY_DIR}/translution.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT development)
install(FILES include/translution/translution.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/translution COMPONENT development)
install(FILES examples/arrays.c examples/classify.c examples/generate.c examples/operation.c examples/own_data.c
        examples/train.c examples/two_devices.c DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/libtranslution-dev/examples
        COMPONENT development)
if(TARGET translution_mpi) # not in the packages: which MPI it is for is the machine's
  install(TARGETS translution_mpi LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/translution COMPONENT mpi)
endif()
install(TARGETS translution_program RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT program)
install(DIRECTORY devices DESTINATION ${CMAKE_INSTALL_DATADIR}/translution COMPONENT program FILES_MATCHING PATTERN "*.txt")
install(FILES docs/translution.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 COMPONENT program)
install(FILES cmake/completion.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME translution
        COMPONENT program)
install(FILES cmake/completion.zsh DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions RENAME _translution
        COMPONENT program)
install(FILES cmake/completion.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d RENAME translution.fish
        COMPONENT program)
install(FILES README.md LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT program)

# -- .deb: maintainer, descriptions and relations are those of debian/control
file(READ debian/control control)
string(APPEND control "\n")
string(REGEX MATCH "Maintainer: ([^\n]+)" found "${control}")
set(CPACK_PACKAGE_CONTACT ${CMAKE_MATCH_1})
# tl_deb(<component> <package>): what debian/control says of the package
function(tl_deb component package)
  string(TOUPPER ${component} prefix)
  set(prefix CPACK_DEBIAN_${prefix})
  string(FIND "${control}" "\nPackage: ${package}\n" at)
  if(at LESS 0)
    message(FATAL_ERROR "debian/control has no package ${package}")
  endif()
  string(SUBSTRING "${control}" ${at} -1 text)
  string(FIND "${text}" "\n\n" end) # of its paragraph
  math(EXPR end "${end} + 1")
  string(SUBSTRING "${text}" 0 ${end} text)
  string(REGEX MATCH "\nDescription: ([^\n]+)\n(( [^\n]*\n)+)" found "${text}")
  set(summary "${CMAKE_MATCH_1}")
  string(REGEX REPLACE "\n " "\n" description "\n${CMAKE_MATCH_2}")
  string(STRIP "${description}" description)
  set(${prefix}_PACKAGE_NAME ${package} PARENT_SCOPE)
  set(${prefix}_DESCRIPTION "${summary}\n${description}" PARENT_SCOPE)
  foreach(field Section Recommends Suggests)
    if("${text}" MATCHES "\n${field}: ([^\n]+)")
      string(TOUPPER ${field} name)
      set(${prefix}_PACKAGE_${name} "${CMAKE_MATCH_1}" PARENT_SCOPE)
    endif()
  endforeach()
endfunction()
tl_deb(program translution)
tl_deb(library libtranslution${TL_SOVERSION})
tl_deb(development libtranslution-dev)

set(CPACK_PACKAGE_VENDOR "translution")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "${PROJECT_DESCRIPTION}")
set(CPACK_RESOURCE_FILE_LICENSE ${PROJECT_SOURCE_DIR}/LICENSE)
set(CPACK_STRIP_FILES ON)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ
    WORLD_EXECUTE)
set(CPACK_GENERATOR TGZ)
find_program(TL_SHLIBDEPS dpkg-shlibdeps)
if(TL_SHLIBDEPS)
  list(PREPEND CPACK_GENERATOR DEB)
endif()
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_ALL program library development)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
if(TARGET translution_shared)
  set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS "libtranslution${TL_SOVERSION} (= ${PROJECT_VERSION})")
endif()
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_TRANSLUTION_DEBIAN_DIR ${PROJECT_SOURCE_DIR}/debian)
set(CPACK_PROJECT_CONFIG_FILE ${PROJECT_SOURCE_DIR}/cmake/deb_config.cmake)
set(CPACK_PRE_BUILD_SCRIPTS ${PROJECT_SOURCE_DIR}/cmake/deb_before.cmake)
set(CPACK_POST_BUILD_SCRIPTS ${PROJECT_SOURCE_DIR}/cmake/deb_after.cmake)
include(CPack)

# -- the source tarball, which builds without git
add_custom_target(dist COMMAND ${CMAKE_COMMAND} -DSOURCE_DIR=${PROJECT_SOURCE_DIR} -DOUTPUT_DIR=${PROJECT_BINARY_DIR}
                  -DNAME=translution-${PROJECT_VERSION} -P ${PROJECT_SOURCE_DIR}/cmake/dist.cmake VERBATIM)

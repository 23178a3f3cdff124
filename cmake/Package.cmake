# What `cmake --install` and `cpack` make: program, shared and static library, header, pkg-config and CMake files, manual
# page, completion; and a .deb of all of it.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

# -- pkg-config: what the static library needs; as libraries, for Requires.private would ask users of the shared one, too,
# for the development packages of all of these
set(TL_PC_LIBS_PRIVATE "-lclblast -lOpenCL -lcjson -ljpeg -lpng -lwebpdemux -lwebp -ltiff -lpcre2-8 -lxxhash -lz -lpthread -lm")
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
set(TL_CMAKE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/translution)
configure_package_config_file(cmake/translutionConfig.cmake.in translutionConfig.cmake INSTALL_DESTINATION ${TL_CMAKE_DIR})
write_basic_package_version_file(translutionConfigVersion.cmake COMPATIBILITY SameMinorVersion)

# -- install
install(TARGETS translution_shared EXPORT translutionTargets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
        INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(TARGETS translution EXPORT translutionStaticTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
        INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT translutionTargets NAMESPACE translution:: DESTINATION ${TL_CMAKE_DIR})
install(EXPORT translutionStaticTargets NAMESPACE translution:: DESTINATION ${TL_CMAKE_DIR})
install(FILES ${PROJECT_BINARY_DIR}/translutionConfig.cmake ${PROJECT_BINARY_DIR}/translutionConfigVersion.cmake
        DESTINATION ${TL_CMAKE_DIR})
install(FILES ${PROJECT_BINARY_DIR}/translution.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
install(FILES include/translution/translution.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/translution)
install(TARGETS translution_program RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(FILES docs/translution.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES cmake/completion.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME translution)
install(FILES examples/train.c examples/operation.c README.md LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})

# -- .deb
set(CPACK_PACKAGE_VENDOR "translution")
set(CPACK_PACKAGE_CONTACT "the translution authors <translution@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "${PROJECT_DESCRIPTION}")
set(CPACK_RESOURCE_FILE_LICENSE ${PROJECT_SOURCE_DIR}/LICENSE)
set(CPACK_STRIP_FILES ON)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_GENERATOR TGZ)
find_program(TL_SHLIBDEPS dpkg-shlibdeps)
if(TL_SHLIBDEPS)
  list(PREPEND CPACK_GENERATOR DEB)
endif()
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "pocl-opencl-icd | opencl-icd") # some driver; without one nothing trains
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "pkg-config, clinfo, man-db, bash-completion")
include(CPack)

# Read by cpack for each generator. A .deb's summary is the first line of its own description, not the project's.
if(CPACK_GENERATOR STREQUAL DEB)
  set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "${CPACK_DEFAULT_PACKAGE_DESCRIPTION_SUMMARY}")
endif()

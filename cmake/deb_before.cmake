# Run by cpack before it builds a .deb: what Debian wants in every package's folder of documents, and manual pages compressed.
if(NOT CPACK_GENERATOR STREQUAL DEB)
  return()
endif()
foreach(component PROGRAM LIBRARY DEVELOPMENT)
  string(TOLOWER ${component} folder)
  set(usr ${CPACK_TEMPORARY_DIRECTORY}/${folder}/usr)
  if(NOT EXISTS ${usr})
    continue()
  endif()
  set(doc ${usr}/share/doc/${CPACK_DEBIAN_${component}_PACKAGE_NAME})
  file(COPY ${CPACK_TRANSLUTION_DEBIAN_DIR}/copyright ${CPACK_TRANSLUTION_DEBIAN_DIR}/changelog DESTINATION ${doc}
       FILE_PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)
  file(REMOVE ${doc}/LICENSE) # copyright has it
  file(GLOB pages ${usr}/share/man/man*/*.[1-9])
  foreach(file ${doc}/changelog ${pages})
    execute_process(COMMAND gzip -9nf ${file} COMMAND_ERROR_IS_FATAL ANY)
  endforeach()
endforeach()

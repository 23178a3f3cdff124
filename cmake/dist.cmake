# Writes OUTPUT_DIR/NAME.tar.gz: the files that git knows as they were committed last, or, in a tree without git, all but build
# folders, data and runs.   cmake -DSOURCE_DIR=... -DOUTPUT_DIR=... -DNAME=translution-VERSION -P dist.cmake
set(tarball ${OUTPUT_DIR}/${NAME}.tar.gz)
find_program(GIT git)
if(GIT AND EXISTS ${SOURCE_DIR}/.git)
  execute_process(COMMAND ${GIT} -C ${SOURCE_DIR} archive --format=tar.gz --prefix=${NAME}/ -o ${tarball} HEAD
                  COMMAND_ERROR_IS_FATAL ANY)
else()
  set(staging ${OUTPUT_DIR}/dist)
  file(REMOVE_RECURSE ${staging})
  file(COPY ${SOURCE_DIR}/ DESTINATION ${staging}/${NAME}
       REGEX "^${SOURCE_DIR}/(build[^/]*|runs|data|[.]cache|[.]git)$" EXCLUDE)
  execute_process(COMMAND ${CMAKE_COMMAND} -E tar czf ${tarball} ${NAME} WORKING_DIRECTORY ${staging}
                  COMMAND_ERROR_IS_FATAL ANY)
  file(REMOVE_RECURSE ${staging})
endif()
message(STATUS "${tarball}")

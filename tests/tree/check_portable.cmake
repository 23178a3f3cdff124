# What tests may not use, because a later cmocka deprecates it or makes it a statement: ranges (between.h has one), and
# assertions in a comma expression.   cmake -DSOURCE_DIR=... -P check_portable.cmake
file(GLOB_RECURSE files ${SOURCE_DIR}/tests/*.c ${SOURCE_DIR}/tests/*.h)
foreach(file ${files})
  file(STRINGS ${file} lines REGEX "assert_(not_)?in_(range|set)\\(|[^ ].*\\), assert_[a-z_]+\\(")
  foreach(line ${lines})
    message(SEND_ERROR "${file}: ${line}")
  endforeach()
endforeach()

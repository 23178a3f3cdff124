# What tests may not use, because cmocka 2 deprecates it, has another name for each type of value, or makes it a statement: ranges
# (tests/support/test.h has assert_between), sets, values that mocked functions expect or return, and assertions in a comma
# expression.   cmake -DSOURCE_DIR=... -P check_portable.cmake
set(ranges "assert_(not_)?in_(range|set)")
set(mocks "(check_expected|will_return|mock)[a-z_]*|expect_(not_)?(value|in_range|in_set|check)[a-z_]*")
file(GLOB_RECURSE files ${SOURCE_DIR}/tests/*.c ${SOURCE_DIR}/tests/*.h)
foreach(file ${files})
  file(STRINGS ${file} lines REGEX "(^|[^a-zA-Z0-9_])(${ranges}|${mocks})\\(|[^ ].*\\), assert_[a-z_]+\\(")
  foreach(line ${lines})
    message(SEND_ERROR "${file}: ${line}")
  endforeach()
endforeach()

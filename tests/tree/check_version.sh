#!/bin/sh
# The places that name the version (docs/releasing.md lists them) agree with CMakeLists.txt.
#   check_version.sh SOURCE_DIR
set -u
cd "$1" || exit 1
faults=0
expect() { # WHERE FOUND WANTED
    [ "$2" = "$3" ] || { echo "$1 says \"$2\": CMakeLists.txt's version makes it \"$3\""; faults=1; }
}
version=$(sed -n 's/^project(translution VERSION \([0-9.]*\) .*/\1/p' CMakeLists.txt)
case $version in *.*.*) ;; *) echo "CMakeLists.txt: no version found"; exit 1 ;; esac
soname=${version%.*}

release=$(sed -n 's/^## \([0-9].*\)$/\1/p' CHANGELOG.md | head -n 1) # 0.2.0 (2026-11-25)
date=$(echo "$release" | sed -n 's/.*(\(20[0-9-]*\))$/\1/p')
[ -n "$date" ] || { echo "CHANGELOG.md: no date in \"$release\""; faults=1; }
expect "CHANGELOG.md's newest release" "${release%% *}" "$version"
expect "CHANGELOG.md's first section" "$(sed -n 's/^## //p' CHANGELOG.md | head -n 1)" Unreleased
expect "debian/changelog" "$(head -n 1 debian/changelog | cut -d ' ' -f 1,2)" "translution ($version)"
expect "debian/control" "$(sed -n 's/^Package: \(libtranslution[0-9].*\)/\1/p' debian/control)" "libtranslution$soname"
expect "debian/control, of libtranslution-dev" "$(sed -n 's/^Depends: \(libtranslution[0-9.]*\) .*/\1/p' debian/control)" "libtranslution$soname"
expect "debian/" "$(echo debian/libtranslution[0-9]*.install)" "debian/libtranslution$soname.install"
expect "docs/translution.1" "$(head -n 1 docs/translution.1)" ".TH TRANSLUTION 1 \"$date\" \"translution $version\" \"User Commands\""
expect "include/translution/translution.h" \
    "$(sed -n 's/^#define TL_VERSION_[A-Z]* \([0-9]*\)$/\1/p' include/translution/translution.h | paste -s -d .)" "$version"
exit $faults

# shellcheck shell=sh
# Sourced first by the scripts beside it: with --help they print the comment at their head, and end.
case ${1-} in
--help | -h)
    sed -n '2,${/^#/!q;/^# shellcheck/d;s/^# \{0,1\}//;p;}' "$0"
    exit 0
    ;;
esac

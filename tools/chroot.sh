# shellcheck shell=sh
# Sourced by the scripts that try the project in a fresh Debian: chroots that leave nothing behind. Needs root.
#   make_chroot RELEASE [MIRROR]   sets $root to a fresh chroot below /var/tmp, which is removed when the script ends
#   in_chroot COMMAND              runs it there by sh -e
#   put_clone                      puts a clean clone of this repository into $root/chroot/srv/translution, which every user may enter:
#                                  /root is root's own, and some tests run as nobody

chroot_fail() {
    echo "$(basename "$0"): $1" >&2
    exit "${2:-1}"
}

# The mirror that this machine takes its own packages from.
own_mirror() {
    # shellcheck disable=SC1091,SC2016
    apt-get indextargets --format '$(REPO_URI)' "Codename: $(. /etc/os-release && echo "$VERSION_CODENAME")" 2>/dev/null | head -n 1
}

make_chroot() {
    release=$1 mirror=${2:-$(own_mirror)}
    [ "$(id -u)" -eq 0 ] || chroot_fail "needs root, for the chroot" 2
    tools/install-deps debootstrap
    root=$(mktemp -d "/var/tmp/translution-$release-XXXXXX")
    trap 'rm -rf --one-file-system "$root"' EXIT # what is mounted in it is gone by then: see in_chroot
    trap 'exit 1' INT TERM HUP
    # A release that this machine's debootstrap does not know yet is made as sid is.
    script=""
    [ -e "/usr/share/debootstrap/scripts/$release" ] || script=/usr/share/debootstrap/scripts/sid
    echo "$(basename "$0"): $release in $root" >&2
    # shellcheck disable=SC2086 # an empty word is no argument
    debootstrap --variant=minbase "$release" "$root/chroot" ${mirror:-""} $script >"$root/log" 2>&1 || {
        tail -n 20 "$root/log" >&2
        chroot_fail "debootstrap $release failed"
    }
    # The network and apt as on this machine; what belongs to a package there comes with the package, if at all.
    for file in /etc/apt/apt.conf /etc/apt/apt.conf.d/*; do
        [ ! -f "$file" ] || dpkg -S "$file" >/dev/null 2>&1 || cp "$file" "$root/chroot$file"
    done
    cp /etc/resolv.conf /etc/hosts "$root/chroot/etc/"
}

# In a space of mounts and processes of its own: whatever ends it, nothing stays mounted and nothing runs on.
in_chroot() {
    # shellcheck disable=SC2016 # for the inner shell
    unshare --mount --pid --fork --kill-child sh -ec '
        root=$1 command=$2
        shift 2
        mount -t proc proc "$root/proc"
        mount -t sysfs -o ro sysfs "$root/sys"
        mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
        mount -t tmpfs tmpfs "$root/dev/shm"
        exec chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root DEBIAN_FRONTEND=noninteractive LANG=C.UTF-8 "$@" \
            sh -ec "$command"' sh "$root/chroot" "$1" \
        ${http_proxy:+http_proxy="$http_proxy"} ${https_proxy:+https_proxy="$https_proxy"} </dev/null
}

put_clone() {
    [ -z "$(git status --porcelain)" ] || echo "$(basename "$0"): what is not committed is not tried" >&2
    git -c advice.detachedHead=false clone -q --no-hardlinks . "$root/chroot/srv/translution"
}

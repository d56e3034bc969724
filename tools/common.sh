# SPDX-License-Identifier: BSD-3-Clause
# common.sh: what the tools share; to be sourced. Sets root, the source tree, and work, the folder
# for build folders: the source tree too, or one below /tmp when that cannot be written.
root=$(cd "$(dirname "$0")/.." && pwd) || exit 1
work=$root
[ -w "$root" ] || work=${TMPDIR:-/tmp}/weir-$(id -u)
jobs=$(nproc)

# die SENTENCE: say why on stderr and end.
die() {
	echo "$(basename "$0"): $*" >&2
	exit 1
}

# configure DIR COMPILER [meson option]...: make a build folder, or set one anew.
configure() {
	dir=$1
	compiler=$2
	shift 2
	again=
	[ ! -f "$dir/build.ninja" ] || again=--reconfigure
	CC=$compiler meson setup $again "$@" "$dir" "$root"
}

# build DIR COMPILER [meson option]...: configure and compile.
build() {
	configure "$@" && ninja -k 0 -C "$dir" -j "$jobs"
}

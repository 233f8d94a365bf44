set -eu
. "$(dirname "${BASH_SOURCE[0]}")/lib_look.sh"

# Not plain: there the child dies of it.
under_shim on=exit "$PROG"
consistent 1.snap
# The one of the end, asked for by nobody.
expect 1.snap "$(echo ./*.snap | sed 's,./,,g')" files

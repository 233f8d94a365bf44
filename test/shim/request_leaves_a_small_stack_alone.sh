set -eu
. "$(dirname "${BASH_SOURCE[0]}")/lib_look.sh"

"$PROG"
under_shim on=exit "$PROG"
# The request's, and the exit's.
consistent 1.snap 2.snap

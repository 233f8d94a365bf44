set -eu
. "$(dirname "${BASH_SOURCE[0]}")/lib_look.sh"

"$PROG"
under_shim on=exit,log=log "$PROG"
consistent 1.snap
# Not "no helper thread could be created".
! grep . log

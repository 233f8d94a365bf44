set -eu
. "$(dirname "${BASH_SOURCE[0]}")/lib_look.sh"
lib=$(dirname "$PROG")/lib_allocates_in_dlsym.so

for options in on=exit sample=1K start=off; do
	LD_PRELOAD="$SHIM $lib" LEAKSHIM="out=$WORK/%p.%n.snap,$options" "$PROG"
done
consistent ./*.snap
expect 0 "$(look "$(ls ./*.snap | head -n 1)" losses.unknown_frees)" unknown

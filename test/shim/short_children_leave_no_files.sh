# No snapshot but the parent's, and no more status files than before but those
# that the next one looking sweeps away.
set -eu
. "$(dirname "${BASH_SOURCE[0]}")/lib_look.sh"

status_files()
{
	find "/run/user/$(id -u)/leakshim" "/tmp/leakshim-$(id -u)" \
		-name "$(stat -Lc %i /proc/self/ns/pid)-*" 2>/dev/null | wc -l
}

before=$(status_files)
under_shim on=exit "$PROG"
expect 1.snap "$(ls)" 'files left'
after=$(status_files)

# Every 64th child sweeps (LKS_SWEEP_CHILDREN).
echo "status files: $before before, $after after"
[ $((after - before)) -le 64 ]

# Completion of leakdiff for bash. The options are those of its --help.

# The options that --help of the command in "$@" lists; what is deeper
# inside a line, or an example, only mentions one.
__leakdiff_options()
{
	"$@" --help 2>/dev/null | sed -n \
		-e '/^Examples:/q' \
		-e 's/^  \(-[A-Za-z]\), \(--[a-z-]*\).*/\1\n\2/p' \
		-e 's/^ \{2,6\}\(--[a-z-]*\).*/\1/p'
}

_leakdiff()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local pattern
	local -a verb=()

	COMPREPLY=()
	# A file of that name would be ./dump.
	if [ "$COMP_CWORD" -gt 1 ] && [ "${COMP_WORDS[1]}" = dump ]; then
		verb=(dump)
	fi
	# --sort=rate is three words.
	if [ "$cur" = = ]; then
		cur=
	elif [ "$prev" = = ]; then
		prev=${COMP_WORDS[COMP_CWORD - 2]}
	fi
	case $prev in
	--sort)
		mapfile -t COMPREPLY < <(compgen -W \
			'growth live objects allocs rate verdict' -- "$cur")
		return
		;;
	--by)
		mapfile -t COMPREPLY < <(compgen -W \
			'function file module stack' -- "$cur")
		return
		;;
	--color | --colour)
		# Its value is optional: only behind a '='.
		if [ "${COMP_WORDS[COMP_CWORD]}" = = ] ||
			[ "${COMP_WORDS[COMP_CWORD - 1]}" = = ]; then
			mapfile -t COMPREPLY < <(compgen -W \
				'always never auto' -- "$cur")
			return
		fi
		;;
	--debug-dir | --sysroot)
		# It fails where no completion is under way: in tests.
		compopt -o filenames 2>/dev/null || true
		mapfile -t COMPREPLY < <(compgen -d -- "$cur")
		return
		;;
	-o | --output | --suppressions | --baseline | --write-baseline)
		compopt -o filenames 2>/dev/null || true # as above
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	--top | --min-bytes | --focus | --ignore | --skip | --warmup | \
		--limit | --fail-over | --fail-over-total | --fail-threads | \
		--max-loss)
		return
		;;
	esac
	if [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W \
			"$(__leakdiff_options "${COMP_WORDS[0]}" "${verb[@]}")" \
			-- "$cur")
		return
	fi
	if [ ${#verb[@]} -gt 0 ]; then
		compopt -o filenames 2>/dev/null || true # as above
		mapfile -t COMPREPLY < <(
			compgen -d -- "$cur"
			compgen -f -X '!*.dump' -- "$cur"
		)
		return
	fi
	if [ "$COMP_CWORD" -eq 1 ]; then
		mapfile -t COMPREPLY < <(compgen -W dump -- "$cur")
	fi
	compopt -o filenames 2>/dev/null || true # as above
	mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(
		compgen -d -- "$cur"
		for pattern in '*.snap' '*.dump' '*.pb.gz' '*.pb' '*.pprof' '*.prof' \
			'*.heap'; do
			compgen -f -X "!$pattern" -- "$cur"
		done
	)
}

complete -F _leakdiff leakdiff

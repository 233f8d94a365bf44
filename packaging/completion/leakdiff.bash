# Completion of leakdiff for bash. The options are those of its --help.

# The options that --help of the command in "$@" lists.
__leakdiff_options()
{
	"$@" --help 2>/dev/null | sed -n \
		-e 's/^  *\(-[A-Za-z]\), \(--[a-z-]*\).*/\1\n\2/p' \
		-e 's/^  *\(--[a-z-]*\).*/\1/p'
}

_leakdiff()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local pattern

	COMPREPLY=()
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
			"$(__leakdiff_options "${COMP_WORDS[0]}")" -- "$cur")
		return
	fi
	compopt -o filenames 2>/dev/null || true # as above
	mapfile -t COMPREPLY < <(
		compgen -d -- "$cur"
		for pattern in '*.snap' '*.pb.gz' '*.pb' '*.pprof' '*.prof' \
			'*.heap'; do
			compgen -f -X "!$pattern" -- "$cur"
		done
	)
}

complete -F _leakdiff leakdiff

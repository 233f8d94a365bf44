# Completion of leakshim for bash. Verbs and options are those of its --help.

# The options that --help of the command in "$@" lists; what is deeper
# inside a line, or an example, only mentions one.
__leakshim_options()
{
	"$@" --help 2>/dev/null | sed -n \
		-e '/^Examples:/q' \
		-e 's/^  \(-[A-Za-z]\), \(--[a-z-]*\).*/\1\n\2/p' \
		-e 's/^ \{2,6\}\(--[a-z-]*\).*/\1/p'
}

__leakshim_verbs()
{
	"$1" --help 2>/dev/null |
		sed -n '/^Verbs:/,/^$/s/^  \([a-z]*\) .*/\1/p'
}

# Pids of the tracked processes of this user: each has a status file.
__leakshim_pids()
{
	local file pid

	for file in /run/user/"$UID"/leakshim/*-* /tmp/leakshim-"$UID"/*-*; do
		pid=${file##*-}
		[[ $pid == *[!0-9]* ]] || [ ! -d "/proc/$pid" ] || echo "$pid"
	done
}

# The verb, which is the first word that is no option. Sets `verb`, and `at` to
# where it is.
__leakshim_find_verb()
{
	verb=
	for ((at = 1; at < COMP_CWORD; at++)); do
		case ${COMP_WORDS[at]} in
		-*) ;;
		*)
			verb=${COMP_WORDS[at]}
			return
			;;
		esac
	done
}

# Is a command named already? Then what follows is its own.
__leakshim_in_command()
{
	local i word

	for ((i = at + 1; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		case $word in
		--) [ $((i + 1)) -lt "$COMP_CWORD" ] && return 0 ;;
		-q | --quiet | -r | --then-report | -h | --help) ;;
		-j | --json | -p | --process) ;;
		--*)
			# The value, behind a '=' or not.
			[ "${COMP_WORDS[i + 1]-}" != = ] || i=$((i + 1))
			i=$((i + 1))
			;;
		=) ;;
		*) return 0 ;;
		esac
	done
	return 1
}

_leakshim()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local verb at

	COMPREPLY=()
	if [ "$cur" = = ]; then
		cur=
	elif [ "$prev" = = ]; then
		prev=${COMP_WORDS[COMP_CWORD - 2]}
	fi
	__leakshim_find_verb
	if [ "$verb" = help ]; then
		mapfile -t COMPREPLY < <(compgen -W \
			"$(__leakshim_verbs "${COMP_WORDS[0]}")" -- "$cur")
		return
	fi
	if [ -z "$verb" ]; then
		mapfile -t COMPREPLY < <(compgen -W \
			"help $(__leakshim_verbs "${COMP_WORDS[0]}")
			$(__leakshim_options "${COMP_WORDS[0]}")" -- "$cur")
		return
	fi
	if [[ $verb == run || $verb == doctor ]] && __leakshim_in_command; then
		# It fails where no completion is under way: in tests.
		compopt -o filenames 2>/dev/null || true
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
	fi
	case $prev in
	--unwind)
		mapfile -t COMPREPLY < <(compgen -W 'cfi fp libunwind' -- \
			"$cur")
		return
		;;
	--follow)
		mapfile -t COMPREPLY < <(compgen -W \
			'fork,exec fork exec none' -- "$cur")
		return
		;;
	--start)
		mapfile -t COMPREPLY < <(compgen -W 'on off' -- "$cur")
		return
		;;
	--ledger)
		mapfile -t COMPREPLY < <(compgen -W 'normal deep' -- "$cur")
		return
		;;
	--on)
		mapfile -t COMPREPLY < <(compgen -W 'exit grow: limit:' -- \
			"$cur")
		return
		;;
	--signal | --bell)
		mapfile -t COMPREPLY < <(compgen -W \
			"none RTMIN+ $(compgen -A signal SIG | sed s/^SIG//)" \
			-- "$cur")
		return
		;;
	--out | --log | --output)
		compopt -o filenames 2>/dev/null || true # as above
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	--interval | --sample | --depth | --memory | --keep | --only | \
		--seed | -t | --timeout | --count | -e | --every)
		return
		;;
	-n)
		# Of status it is --no-refresh.
		[ "$verb" != snapshot ] || return
		;;
	esac
	if [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W \
			"$(__leakshim_options "${COMP_WORDS[0]}" "$verb")" -- \
			"$cur")
	elif [ "$verb" = run ]; then
		mapfile -t COMPREPLY < <(compgen -c -- "$cur")
	elif [ "$verb" = doctor ]; then
		mapfile -t COMPREPLY < <(compgen -c -W "$(__leakshim_pids)" -- \
			"$cur")
	elif [ "$verb" = soak ]; then
		compopt -o filenames 2>/dev/null || true # as above
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
	elif [ "$verb" = list ] || [ "$verb" = selftest ]; then
		return
	else
		mapfile -t COMPREPLY < <(compgen -W "$(__leakshim_pids)" -- \
			"$cur")
	fi
}

complete -F _leakshim leakshim

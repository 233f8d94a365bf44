# Shell completion: nothing that --help names is missing.

load helpers

setup() {
	cd "$BATS_TEST_TMPDIR"
	completion=$TOP/packaging/completion
}

teardown() {
	end_hosts
}

# completes WORD...: what bash offers for the last word.
completes() {
	(
		# As in an interactive shell.
		set +e
		. "$completion/$1.bash"
		COMP_WORDS=("$@")
		COMP_CWORD=$(($# - 1))
		COMPREPLY=()
		"_$1"
		printf '%s\n' "${COMPREPLY[@]}"
	)
}

# help_options COMMAND...: each option of its --help, a line each.
help_options() {
	"$@" --help | sed '/^Examples:/q' |
		grep -oE '^ {2,6}(-[A-Za-z], )?--[a-z-]+' |
		grep -oE -- '-(-[a-z-]+|[A-Za-z])' | sort -u
}

verbs() {
	leakshim --help | sed -n '/^Verbs:/,/^$/s/^  \([a-z]*\) .*/\1/p'
}

@test "bash completes every option of leakdiff" {
	help_options leakdiff >wanted
	[ "$(wc -l <wanted)" -gt 30 ]
	completes leakdiff - | sort >got
	diff wanted got
	help_options leakdiff dump >wanted
	grep -qx -- --sysroot wanted
	completes leakdiff dump - | sort >got
	diff wanted got
	[ "$(completes leakdiff d)" = dump ]
	touch x.dump dump.snap
	[ "$(completes leakdiff dump '')" = x.dump ]
	[ "$(completes leakdiff x)" = x.dump ]
}

@test "bash completes every verb of leakshim and every option of each" {
	[ "$(verbs | wc -l)" -ge 3 ]
	completes leakshim '' | grep -v ^- >got
	{
		echo help
		verbs
	} | diff - got
	completes leakshim help '' >got
	verbs | diff - got
	for verb in $(verbs); do
		help_options leakshim "$verb" >wanted
		[ -s wanted ]
		completes leakshim "$verb" - | sort >got
		diff wanted got
	done
}

@test "bash completes values, behind a blank and behind an equals sign" {
	[ "$(completes leakdiff --sort r)" = rate ]
	[ "$(completes leakdiff --sort = r)" = rate ]
	[ "$(completes leakdiff --sort =  | wc -l)" = 6 ]
	[ "$(completes leakdiff --by m)" = module ]
	[ "$(completes leakdiff --color = n)" = never ]
	[ "$(completes leakshim run --unwind l)" = libunwind ]
	[ -z "$(completes leakdiff --top '')" ]
	# What is offered is what is taken.
	: >none.snap
	for value in $(completes leakdiff --sort ''); do
		run leakdiff --sort "$value" none.snap
		[ "$status" -eq 3 ]
	done
	for value in $(completes leakdiff --by ''); do
		run leakdiff --by "$value" none.snap
		[ "$status" -eq 3 ]
	done
	for value in $(completes leakdiff --color = ''); do
		run leakdiff "--color=$value" none.snap
		[ "$status" -eq 3 ]
	done
}

@test "bash completes snapshots and directories, and other files where they go" {
	mkdir dir
	touch 'a b.snap' heap.pb.gz notes.txt
	printf '%s\n' 'a b.snap' dir dump heap.pb.gz | diff - <(
		completes leakdiff '' | sort)
	[ "$(completes leakdiff --baseline n)" = notes.txt ]
	[ "$(completes leakdiff --sysroot '')" = dir ]
}

@test "bash completes the pids of tracked processes" {
	start_tracked host out=%n.snap sleep 60
	wait_until 20 "$LEAKSHIM_BIN" status "$pid"
	completes leakshim snapshot '' | grep -x "$pid"
	completes leakshim status --json '' | grep -x "$pid"
}

@test "bash completes the command that leakshim run starts" {
	touch argument
	completes leakshim run -- leakdi | grep -x leakdiff
	completes leakshim run --depth 3 leakdi | grep -x leakdiff
	completes leakshim run --depth = 3 leakdi | grep -x leakdiff
	[ "$(completes leakshim run -- ls arg)" = argument ]
	# The doctor examines one.
	completes leakshim doctor leakdi | grep -x leakdiff
	[ "$(completes leakshim doctor --json ls arg)" = argument ]
}

# mentions FILE: the options that a completion of zsh describes.
mentions() {
	grep -oE -- '--?[A-Za-z][a-z-]*(=-?|\+)?(\[|,|\})' "$1" |
		grep -oE -- '^--?[A-Za-z]([a-z-]*[a-z])?' | sort -u
}

@test "zsh's completions have the options of --help, and no others" {
	{
		help_options leakdiff
		help_options leakdiff dump
	} | sort -u >wanted
	mentions "$completion/_leakdiff" | diff wanted -
	{
		help_options leakshim
		for verb in $(verbs); do
			help_options leakshim "$verb"
			grep -q "^_leakshim_$verb()" "$completion/_leakshim"
			grep -q "'$verb:" "$completion/_leakshim"
		done
	} | sort -u >wanted
	mentions "$completion/_leakshim" | diff wanted -
}

@test "zsh reads its completions" {
	command -v zsh >/dev/null || skip 'zsh is not installed'
	zsh -n "$completion/_leakdiff"
	zsh -n "$completion/_leakshim"
}

@test "make install puts the completions where the shells look" {
	unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES DESTDIR PREFIX
	local share=$BATS_TEST_TMPDIR/root/usr/share name
	make -s -C "$TOP" BUILD="$BUILD" install PREFIX=/usr \
		DESTDIR="$BATS_TEST_TMPDIR/root"
	for name in leakdiff leakshim; do
		cmp "$completion/$name.bash" \
			"$share/bash-completion/completions/$name"
		cmp "$completion/_$name" "$share/zsh/site-functions/_$name"
	done
	make -s -C "$TOP" BUILD="$BUILD" uninstall PREFIX=/usr \
		DESTDIR="$BATS_TEST_TMPDIR/root"
	[ -z "$(find "$BATS_TEST_TMPDIR/root" -type f)" ]
}

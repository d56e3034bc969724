# SPDX-License-Identifier: BSD-3-Clause
# Completion of weir-ctl in bash: options, files for --socket, and the commands that the program on
# that socket answers, its own too.

_weir_ctl_commands() {
	local i socket=${WEIR_SOCKET-}

	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		-s | --socket)
			socket=${COMP_WORDS[i + 1]}
			[ "$socket" = = ] && socket=${COMP_WORDS[i + 2]}
			;;
		esac
	done
	[ -n "$socket" ] || return
	"${COMP_WORDS[0]}" --socket "$socket" --timeout 1s help 2>/dev/null | sed 's/ .*//'
}

_weir_ctl() {
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}

	[ "$before" = = ] && before=${COMP_WORDS[COMP_CWORD - 2]}
	[ "$word" = = ] && word=
	case $before in
	-s | --socket)
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
		return
		;;
	--timeout)
		mapfile -t COMPREPLY < <(compgen -W '1s 10s 1m' -- "$word")
		return
		;;
	esac
	case $word in
	-*) mapfile -t COMPREPLY < <(compgen -W '--socket --timeout --json --quiet --verbose --help --usage --version' -- "$word") ;;
	*) mapfile -t COMPREPLY < <(compgen -W "$(_weir_ctl_commands)" -- "$word") ;;
	esac
}

complete -F _weir_ctl weir-ctl

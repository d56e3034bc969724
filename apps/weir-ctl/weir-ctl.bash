# SPDX-License-Identifier: BSD-3-Clause
# Completion of weir-ctl in bash: options, files for --socket, the commands that the program on that
# socket answers, its own too, and their keys.

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
	"${COMP_WORDS[0]}" --socket "$socket" --timeout 1s help 2>/dev/null | sed 's/  .*//; s/ .*//' | sort -u
}

# What may follow the words so far: the second word of a command, or keys.
_weir_ctl_next() {
	case " ${COMP_WORDS[*]:1:COMP_CWORD-1} " in
	*' capture start '*) echo file= port= edge= drops= queue= direction= pipeline= filter= \
		snaplen= comment= packets= bytes= seconds= file_bytes= file_seconds= files= ;;
	*' capture stop '*) echo id= ;;
	*' capture '*) echo start stop list ;;
	*' list ruleset '*) echo file= ;;
	*' list '*) echo ruleset ;;
	*' conntrack '*) echo protocol= address= limit= from= ;;
	*' log-level '*) echo level=off level=warning level=info ;;
	*' leaks '*) echo seconds= ;;
	*' draw '*) echo pipeline= ;;
	*) _weir_ctl_commands ;;
	esac
}

_weir_ctl() {
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}

	[ "$before" = = ] && before=${COMP_WORDS[COMP_CWORD - 2]}
	[ "$word" = = ] && word=
	case $before in
	-s | --socket | file)
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
		return
		;;
	--timeout)
		mapfile -t COMPREPLY < <(compgen -W '1s 10s 1m' -- "$word")
		return
		;;
	direction)
		mapfile -t COMPREPLY < <(compgen -W 'received sent both' -- "$word")
		return
		;;
	esac
	case $word in
	-*) mapfile -t COMPREPLY < <(compgen -W '--socket --timeout --json --quiet --verbose --help --usage --version' -- "$word") ;;
	*) mapfile -t COMPREPLY < <(compgen -W "$(_weir_ctl_next)" -- "$word") ;;
	esac
	[[ ${COMPREPLY[0]-} == *= ]] && compopt -o nospace 2>/dev/null
}

complete -F _weir_ctl weir-ctl

# SPDX-License-Identifier: BSD-3-Clause
# Completion of weir-dump in bash: options, their words, interfaces and files.

_weir_dump() {
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}

	case $before in
	-w | --write | --control)
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
		return
		;;
	-F | --format)
		mapfile -t COMPREPLY < <(compgen -W 'pcapng pcap pcap-us' -- "$word")
		return
		;;
	--compress)
		mapfile -t COMPREPLY < <(compgen -W 'none gzip zstd lz4' -- "$word")
		return
		;;
	-a | --autostop | -b | --ring-buffer)
		mapfile -t COMPREPLY < <(compgen -W 'duration: filesize: packets: files:' -- "$word")
		compopt -o nospace 2>/dev/null
		return
		;;
	--last)
		mapfile -t COMPREPLY < <(compgen -W '30s 100MB' -- "$word")
		return
		;;
	esac
	case $word in
	-*) mapfile -t COMPREPLY < <(compgen -W "$("${COMP_WORDS[0]}" --help 2>/dev/null |
		grep -oE '(^ {2,6}|, )--?[a-zA-Z?][a-z-]*' | tr -d ' ,')" -- "$word") ;;
	*) mapfile -t COMPREPLY < <(compgen -f -W "$(cd /sys/class/net 2>/dev/null && echo *)" -- "$word") ;;
	esac
}

complete -F _weir_dump weir-dump

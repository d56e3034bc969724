# SPDX-License-Identifier: BSD-3-Clause
# Completion of weir-info in bash: options and files.

_weir_info() {
	local word=${COMP_WORDS[COMP_CWORD]}

	case $word in
	-*) mapfile -t COMPREPLY < <(compgen -W '--table --hashes --json --quiet --verbose --help --usage
		--version' -- "$word") ;;
	*) mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
	esac
}

complete -o filenames -F _weir_info weir-info

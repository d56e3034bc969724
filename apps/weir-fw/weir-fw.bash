# SPDX-License-Identifier: BSD-3-Clause
# Completion of weir-fw in bash: options and their values, files.

_weir_fw() {
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}

	[ "$before" = = ] && before=${COMP_WORDS[COMP_CWORD - 2]}
	[ "$word" = = ] && word=
	case $before in
	--hook)
		mapfile -t COMPREPLY < <(compgen -W 'forward input output' -- "$word")
		return
		;;
	--idle)
		mapfile -t COMPREPLY < <(compgen -W 'adaptive busy sleep' -- "$word")
		return
		;;
	--iif | --oif)
		mapfile -t COMPREPLY < <(compgen -W "$(ls /sys/class/net)" -- "$word")
		return
		;;
	-I | --include)
		mapfile -t COMPREPLY < <(compgen -d -- "$word")
		return
		;;
	esac
	case $word in
	-*) mapfile -t COMPREPLY < <(compgen -W '--rules --include --check --list --accepted
		--dropped --explain --hook --iif --oif --log --events --limit --connections --watch --aging --address --route --neighbour --control --idle --stats
		--duration --lcores --node --pages --pool --json --quiet --verbose --help
		--usage --version' -- "$word") ;;
	*) mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
	esac
}

complete -o filenames -F _weir_fw weir-fw

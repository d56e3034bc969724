# SPDX-License-Identifier: BSD-3-Clause
# Completion of weir-replay in bash: options, their words, interfaces and files.

_weir_replay() {
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} words=

	[ "$before" = = ] && before=${COMP_WORDS[COMP_CWORD - 2]}
	[ "$word" = = ] && word=
	case $before in
	-t | --to | --to2)
		mapfile -t COMPREPLY < <(compgen -f -W "null $(cd /sys/class/net 2>/dev/null &&
			printf 'af_packet:%s ' *)" -- "$word")
		return
		;;
	--speed) words='top 1x 2x 0.5x' ;;
	--split) words='client direction=in direction=out interface= mac= prefix=' ;;
	--loop | -l) words='forever 10' ;;
	--cache) words='64M 1G' ;;
	--gap | --max-gap | --loop-gap | --delay | --jitter | --duration) words='10us 1ms 1s' ;;
	--rate-limit) words='100mbit 5kpps' ;;
	--loss | --corrupt | --duplicate | --reorder) words='0.1% 1% 10%' ;;
	--vlan-type) words='802.1q 802.1ad' ;;
	--vlan-strip) words='outer all' ;;
	--idle) words='adaptive busy sleep' ;;
	--pages) words='any thp 4K 2M 1G' ;;
	esac
	if [ "$words" ]; then
		mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
		return
	fi
	case $word in
	-*) mapfile -t COMPREPLY < <(compgen -W "$("${COMP_WORDS[0]}" --help 2>/dev/null |
		grep -oE '(^ {2,6}|, )--?[a-zA-Z?][a-z0-9-]*' | tr -d ' ,')" -- "$word") ;;
	*) mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
	esac
}

complete -F _weir_replay weir-replay

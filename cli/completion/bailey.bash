# SPDX-License-Identifier: MIT
# bash completion for bailey(1); installed as share/bash-completion/completions/bailey.

_bailey_run() {
	local cur=$1 prev=$2
	case $prev in
	-v | --volume) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); compopt -o nospace 2>/dev/null; return ;;
	--env-file | --log) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
	-w | --workdir | --rootfs) mapfile -t COMPREPLY < <(compgen -d -- "$cur"); return ;;
	-e | --env) mapfile -t COMPREPLY < <(compgen -v -- "$cur"); return ;;
	-u | --user) mapfile -t COMPREPLY < <(compgen -u -- "$cur"); return ;;
	--net) mapfile -t COMPREPLY < <(compgen -W "none host allow:" -- "$cur"); return ;;
	--ext) mapfile -t COMPREPLY < <(compgen -W trace -- "$cur"); return ;;
	--trace) mapfile -t COMPREPLY < <(compgen -W 'lx nt dk mon lx,mon nt,mon' -- "$cur"); return ;;
	-m | --memory | --cpus | --pids | --hostname | --name) return ;;
	esac
	if [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W '-v --volume -e --env --env-file -w --workdir -u --user -m --memory --cpus --pids
			--rootfs --hostname --registry --name -i --interactive -t --tty --net -p --publish --pcap --ext --trace --stats --log --verbose -h --help --' -- "$cur")
	else
		mapfile -t COMPREPLY < <(compgen -c -- "$cur")
	fi
}

# The program's own place on the line, or nothing while options still come.
_bailey_program_at() {
	local i
	for ((i = 2; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		--) echo $((i + 1)); return ;;
		-v | --volume | -e | --env | --env-file | -w | --workdir | -u | --user | -m | --memory | --cpus | --pids | --rootfs | \
			--hostname | --registry | --name | --net | -p | --publish | --pcap | --ext | --trace | --log) ((i++)) ;;
		-*) ;;
		*) echo $i; return ;;
		esac
	done
}

# Commands that look at sandboxes that run: their options, and numbers and names as `bailey ps` shows them.
_bailey_outside() {
	local cur=$1 words=
	case ${COMP_WORDS[1]} in
	top | stats) words='-n -d' ;;
	core) words='-o' ;;
	strace) words='--attach' ;;
	report) words='--full --list --remove' ;;
	esac
	if [[ ${COMP_WORDS[1]} == core && $2 == -o ]]; then
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
	elif [[ $cur == -* || ${COMP_WORDS[1]} == report ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$words --help" -- "$cur")
	else
		words=$("${COMP_WORDS[0]}" ps 2>/dev/null | awk 'NR > 1 { print $1; if ($2 != "-") print $2 }')
		mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
	fi
}

_bailey() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} at
	COMPREPLY=()
	if ((COMP_CWORD == 1)); then
		mapfile -t COMPREPLY < <(compgen -W 'run doctor ps top stats lsof core strace report --help --version' -- "$cur")
	elif [[ ${COMP_WORDS[1]} == doctor ]]; then
		mapfile -t COMPREPLY < <(compgen -W '--clean' -- "$cur")
	elif [[ ${COMP_WORDS[1]} == @(ps|top|stats|lsof|core|strace|report) ]]; then
		_bailey_outside "$cur" "$prev"
	elif [[ ${COMP_WORDS[1]} == run ]]; then
		at=$(_bailey_program_at)
		if [[ -z $at ]]; then
			_bailey_run "$cur" "$prev"
		elif ((at == COMP_CWORD)); then
			mapfile -t COMPREPLY < <(compgen -c -- "$cur")
		elif declare -F _command_offset >/dev/null; then
			_command_offset "$at"
		else
			mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		fi
	fi
}
complete -F _bailey bailey

# SPDX-License-Identifier: MIT
# fish completion for bailey(1); installed in share/fish/vendor_completions.d.

function __bailey_run_options
    # True while the options of `bailey run` still come: no program and no -- yet.
    set -l words (commandline -opc)
    test (count $words) -ge 2; and test "$words[2]" = run; or return 1
    set -l skip 0
    for w in $words[3..-1]
        if test $skip -eq 1
            set skip 0
            continue
        end
        switch $w
            case --
                return 1
            case -v --volume -e --env --env-file -w --workdir -u --user -m --memory --cpus --pids --rootfs --hostname --registry --name --net -p --publish --pcap --ext --trace --log
                set skip 1
            case '-*'
            case '*'
                return 1
        end
    end
    return 0
end

complete -c bailey -f
complete -c bailey -n __fish_use_subcommand -a run -d 'Run a program in a new sandbox'
complete -c bailey -n __fish_use_subcommand -a doctor -d 'What this host offers'
complete -c bailey -n __fish_use_subcommand -s h -l help -d 'Summary of the commands'
complete -c bailey -n __fish_use_subcommand -l version -d 'Version'
for c in 'ps:Sandboxes that run, or processes in one' 'top:The busiest first' 'stats:What went over networks' 'lsof:Open files' 'core:A core file of a process' 'strace:Print system calls' 'report:What a panic left'
    complete -c bailey -n __fish_use_subcommand -a (string split -m 1 : $c)[1] -d (string split -m 1 : $c)[2]
end
complete -c bailey -n '__fish_seen_subcommand_from ps top stats lsof core strace' -a "(bailey ps 2>/dev/null | awk 'NR > 1 { print \$1; if (\$2 != \"-\") print \$2 }')"
complete -c bailey -n '__fish_seen_subcommand_from top stats' -s n -x -d 'How often'
complete -c bailey -n '__fish_seen_subcommand_from top stats' -s d -x -d 'Seconds between'
complete -c bailey -n '__fish_seen_subcommand_from core' -s o -r -F -d 'File'
complete -c bailey -n '__fish_seen_subcommand_from strace' -l attach -d 'A sandbox that runs'
complete -c bailey -n '__fish_seen_subcommand_from report' -l full -d 'Texts of the guest too'
complete -c bailey -n '__fish_seen_subcommand_from report' -l list -d 'Which there are'
complete -c bailey -n '__fish_seen_subcommand_from report' -l remove -d 'Remove all'
complete -c bailey -n '__fish_seen_subcommand_from doctor' -l clean -d 'Remove what dead sandboxes left'
complete -c bailey -n __bailey_run_options -s v -l volume -r -F -d 'Show a folder of the host: HOST:GUEST[:ro]'
complete -c bailey -n __bailey_run_options -s e -l env -x -a '(set -nx)' -d 'Set a variable'
complete -c bailey -n __bailey_run_options -l env-file -r -F -d 'Variables, one a line'
complete -c bailey -n __bailey_run_options -s w -l workdir -x -a '(__fish_complete_directories)' -d 'Start there'
complete -c bailey -n __bailey_run_options -s u -l user -x -a '(__fish_complete_users)' -d 'Who the program believes to be'
complete -c bailey -n __bailey_run_options -s m -l memory -x -d 'Limit of memory, like 512m'
complete -c bailey -n __bailey_run_options -l cpus -x -d 'Limit of processors, like 1.5'
complete -c bailey -n __bailey_run_options -l pids -x -d 'Limit of processes'
complete -c bailey -n __bailey_run_options -l rootfs -x -a '(__fish_complete_directories)' -d 'Root folder'
complete -c bailey -n __bailey_run_options -l hostname -x -d 'Host name inside'
complete -c bailey -n __bailey_run_options -l registry -r -F -d 'Keep the registry of Windows programs there'
complete -c bailey -n __bailey_run_options -l name -x -d 'Name of the sandbox'
complete -c bailey -n __bailey_run_options -s i -l interactive -d 'Keep the input open'
complete -c bailey -n __bailey_run_options -s t -l tty -d 'Give the program the terminal'
complete -c bailey -n __bailey_run_options -l net -x -a 'none host allow:' -d 'Network'
complete -c bailey -n __bailey_run_options -s p -l publish -x -d 'Let others reach a port'
complete -c bailey -n __bailey_run_options -l pcap -r -F -d 'Write what goes over the network to'
complete -c bailey -n __bailey_run_options -l ext -x -a trace -d 'Stack an extension'
complete -c bailey -n __bailey_run_options -l trace -x -a 'lx nt dk mon lx,mon nt,mon' -d 'Trace calls'
complete -c bailey -n __bailey_run_options -l stats -d 'Count traps, requests and processes'
complete -c bailey -n __bailey_run_options -l log -r -F -d 'Log there'
complete -c bailey -n __bailey_run_options -l verbose -d 'Say what is shown and hidden'
complete -c bailey -n __bailey_run_options -s h -l help -d 'Summary of the options'
complete -c bailey -n '__fish_seen_subcommand_from run; and not __bailey_run_options' -x -a '(__fish_complete_subcommand --fcs-skip=2)'

# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_jail_global_optspecs
    string join \n h/help V/version
end

function __fish_jail_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_jail_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_jail_using_subcommand
    set -l cmd (__fish_jail_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c jail -n "__fish_jail_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c jail -n "__fish_jail_needs_command" -s V -l version -d 'Print version'
complete -c jail -n "__fish_jail_needs_command" -f -a "run" -d 'Make a sandbox, run a command in it, and exit as it did'
complete -c jail -n "__fish_jail_needs_command" -f -a "plan" -d 'Print what `jail run` would do, and who asked for each step'
complete -c jail -n "__fish_jail_needs_command" -f -a "check" -d 'Check profiles and print every error in them'
complete -c jail -n "__fish_jail_needs_command" -f -a "profile" -d 'List, show, compare and begin profiles'
complete -c jail -n "__fish_jail_needs_command" -f -a "trust" -d 'Have the profile of a project used, as it is now'
complete -c jail -n "__fish_jail_needs_command" -f -a "image" -d 'Pull, look at and remove images'
complete -c jail -n "__fish_jail_needs_command" -f -a "doctor" -d 'Try what this machine allows, and say what to do about the rest'
complete -c jail -n "__fish_jail_needs_command" -f -a "completions" -d 'Print a completion script for a shell'
complete -c jail -n "__fish_jail_needs_command" -f -a "help" -d 'Print the help of a command, or what there is to know about a subject'
complete -c jail -n "__fish_jail_options run" -s P -l profile -d 'Use this profile; several are merged from left to right' -r -F -a "(__fish_jail_profiles)"
complete -c jail -n "__fish_jail_options run" -l read -d 'Grant a file or directory for reading and executing' -r -F
complete -c jail -n "__fish_jail_options run" -l write -d 'Grant a file or directory for reading and writing' -r -F
complete -c jail -n "__fish_jail_options run" -l overlay -d 'Let the command write to a directory, and throw the writes away' -r -F
complete -c jail -n "__fish_jail_options run" -l mask -d 'Make a file or directory unreadable, also below a granted one' -r -F
complete -c jail -n "__fish_jail_options run" -l tmpfs -d 'Put an empty file system in memory at PATH[:size=SIZE]' -r -F
complete -c jail -n "__fish_jail_options run" -l bind -d 'Show FROM of the host at TO inside, as FROM:TO[:ro|rw]; read-only unless said' -r -F
complete -c jail -n "__fish_jail_options run" -s v -l volume -d 'The same with podman\'s meaning, as FROM:TO[:ro|rw]; writable unless said' -r -F
complete -c jail -n "__fish_jail_options run" -l device -d 'Grant a device node of the host' -r -F
complete -c jail -n "__fish_jail_options run" -l root -d 'Start from this root: host, empty, image:NAME, or a directory' -r -f -a "(__fish_complete_directories)"
complete -c jail -n "__fish_jail_options run" -l root-mode -d 'Say what happens to writes outside of what is granted' -r -f -a "read-only\t''
overlay\t''
write\t''"
complete -c jail -n "__fish_jail_options run" -l image -d 'Start from an image, as `--root image:NAME`' -r -F -a "(__fish_jail_images)"
complete -c jail -n "__fish_jail_options run" -l pull -d 'Fetch the image when it is missing (unless said), always, or never' -r -f -a "missing\t''
always\t''
never\t''"
complete -c jail -n "__fish_jail_options run" -l platform -d 'Take the image for this platform, such as linux/arm64' -r
complete -c jail -n "__fish_jail_options run" -l keep -d 'Keep what the command changes in the image, for the next run with this name' -r
complete -c jail -n "__fish_jail_options run" -l network -d 'Choose the network that the command has' -r -f -a "none\t''
host\t''
nat\t''"
complete -c jail -n "__fish_jail_options run" -l allow -d 'Reach this destination, as example.org:443, *.example.org or 192.0.2.0/24:5432' -r
complete -c jail -n "__fish_jail_options run" -s p -l publish -d 'Have a port of this machine lead to one inside' -r
complete -c jail -n "__fish_jail_options run" -l host-loopback -d 'Let the command reach what listens on this machine\'s loopback interface: off, unless said' -r -f -a "on\t''
off\t''"
complete -c jail -n "__fish_jail_options run" -l add-host -d 'Name an address in /etc/hosts' -r
complete -c jail -n "__fish_jail_options run" -l dns -d 'Ask this server for names' -r
complete -c jail -n "__fish_jail_options run" -s e -l env -d 'Set a variable; without `=VALUE`, keep the caller\'s' -r
complete -c jail -n "__fish_jail_options run" -l env-file -d 'Set variables from a file of lines NAME=VALUE' -r -F
complete -c jail -n "__fish_jail_options run" -s w -l workdir -d 'Start the command in this directory' -r -f -a "(__fish_complete_directories)"
complete -c jail -n "__fish_jail_options run" -s u -l user -d 'Run the command as: keep, root, or UID:GID' -r
complete -c jail -n "__fish_jail_options run" -l entrypoint -d 'Put this program before the command, in the place of the image\'s; \'\' is nothing' -r
complete -c jail -n "__fish_jail_options run" -l ids -d 'Choose which ids exist inside' -r -f -a "single\t''
subuid\t''
auto\t''"
complete -c jail -n "__fish_jail_options run" -l hostname -d 'Name the machine inside; without this it is called `jail`' -r
complete -c jail -n "__fish_jail_options run" -l tty -d 'Choose the terminal that the command has' -r -f -a "auto\t''
inherit\t''
none\t''"
complete -c jail -n "__fish_jail_options run" -l umask -d 'Set the umask, in octal, such as 022' -r
complete -c jail -n "__fish_jail_options run" -l preserve-fd -d 'Keep these file descriptors open, beyond 0, 1 and 2' -r
complete -c jail -n "__fish_jail_options run" -l seccomp -d 'Filter system calls by a policy: default, strict, off, or a file' -r -F
complete -c jail -n "__fish_jail_options run" -l seccomp-allow -d 'Allow a system call, or a group of them such as @debug' -r
complete -c jail -n "__fish_jail_options run" -l seccomp-deny -d 'Refuse a system call, or a group of them; stronger than `--seccomp-allow`' -r
complete -c jail -n "__fish_jail_options run" -l landlock -d 'Have the kernel check every file access by Landlock as well: on, unless said' -r -f -a "on\t''
off\t''"
complete -c jail -n "__fish_jail_options run" -l nesting -d 'Let the command make namespaces of its own, as sandboxes do: off, unless said' -r -f -a "on\t''
off\t''"
complete -c jail -n "__fish_jail_options run" -l cap-add -d 'Keep a capability (a part of root\'s power), such as NET_BIND_SERVICE' -r
complete -c jail -n "__fish_jail_options run" -l degrade -d 'Go on without this protection where this machine lacks it' -r -f -a "landlock\t''
limits\t''
overlay\t''
namespaces\t''
nested-rules\t''"
complete -c jail -n "__fish_jail_options run" -s m -l memory -d 'Cap the memory of all processes together, such as 512M' -r
complete -c jail -n "__fish_jail_options run" -l swap -d 'Cap the swap of all processes together; 0B is none' -r
complete -c jail -n "__fish_jail_options run" -l memory-swap -d 'Cap memory and swap together, as podman counts it; -1 is no limit of swap' -r
complete -c jail -n "__fish_jail_options run" -l cpus -d 'Cap the share of processors, such as 1.5 or 150%' -r
complete -c jail -n "__fish_jail_options run" -l cpuset -l cpuset-cpus -d 'Use these processors only, such as 0-3,5' -r
complete -c jail -n "__fish_jail_options run" -l pids -l pids-limit -d 'Cap the number of processes and threads; -1 and 0 are no limit' -r
complete -c jail -n "__fish_jail_options run" -l io -d 'Slow down the block device of a path, as PATH:read=10M[,write=5M]' -r -F
complete -c jail -n "__fish_jail_options run" -l hugepages -d 'Let the command use pages of hugetlbfs, which no memory limit counts: on, unless said' -r -f -a "on\t''
off\t''"
complete -c jail -n "__fish_jail_options run" -l time -l timeout -d 'End the command after this time, such as 90s or 1h30m, with exit status 124' -r
complete -c jail -n "__fish_jail_options run" -l time-grace -d 'Wait so long from SIGTERM to SIGKILL: 10s, unless said' -r
complete -c jail -n "__fish_jail_options run" -l nice -d 'Set the niceness, from 0 to 19, which gives way to all others' -r
complete -c jail -n "__fish_jail_options run" -l ulimit -d 'Set a limit of each process, as NAME=SOFT[:HARD]' -r
complete -c jail -n "__fish_jail_options run" -l report -d 'Write one JSON object about the run to this file, or to descriptor fd:N' -r -F
complete -c jail -n "__fish_jail_options run" -l read-only -d 'Make the root read-only, as `--root-mode read-only`'
complete -c jail -n "__fish_jail_options run" -s q -l quiet -d 'Print errors only, no notes and no warnings'
complete -c jail -n "__fish_jail_options run" -l verbose -d 'Print the plan to stderr before the run'
complete -c jail -n "__fish_jail_options run" -l stats -d 'Print what the command used to stderr at the end'
complete -c jail -n "__fish_jail_options run" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c jail -n "__fish_jail_options plan" -s P -l profile -d 'Use this profile; several are merged from left to right' -r -F -a "(__fish_jail_profiles)"
complete -c jail -n "__fish_jail_options plan" -l read -d 'Grant a file or directory for reading and executing' -r -F
complete -c jail -n "__fish_jail_options plan" -l write -d 'Grant a file or directory for reading and writing' -r -F
complete -c jail -n "__fish_jail_options plan" -l overlay -d 'Let the command write to a directory, and throw the writes away' -r -F
complete -c jail -n "__fish_jail_options plan" -l mask -d 'Make a file or directory unreadable, also below a granted one' -r -F
complete -c jail -n "__fish_jail_options plan" -l tmpfs -d 'Put an empty file system in memory at PATH[:size=SIZE]' -r -F
complete -c jail -n "__fish_jail_options plan" -l bind -d 'Show FROM of the host at TO inside, as FROM:TO[:ro|rw]; read-only unless said' -r -F
complete -c jail -n "__fish_jail_options plan" -s v -l volume -d 'The same with podman\'s meaning, as FROM:TO[:ro|rw]; writable unless said' -r -F
complete -c jail -n "__fish_jail_options plan" -l device -d 'Grant a device node of the host' -r -F
complete -c jail -n "__fish_jail_options plan" -l root -d 'Start from this root: host, empty, image:NAME, or a directory' -r -f -a "(__fish_complete_directories)"
complete -c jail -n "__fish_jail_options plan" -l root-mode -d 'Say what happens to writes outside of what is granted' -r -f -a "read-only\t''
overlay\t''
write\t''"
complete -c jail -n "__fish_jail_options plan" -l image -d 'Start from an image, as `--root image:NAME`' -r -F -a "(__fish_jail_images)"
complete -c jail -n "__fish_jail_options plan" -l pull -d 'Fetch the image when it is missing (unless said), always, or never' -r -f -a "missing\t''
always\t''
never\t''"
complete -c jail -n "__fish_jail_options plan" -l platform -d 'Take the image for this platform, such as linux/arm64' -r
complete -c jail -n "__fish_jail_options plan" -l keep -d 'Keep what the command changes in the image, for the next run with this name' -r
complete -c jail -n "__fish_jail_options plan" -l network -d 'Choose the network that the command has' -r -f -a "none\t''
host\t''
nat\t''"
complete -c jail -n "__fish_jail_options plan" -l allow -d 'Reach this destination, as example.org:443, *.example.org or 192.0.2.0/24:5432' -r
complete -c jail -n "__fish_jail_options plan" -s p -l publish -d 'Have a port of this machine lead to one inside' -r
complete -c jail -n "__fish_jail_options plan" -l host-loopback -d 'Let the command reach what listens on this machine\'s loopback interface: off, unless said' -r -f -a "on\t''
off\t''"
complete -c jail -n "__fish_jail_options plan" -l add-host -d 'Name an address in /etc/hosts' -r
complete -c jail -n "__fish_jail_options plan" -l dns -d 'Ask this server for names' -r
complete -c jail -n "__fish_jail_options plan" -s e -l env -d 'Set a variable; without `=VALUE`, keep the caller\'s' -r
complete -c jail -n "__fish_jail_options plan" -l env-file -d 'Set variables from a file of lines NAME=VALUE' -r -F
complete -c jail -n "__fish_jail_options plan" -s w -l workdir -d 'Start the command in this directory' -r -f -a "(__fish_complete_directories)"
complete -c jail -n "__fish_jail_options plan" -s u -l user -d 'Run the command as: keep, root, or UID:GID' -r
complete -c jail -n "__fish_jail_options plan" -l entrypoint -d 'Put this program before the command, in the place of the image\'s; \'\' is nothing' -r
complete -c jail -n "__fish_jail_options plan" -l ids -d 'Choose which ids exist inside' -r -f -a "single\t''
subuid\t''
auto\t''"
complete -c jail -n "__fish_jail_options plan" -l hostname -d 'Name the machine inside; without this it is called `jail`' -r
complete -c jail -n "__fish_jail_options plan" -l tty -d 'Choose the terminal that the command has' -r -f -a "auto\t''
inherit\t''
none\t''"
complete -c jail -n "__fish_jail_options plan" -l umask -d 'Set the umask, in octal, such as 022' -r
complete -c jail -n "__fish_jail_options plan" -l preserve-fd -d 'Keep these file descriptors open, beyond 0, 1 and 2' -r
complete -c jail -n "__fish_jail_options plan" -l seccomp -d 'Filter system calls by a policy: default, strict, off, or a file' -r -F
complete -c jail -n "__fish_jail_options plan" -l seccomp-allow -d 'Allow a system call, or a group of them such as @debug' -r
complete -c jail -n "__fish_jail_options plan" -l seccomp-deny -d 'Refuse a system call, or a group of them; stronger than `--seccomp-allow`' -r
complete -c jail -n "__fish_jail_options plan" -l landlock -d 'Have the kernel check every file access by Landlock as well: on, unless said' -r -f -a "on\t''
off\t''"
complete -c jail -n "__fish_jail_options plan" -l nesting -d 'Let the command make namespaces of its own, as sandboxes do: off, unless said' -r -f -a "on\t''
off\t''"
complete -c jail -n "__fish_jail_options plan" -l cap-add -d 'Keep a capability (a part of root\'s power), such as NET_BIND_SERVICE' -r
complete -c jail -n "__fish_jail_options plan" -l degrade -d 'Go on without this protection where this machine lacks it' -r -f -a "landlock\t''
limits\t''
overlay\t''
namespaces\t''
nested-rules\t''"
complete -c jail -n "__fish_jail_options plan" -s m -l memory -d 'Cap the memory of all processes together, such as 512M' -r
complete -c jail -n "__fish_jail_options plan" -l swap -d 'Cap the swap of all processes together; 0B is none' -r
complete -c jail -n "__fish_jail_options plan" -l memory-swap -d 'Cap memory and swap together, as podman counts it; -1 is no limit of swap' -r
complete -c jail -n "__fish_jail_options plan" -l cpus -d 'Cap the share of processors, such as 1.5 or 150%' -r
complete -c jail -n "__fish_jail_options plan" -l cpuset -l cpuset-cpus -d 'Use these processors only, such as 0-3,5' -r
complete -c jail -n "__fish_jail_options plan" -l pids -l pids-limit -d 'Cap the number of processes and threads; -1 and 0 are no limit' -r
complete -c jail -n "__fish_jail_options plan" -l io -d 'Slow down the block device of a path, as PATH:read=10M[,write=5M]' -r -F
complete -c jail -n "__fish_jail_options plan" -l hugepages -d 'Let the command use pages of hugetlbfs, which no memory limit counts: on, unless said' -r -f -a "on\t''
off\t''"
complete -c jail -n "__fish_jail_options plan" -l time -l timeout -d 'End the command after this time, such as 90s or 1h30m, with exit status 124' -r
complete -c jail -n "__fish_jail_options plan" -l time-grace -d 'Wait so long from SIGTERM to SIGKILL: 10s, unless said' -r
complete -c jail -n "__fish_jail_options plan" -l nice -d 'Set the niceness, from 0 to 19, which gives way to all others' -r
complete -c jail -n "__fish_jail_options plan" -l ulimit -d 'Set a limit of each process, as NAME=SOFT[:HARD]' -r
complete -c jail -n "__fish_jail_options plan" -l read-only -d 'Make the root read-only, as `--root-mode read-only`'
complete -c jail -n "__fish_jail_options plan" -s q -l quiet -d 'Print errors only, no notes and no warnings'
complete -c jail -n "__fish_jail_options plan" -l json -d 'Print the plan as JSON'
complete -c jail -n "__fish_jail_options plan" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c jail -n "__fish_jail_using_subcommand check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c jail -n "__fish_jail_using_subcommand profile; and not __fish_seen_subcommand_from list show diff init schema" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c jail -n "__fish_jail_using_subcommand profile; and not __fish_seen_subcommand_from list show diff init schema" -f -a "list" -d 'Print all profiles that have names, and where each comes from'
complete -c jail -n "__fish_jail_using_subcommand profile; and not __fish_seen_subcommand_from list show diff init schema" -f -a "show" -d 'Print what a profile comes to, with all that it extends'
complete -c jail -n "__fish_jail_using_subcommand profile; and not __fish_seen_subcommand_from list show diff init schema" -f -a "diff" -d 'Print what one profile grants beyond another, and the reverse'
complete -c jail -n "__fish_jail_using_subcommand profile; and not __fish_seen_subcommand_from list show diff init schema" -f -a "init" -d 'Write a first profile for this project: .jail.toml'
complete -c jail -n "__fish_jail_using_subcommand profile; and not __fish_seen_subcommand_from list show diff init schema" -f -a "schema" -d 'Print the JSON Schema of profiles, for editors'
complete -c jail -n "__fish_jail_using_subcommand profile; and __fish_seen_subcommand_from list" -l json -d 'Print JSON'
complete -c jail -n "__fish_jail_using_subcommand profile; and __fish_seen_subcommand_from list" -l names -d 'Print only the names, one on each line'
complete -c jail -n "__fish_jail_using_subcommand profile; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c jail -n "__fish_jail_using_subcommand profile; and __fish_seen_subcommand_from show" -l toml -d 'Print without the origins'
complete -c jail -n "__fish_jail_using_subcommand profile; and __fish_seen_subcommand_from show" -l json -d 'Print JSON: each line with its key, value and origin'
complete -c jail -n "__fish_jail_using_subcommand profile; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c jail -n "__fish_jail_using_subcommand profile; and __fish_seen_subcommand_from diff" -l json -d 'Print JSON'
complete -c jail -n "__fish_jail_using_subcommand profile; and __fish_seen_subcommand_from diff" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c jail -n "__fish_jail_using_subcommand profile; and __fish_seen_subcommand_from init" -l force -d 'Replace a .jail.toml that is there'
complete -c jail -n "__fish_jail_using_subcommand profile; and __fish_seen_subcommand_from init" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c jail -n "__fish_jail_using_subcommand profile; and __fish_seen_subcommand_from schema" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c jail -n "__fish_jail_using_subcommand trust" -s y -l yes -d 'Do not ask'
complete -c jail -n "__fish_jail_using_subcommand trust" -l list -d 'Print what is trusted, and whether it is still the same'
complete -c jail -n "__fish_jail_using_subcommand trust" -l json -d 'Print the list as JSON'
complete -c jail -n "__fish_jail_using_subcommand trust" -l remove -d 'Trust it no more'
complete -c jail -n "__fish_jail_using_subcommand trust" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c jail -n "__fish_jail_using_subcommand image; and not __fish_seen_subcommand_from pull import list inspect unpack remove prune df verify" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c jail -n "__fish_jail_using_subcommand image; and not __fish_seen_subcommand_from pull import list inspect unpack remove prune df verify" -f -a "pull" -d 'Bring an image into the store, and print its digest'
complete -c jail -n "__fish_jail_using_subcommand image; and not __fish_seen_subcommand_from pull import list inspect unpack remove prune df verify" -f -a "import" -d 'Bring an image from a file or directory into the store'
complete -c jail -n "__fish_jail_using_subcommand image; and not __fish_seen_subcommand_from pull import list inspect unpack remove prune df verify" -f -a "list" -d 'Print the images in the store'
complete -c jail -n "__fish_jail_using_subcommand image; and not __fish_seen_subcommand_from pull import list inspect unpack remove prune df verify" -f -a "inspect" -d 'Print what an image says about itself'
complete -c jail -n "__fish_jail_using_subcommand image; and not __fish_seen_subcommand_from pull import list inspect unpack remove prune df verify" -f -a "unpack" -d 'Copy an image\'s files into a directory'
complete -c jail -n "__fish_jail_using_subcommand image; and not __fish_seen_subcommand_from pull import list inspect unpack remove prune df verify" -f -a "remove" -d 'Remove names from the store'
complete -c jail -n "__fish_jail_using_subcommand image; and not __fish_seen_subcommand_from pull import list inspect unpack remove prune df verify" -f -a "prune" -d 'Remove what no name leads to and nobody uses'
complete -c jail -n "__fish_jail_using_subcommand image; and not __fish_seen_subcommand_from pull import list inspect unpack remove prune df verify" -f -a "df" -d 'Print how much room the store takes'
complete -c jail -n "__fish_jail_using_subcommand image; and not __fish_seen_subcommand_from pull import list inspect unpack remove prune df verify" -f -a "verify" -d 'Check that the store is as it was when it was verified'
complete -c jail -n "__fish_jail_using_subcommand image; and __fish_seen_subcommand_from pull" -l platform -d 'Which image of several: OS/ARCHITECTURE[/VARIANT]; without, that of this machine' -r
complete -c jail -n "__fish_jail_using_subcommand image; and __fish_seen_subcommand_from pull" -l max-size -d 'Refuse an image whose layers are larger than this without compression [default: 16G]' -r
complete -c jail -n "__fish_jail_using_subcommand image; and __fish_seen_subcommand_from pull" -l max-files -d 'Refuse an image with more files than this [default: 1000000]' -r
complete -c jail -n "__fish_jail_using_subcommand image; and __fish_seen_subcommand_from pull" -l max-ratio -d 'Refuse a layer over 100M that grows more than so many times when it is decompressed [default: 1000]' -r
complete -c jail -n "__fish_jail_using_subcommand image; and __fish_seen_subcommand_from pull" -l json -d 'Print JSON: the image, and what was done for each layer'
complete -c jail -n "__fish_jail_using_subcommand image; and __fish_seen_subcommand_from pull" -s q -l quiet -d 'Print errors only, and no progress'
complete -c jail -n "__fish_jail_using_subcommand image; and __fish_seen_subcommand_from pull" -l insecure -d 'Take plain HTTP, and certificates that cannot be verified'
complete -c jail -n "__fish_jail_using_subcommand image; and __fish_seen_subcommand_from pull" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c jail -n "__fish_jail_using_subcommand image; and __fish_seen_subcommand_from import" -l platform -d 'Which image of several: OS/ARCHITECTURE[/VARIANT]; without, that of this machine' -r
complete -c jail -n "__fish_jail_using_subcommand image; and __fish_seen_subcommand_from import" -l max-size -d 'Refuse an image whose layers are larger than this without compression [default: 16G]' -r
complete -c jail -n "__fish_jail_using_subcommand image; and __fish_seen_subcommand_from import" -l max-files -d 'Refuse an image with more files than this [default: 1000000]' -r
complete -c jail -n "__fish_jail_using_subcommand image; and __fish_seen_subcommand_from import" -l max-ratio -d 'Refuse a layer over 100M that grows more than so many times when it is decompressed [default: 1000]' -r
complete -c jail -n "__fish_jail_using_subcommand image; and __fish_seen_subcommand_from import" -l json -d 'Print JSON: the image, and what was done for each layer'
complete -c jail -n "__fish_jail_using_subcommand image; and __fish_seen_subcommand_from import" -s q -l quiet -d 'Print errors only, and no progress'
complete -c jail -n "__fish_jail_using_subcommand image; and __fish_seen_subcommand_from import" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c jail -n "__fish_jail_using_subcommand image; and __fish_seen_subcommand_from list" -l json -d 'Print JSON'
complete -c jail -n "__fish_jail_using_subcommand image; and __fish_seen_subcommand_from list" -l names -d 'Print the names alone, as short as they can be typed, one in each line'
complete -c jail -n "__fish_jail_using_subcommand image; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c jail -n "__fish_jail_using_subcommand image; and __fish_seen_subcommand_from inspect" -l platform -d 'The one for this platform: OS/ARCHITECTURE[/VARIANT]' -r
complete -c jail -n "__fish_jail_using_subcommand image; and __fish_seen_subcommand_from inspect" -l json -d 'Print JSON'
complete -c jail -n "__fish_jail_using_subcommand image; and __fish_seen_subcommand_from inspect" -s h -l help -d 'Print help'
complete -c jail -n "__fish_jail_using_subcommand image; and __fish_seen_subcommand_from unpack" -l platform -d 'Which image of several: OS/ARCHITECTURE[/VARIANT]; without, that of this machine' -r
complete -c jail -n "__fish_jail_using_subcommand image; and __fish_seen_subcommand_from unpack" -l max-size -d 'Refuse an image whose layers are larger than this without compression [default: 16G]' -r
complete -c jail -n "__fish_jail_using_subcommand image; and __fish_seen_subcommand_from unpack" -l max-files -d 'Refuse an image with more files than this [default: 1000000]' -r
complete -c jail -n "__fish_jail_using_subcommand image; and __fish_seen_subcommand_from unpack" -l max-ratio -d 'Refuse a layer over 100M that grows more than so many times when it is decompressed [default: 1000]' -r
complete -c jail -n "__fish_jail_using_subcommand image; and __fish_seen_subcommand_from unpack" -l json -d 'Print JSON: the image, and what was done for each layer'
complete -c jail -n "__fish_jail_using_subcommand image; and __fish_seen_subcommand_from unpack" -s q -l quiet -d 'Print errors only, and no progress'
complete -c jail -n "__fish_jail_using_subcommand image; and __fish_seen_subcommand_from unpack" -l insecure -d 'Take plain HTTP, and certificates that cannot be verified'
complete -c jail -n "__fish_jail_using_subcommand image; and __fish_seen_subcommand_from unpack" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c jail -n "__fish_jail_using_subcommand image; and __fish_seen_subcommand_from remove" -l platform -d 'Only those for this platform: OS/ARCHITECTURE[/VARIANT]' -r
complete -c jail -n "__fish_jail_using_subcommand image; and __fish_seen_subcommand_from remove" -l json -d 'Print JSON: what was removed'
complete -c jail -n "__fish_jail_using_subcommand image; and __fish_seen_subcommand_from remove" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c jail -n "__fish_jail_using_subcommand image; and __fish_seen_subcommand_from prune" -l json -d 'Print JSON'
complete -c jail -n "__fish_jail_using_subcommand image; and __fish_seen_subcommand_from prune" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c jail -n "__fish_jail_using_subcommand image; and __fish_seen_subcommand_from df" -l json -d 'Print JSON'
complete -c jail -n "__fish_jail_using_subcommand image; and __fish_seen_subcommand_from df" -s h -l help -d 'Print help'
complete -c jail -n "__fish_jail_using_subcommand image; and __fish_seen_subcommand_from verify" -l platform -d 'The ones for this platform: OS/ARCHITECTURE[/VARIANT]' -r
complete -c jail -n "__fish_jail_using_subcommand image; and __fish_seen_subcommand_from verify" -l repair -d 'Remove what is damaged, and the names that lead to it, so that it can be pulled again'
complete -c jail -n "__fish_jail_using_subcommand image; and __fish_seen_subcommand_from verify" -l json -d 'Print JSON'
complete -c jail -n "__fish_jail_using_subcommand image; and __fish_seen_subcommand_from verify" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c jail -n "__fish_jail_using_subcommand doctor" -s P -l profile -d 'Use this profile; several are merged from left to right' -r -F -a "(__fish_jail_profiles)"
complete -c jail -n "__fish_jail_using_subcommand doctor" -l read -d 'Grant a file or directory for reading and executing' -r -F
complete -c jail -n "__fish_jail_using_subcommand doctor" -l write -d 'Grant a file or directory for reading and writing' -r -F
complete -c jail -n "__fish_jail_using_subcommand doctor" -l overlay -d 'Let the command write to a directory, and throw the writes away' -r -F
complete -c jail -n "__fish_jail_using_subcommand doctor" -l mask -d 'Make a file or directory unreadable, also below a granted one' -r -F
complete -c jail -n "__fish_jail_using_subcommand doctor" -l tmpfs -d 'Put an empty file system in memory at PATH[:size=SIZE]' -r -F
complete -c jail -n "__fish_jail_using_subcommand doctor" -l bind -d 'Show FROM of the host at TO inside, as FROM:TO[:ro|rw]; read-only unless said' -r -F
complete -c jail -n "__fish_jail_using_subcommand doctor" -s v -l volume -d 'The same with podman\'s meaning, as FROM:TO[:ro|rw]; writable unless said' -r -F
complete -c jail -n "__fish_jail_using_subcommand doctor" -l device -d 'Grant a device node of the host' -r -F
complete -c jail -n "__fish_jail_using_subcommand doctor" -l root -d 'Start from this root: host, empty, image:NAME, or a directory' -r -f -a "(__fish_complete_directories)"
complete -c jail -n "__fish_jail_using_subcommand doctor" -l root-mode -d 'Say what happens to writes outside of what is granted' -r -f -a "read-only\t''
overlay\t''
write\t''"
complete -c jail -n "__fish_jail_using_subcommand doctor" -l image -d 'Start from an image, as `--root image:NAME`' -r -F -a "(__fish_jail_images)"
complete -c jail -n "__fish_jail_using_subcommand doctor" -l pull -d 'Fetch the image when it is missing (unless said), always, or never' -r -f -a "missing\t''
always\t''
never\t''"
complete -c jail -n "__fish_jail_using_subcommand doctor" -l platform -d 'Take the image for this platform, such as linux/arm64' -r
complete -c jail -n "__fish_jail_using_subcommand doctor" -l keep -d 'Keep what the command changes in the image, for the next run with this name' -r
complete -c jail -n "__fish_jail_using_subcommand doctor" -l network -d 'Choose the network that the command has' -r -f -a "none\t''
host\t''
nat\t''"
complete -c jail -n "__fish_jail_using_subcommand doctor" -l allow -d 'Reach this destination, as example.org:443, *.example.org or 192.0.2.0/24:5432' -r
complete -c jail -n "__fish_jail_using_subcommand doctor" -s p -l publish -d 'Have a port of this machine lead to one inside' -r
complete -c jail -n "__fish_jail_using_subcommand doctor" -l host-loopback -d 'Let the command reach what listens on this machine\'s loopback interface: off, unless said' -r -f -a "on\t''
off\t''"
complete -c jail -n "__fish_jail_using_subcommand doctor" -l add-host -d 'Name an address in /etc/hosts' -r
complete -c jail -n "__fish_jail_using_subcommand doctor" -l dns -d 'Ask this server for names' -r
complete -c jail -n "__fish_jail_using_subcommand doctor" -s e -l env -d 'Set a variable; without `=VALUE`, keep the caller\'s' -r
complete -c jail -n "__fish_jail_using_subcommand doctor" -l env-file -d 'Set variables from a file of lines NAME=VALUE' -r -F
complete -c jail -n "__fish_jail_using_subcommand doctor" -s w -l workdir -d 'Start the command in this directory' -r -f -a "(__fish_complete_directories)"
complete -c jail -n "__fish_jail_using_subcommand doctor" -s u -l user -d 'Run the command as: keep, root, or UID:GID' -r
complete -c jail -n "__fish_jail_using_subcommand doctor" -l entrypoint -d 'Put this program before the command, in the place of the image\'s; \'\' is nothing' -r
complete -c jail -n "__fish_jail_using_subcommand doctor" -l ids -d 'Choose which ids exist inside' -r -f -a "single\t''
subuid\t''
auto\t''"
complete -c jail -n "__fish_jail_using_subcommand doctor" -l hostname -d 'Name the machine inside; without this it is called `jail`' -r
complete -c jail -n "__fish_jail_using_subcommand doctor" -l tty -d 'Choose the terminal that the command has' -r -f -a "auto\t''
inherit\t''
none\t''"
complete -c jail -n "__fish_jail_using_subcommand doctor" -l umask -d 'Set the umask, in octal, such as 022' -r
complete -c jail -n "__fish_jail_using_subcommand doctor" -l preserve-fd -d 'Keep these file descriptors open, beyond 0, 1 and 2' -r
complete -c jail -n "__fish_jail_using_subcommand doctor" -l seccomp -d 'Filter system calls by a policy: default, strict, off, or a file' -r -F
complete -c jail -n "__fish_jail_using_subcommand doctor" -l seccomp-allow -d 'Allow a system call, or a group of them such as @debug' -r
complete -c jail -n "__fish_jail_using_subcommand doctor" -l seccomp-deny -d 'Refuse a system call, or a group of them; stronger than `--seccomp-allow`' -r
complete -c jail -n "__fish_jail_using_subcommand doctor" -l landlock -d 'Have the kernel check every file access by Landlock as well: on, unless said' -r -f -a "on\t''
off\t''"
complete -c jail -n "__fish_jail_using_subcommand doctor" -l nesting -d 'Let the command make namespaces of its own, as sandboxes do: off, unless said' -r -f -a "on\t''
off\t''"
complete -c jail -n "__fish_jail_using_subcommand doctor" -l cap-add -d 'Keep a capability (a part of root\'s power), such as NET_BIND_SERVICE' -r
complete -c jail -n "__fish_jail_using_subcommand doctor" -l degrade -d 'Go on without this protection where this machine lacks it' -r -f -a "landlock\t''
limits\t''
overlay\t''
namespaces\t''
nested-rules\t''"
complete -c jail -n "__fish_jail_using_subcommand doctor" -s m -l memory -d 'Cap the memory of all processes together, such as 512M' -r
complete -c jail -n "__fish_jail_using_subcommand doctor" -l swap -d 'Cap the swap of all processes together; 0B is none' -r
complete -c jail -n "__fish_jail_using_subcommand doctor" -l memory-swap -d 'Cap memory and swap together, as podman counts it; -1 is no limit of swap' -r
complete -c jail -n "__fish_jail_using_subcommand doctor" -l cpus -d 'Cap the share of processors, such as 1.5 or 150%' -r
complete -c jail -n "__fish_jail_using_subcommand doctor" -l cpuset -l cpuset-cpus -d 'Use these processors only, such as 0-3,5' -r
complete -c jail -n "__fish_jail_using_subcommand doctor" -l pids -l pids-limit -d 'Cap the number of processes and threads; -1 and 0 are no limit' -r
complete -c jail -n "__fish_jail_using_subcommand doctor" -l io -d 'Slow down the block device of a path, as PATH:read=10M[,write=5M]' -r -F
complete -c jail -n "__fish_jail_using_subcommand doctor" -l hugepages -d 'Let the command use pages of hugetlbfs, which no memory limit counts: on, unless said' -r -f -a "on\t''
off\t''"
complete -c jail -n "__fish_jail_using_subcommand doctor" -l time -l timeout -d 'End the command after this time, such as 90s or 1h30m, with exit status 124' -r
complete -c jail -n "__fish_jail_using_subcommand doctor" -l time-grace -d 'Wait so long from SIGTERM to SIGKILL: 10s, unless said' -r
complete -c jail -n "__fish_jail_using_subcommand doctor" -l nice -d 'Set the niceness, from 0 to 19, which gives way to all others' -r
complete -c jail -n "__fish_jail_using_subcommand doctor" -l ulimit -d 'Set a limit of each process, as NAME=SOFT[:HARD]' -r
complete -c jail -n "__fish_jail_using_subcommand doctor" -l read-only -d 'Make the root read-only, as `--root-mode read-only`'
complete -c jail -n "__fish_jail_using_subcommand doctor" -l all -d 'List what these options do not need as well'
complete -c jail -n "__fish_jail_using_subcommand doctor" -l json -d 'Print the findings as JSON; docs/doctor.md has every key'
complete -c jail -n "__fish_jail_using_subcommand doctor" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c jail -n "__fish_jail_using_subcommand completions" -s h -l help -d 'Print help'
complete -c jail -n "__fish_jail_using_subcommand help" -s h -l help -d 'Print help (see more with \'--help\')'

# Names come from the `jail` in PATH, never from what the word on the line names: ./jail may be anything.
function __fish_jail_profiles
    command -q jail
    and command jail profile list --names 2>/dev/null </dev/null
end

function __fish_jail_images
    command -q jail
    and command jail image list --names 2>/dev/null </dev/null
end

# Prints the number of the word with which the command begins, or would begin.
function __fish_jail_command_at
    set -l words (commandline -opc)
    contains -- "$words[2]" run plan
    or return 1
    set -l i 3
    while test $i -le (count $words)
        if test "$words[$i]" = --
            set i (math $i + 1)
            break
        else if contains -- $words[$i] --add-host --allow --bind --cap-add --cpus --cpuset --cpuset-cpus --degrade --device --dns --entrypoint --env --env-file --host-loopback --hostname --hugepages --ids --image --io --keep --landlock --mask --memory --memory-swap --nesting --network --nice --overlay --pids --pids-limit --platform --preserve-fd --profile --publish --pull --read --report --root --root-mode --seccomp --seccomp-allow --seccomp-deny --swap --time --time-grace --timeout --tmpfs --tty --ulimit --umask --user --volume --workdir --write
            or string match -qr -- '^-[a-zA-Z]*[Pempuvw]$' $words[$i]
            set i (math $i + 2)
        else if string match -q -- '-*' $words[$i]
            set i (math $i + 1)
        else
            break
        end
    end
    echo $i
end

# Whether an option of `run` or `plan` may stand here.
function __fish_jail_options
    __fish_jail_using_subcommand $argv
    or return 1
    set -l words (commandline -opc)
    set -l at (__fish_jail_command_at)
    test $at -gt (count $words)
    and not contains -- -- $words[3..-1]
end

# Whether this is the command or one of its arguments.
function __fish_jail_inside
    set -l at (__fish_jail_command_at)
    or return 1
    set -l words (commandline -opc)
    test $at -le (count $words)
    and return 0
    test $at -eq (math (count $words) + 1)
    or return 1
    contains -- -- $words[3..-1]
    or not string match -q -- '-*' (commandline -ct)
end

# What completes the command without jail.
function __fish_jail_command
    set -l words (commandline -opc)
    set -l at (__fish_jail_command_at)
    set -l typed
    if test $at -le (count $words)
        set typed (string escape -- $words[$at..-1])
    end
    set -l line (string join -- ' ' $typed (commandline -ct))
    complete --do-complete="$line"
end

complete -c jail -n __fish_jail_inside -x -a "(__fish_jail_command)"
complete -c jail -n "__fish_jail_using_subcommand check" -a "(__fish_jail_profiles)"
complete -c jail -n "__fish_jail_using_subcommand profile; and __fish_seen_subcommand_from show diff" -a "(__fish_jail_profiles)"
complete -c jail -n "__fish_jail_using_subcommand image; and __fish_seen_subcommand_from inspect pull remove unpack verify" -a "(__fish_jail_images)"
complete -c jail -n "__fish_jail_using_subcommand help" -f -a "run plan check profile trust image doctor completions help profile-format which-profile project paths degrade filesystem network limits env process seccomp landlock capabilities environment exit-status images report refusals recipes threat-model"
complete -c jail -n "__fish_jail_using_subcommand completions" -f -a "bash elvish fish powershell zsh"

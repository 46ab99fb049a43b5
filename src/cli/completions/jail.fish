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
        else if contains -- $words[$i] @LONG@
            or string match -qr -- '^-[a-zA-Z]*[@SHORT@]$' $words[$i]
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
complete -c jail -n "__fish_jail_using_subcommand image; and __fish_seen_subcommand_from inspect pull remove unpack verify" -a "(__fish_jail_images)"
complete -c jail -n "__fish_jail_using_subcommand help" -f -a "@SUBJECTS@"
complete -c jail -n "__fish_jail_using_subcommand completions" -f -a "bash elvish fish powershell zsh"

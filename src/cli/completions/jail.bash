# What stands before this line is made from the descriptions of options.

# Names come from the `jail` in PATH, never from what the word on the line names: ./jail may be anything.
_jail_names() {
    case "$1" in
        profiles) command jail profile list --names ;;
        images) command jail image list --names ;;
    esac 2>/dev/null </dev/null
}

# Splits the line up to the cursor into words, as a shell does but for quotes: bash itself breaks them at
# `=` and `:` as well. `starts` has the number of the first piece of each word.
_jail_words() {
    local rest=$COMP_LINE i piece
    words=() starts=()
    for ((i = 0; i <= COMP_CWORD; i++)); do
        piece=${COMP_WORDS[i]}
        if ((i == COMP_CWORD)) && [[ $piece != [=:]* ]]; then
            piece=$1
        fi
        if ((i > 0)) && [[ $rest == "${COMP_WORDS[i]}"* && -n ${COMP_WORDS[i]} ]]; then
            words[${#words[@]} - 1]+=$piece
        else
            words+=("$piece")
            starts+=("$i")
            rest=${rest#"${rest%%[![:blank:]]*}"}
        fi
        rest=${rest#"${COMP_WORDS[i]}"}
    done
}

# The number of the word with which the command begins; where its options go on, nothing.
_jail_command_at() {
    local i
    for ((i = 2; i < ${#words[@]}; i++)); do
        case "${words[i]}" in
            --) ((i + 1 < ${#words[@]})) && echo $((i + 1)); return ;;
            --*=*) ;;
            @LONG_IN_CASE@) ((i++)) ;;
            --*) ;;
            -*) [[ ${words[i]} =~ ^-[a-zA-Z]*[@SHORT@]$ ]] && ((i++)) ;;
            *) echo "$i"; return ;;
        esac
    done
}

# Completes the command that is run inside, by what completes it without jail.
_jail_inside() {
    local at=$1 last=$((${#words[@]} - 1))
    if ((at == last)); then
        # Directories lead to programs.
        mapfile -t COMPREPLY < <(compgen -c -- "$cur"; [[ $cur == */* ]] && compgen -d -S / -- "$cur")
        [[ ${COMPREPLY[0]} == */ ]] && compopt -o nospace
    elif declare -F _comp_command_offset >/dev/null; then
        _comp_command_offset "${starts[at]}"
    elif declare -F _command_offset >/dev/null; then
        _command_offset "${starts[at]}"
    else
        # File names, by `-o default`.
        COMPREPLY=()
    fi
}

# Offers names, and the files that begin so.
_jail_offer() {
    local value=$1 kind=$2 name
    # Bash replaces what stands behind the last `=` or `:` alone.
    local kept=${value%"$cur"}
    COMPREPLY=()
    while IFS= read -r name; do
        [[ $name == "$value"* ]] && COMPREPLY+=("${name#"$kept"}")
    done < <(_jail_names "$kind"; compgen -f -- "$value")
    # As file names they are quoted where they need it.
    compopt -o filenames
}

_jail_with_names() {
    local cur=$2 words starts at last before
    [[ $cur == [=:] ]] && cur=
    _jail_words "$cur"
    last=${words[${#words[@]} - 1]} before=
    ((${#words[@]} > 1)) && before=${words[${#words[@]} - 2]}
    if [[ ${words[1]} == run || ${words[1]} == plan ]]; then
        at=$(_jail_command_at)
        if [[ -n $at && ${words[at]} != -* ]] || [[ -n $at && ${words[at - 1]} == -- ]]; then
            _jail_inside "$at"
            return
        fi
        case "$before" in
            -P | --profile) _jail_offer "$last" profiles; return ;;
            --image) _jail_offer "$last" images; return ;;
        esac
        case "$last" in
            --profile=*) _jail_offer "${last#*=}" profiles; return ;;
            --image=*) _jail_offer "${last#*=}" images; return ;;
        esac
    elif [[ ${words[1]} == check && $last != -* ]]; then
        _jail_offer "$last" profiles
        return
    elif [[ ${words[1]} == image && ${#words[@]} -gt 3 && $last != -* ]]; then
        case "${words[2]}" in
            inspect | pull | remove | unpack | verify) _jail_offer "$last" images; return ;;
        esac
    fi
    _jail "$@"
}

complete -F _jail_with_names -o nosort -o bashdefault -o default jail

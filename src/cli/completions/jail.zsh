# Names come from the `jail` in PATH, never from what the word on the line names: ./jail may be anything.
(( $+functions[_jail_profiles] )) ||
_jail_profiles() {
    local -a names expl
    names=(${(f)"$(command jail profile list --names 2>/dev/null </dev/null)"})
    _wanted profiles expl profile compadd -a names
    _files
}
(( $+functions[_jail_images] )) ||
_jail_images() {
    local -a names expl
    names=(${(f)"$(command jail image list --names 2>/dev/null </dev/null)"})
    _wanted images expl image compadd -a names
    _files
}

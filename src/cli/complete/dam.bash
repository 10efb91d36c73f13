
# Fields and values of queries: `dam find per` becomes `dam find persona=`.
_dam_queries() {
    local line="${COMP_LINE:0:COMP_POINT}" word before reply
    local -a words
    read -ra words <<<"$line"
    [[ "$line" == *[[:space:]] ]] && words+=("")
    word="${words[${#words[@]} - 1]}"
    # bash cuts words at these and replaces what is behind the last one, but not within quotes.
    before=""
    [[ "$word" == [\'\"]* ]] || before="${word%"${word##*[=:]}"}"
    COMPREPLY=()
    while IFS= read -r reply; do
        COMPREPLY+=("${reply#"$before"}")
    done < <("${words[0]}" __complete -- "${words[@]}" 2>/dev/null)
    if [[ ${#COMPREPLY[@]} -eq 0 ]]; then
        _dam "$@"
    else
        compopt -o nospace 2>/dev/null
    fi
}
complete -F _dam_queries -o nosort -o bashdefault -o default dam

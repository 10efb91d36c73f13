
# Fields and values of queries.
_dam_queries() {
    local -a replies
    replies=("${(@f)$("${words[1]}" __complete -- "${(@)words[1,CURRENT]}" 2>/dev/null)}")
    replies=("${(@)replies:#}")
    if (( ${#replies} )); then
        compadd -Q -U -S '' -a replies
    else
        _dam "$@"
    fi
}
if (( $+functions[compdef] )); then
    compdef _dam_queries dam
fi

#!/usr/bin/env bash
# What can be said about the code without running it: format, lints, layering, licences, shell.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
cd "$ROOT"
need_cargo
! is_root || need_packages "${APT_BUILD[@]}" "${APT_CHECK[@]}"

failed=()
step() {
    local name=$1 begun=$SECONDS
    shift
    say "== $name"
    if "$@"; then
        say "   $name: fine ($((SECONDS - begun)) s)"
    else
        failed+=("$name")
        say "   $name: FAILED ($((SECONDS - begun)) s)"
    fi
}

# Every crate's licence must be one of deny.toml's, or an expression that those satisfy.
licences() {
    if cargo deny --version >/dev/null 2>&1; then
        cargo deny --locked check licenses bans sources
        return
    fi
    local allowed read_files
    # Crates that name a licence file: those that deny.toml lists as exceptions, because somebody read the file.
    read_files=$(sed -n '/^exceptions *=/,/^\]/p' deny.toml | sed -n 's/.*crate *= *"\([^"]*\)".*/\1/p')
    allowed=$(sed -n '/^allow *= *\[/,/\]/p' deny.toml | grep -o '"[^"]*"' | tr -d '"')
    [ -n "$allowed" ] || die "deny.toml allows no licence"
    cargo tree --locked --workspace --all-features --edges normal,build,dev --prefix none --no-dedupe \
        --format '{p}|{l}' | sort -u | awk -F'|' -v list="$allowed" -v read_files="$read_files" '
        # Reads an SPDX expression from t[at..]: terms joined by OR, factors by AND; "/" is an old way to write OR.
        function one(    ok) {
            if (t[at] == "(") { at++; ok = any(); at++; return ok }
            ok = t[at] in good
            if (t[at + 1] == "WITH") { ok = (t[at] " WITH " t[at + 2]) in good; at += 2 }
            at++
            return ok
        }
        function all(    ok, next_ok) { ok = one(); while (t[at] == "AND") { at++; next_ok = one(); ok = ok && next_ok } return ok }
        function any(    ok, next_ok) { ok = all(); while (t[at] == "OR") { at++; next_ok = all(); ok = ok || next_ok } return ok }
        BEGIN { n = split(list, names, "\n"); for (i = 1; i <= n; i++) good[names[i]]
                n = split(read_files, names, "\n"); for (i = 1; i <= n; i++) known[names[i]] }
        $1 == "" { next }
        {
            split($1, crate, " ")
            if ($2 == "" && crate[1] in known) next
            text = $2
            gsub(/\//, " OR ", text); gsub(/\(/, " ( ", text); gsub(/\)/, " ) ", text)
            sub(/^ +/, "", text)
            delete t
            split(text, t, / +/)
            at = 1
            if (text == "" || !any()) { print "   licence not allowed: " $1 ": " ($2 == "" ? "none given" : $2); bad = 1 }
        }
        END { if (NR == 0) { print "   no crates were listed"; bad = 1 } exit bad }'
}

shell() {
    if ! have shellcheck; then
        say "   (shellcheck is not installed; only the syntax is checked)"
        local script
        for script in scripts/*.sh scripts/*/*.sh .ci/run; do bash -n "$script" || return 1; done
        return
    fi
    shellcheck -x scripts/*.sh scripts/*/*.sh .ci/run
}

documentation() { RUSTDOCFLAGS="-D warnings" cargo doc --quiet --locked --workspace --no-deps; }

step format cargo fmt --all --check
step shell shell
step licences licences
step lints cargo clippy --quiet --workspace --all-targets --locked -- -D warnings
step lints-c2pa cargo clippy --quiet --package damfs --package damfs-mountd --features c2pa --all-targets --locked -- -D warnings
step layering cargo test --quiet --locked --test layering
step documentation documentation

[ "${#failed[@]}" -eq 0 ] || die "failed: ${failed[*]}"
say "all checks are fine"

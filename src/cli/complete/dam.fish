
# Fields and values of queries.
complete -c dam -n "test -n (dam __complete -- (commandline -opc) (commandline -ct) | string collect)" -f -a "(dam __complete -- (commandline -opc) (commandline -ct))"

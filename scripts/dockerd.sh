# shellcheck shell=bash
# For the scripts that start a dockerd: sourced, never run. They set
#   NAME      what their messages begin with
#   SOCKET    where the engine listens
#   LOG       the daemon's own words
#   DEADLINE  seconds until it has to answer

# Labs use no Docker network, so this host's own network is left as it is.
readonly -a WITHOUT_NETWORK=(--bridge=none --iptables=false --ip6tables=false --ip-forward=false --ip-masq=false)

say() { printf '%s: %s\n' "$NAME" "$*"; }

give_up() {
    printf '%s: %s\n' "$NAME" "$1" >&2
    shift
    for line in "$@"; do printf '  %s\n' "$line" >&2; done
    exit 3
}

# Prints the engine's version, or fails with the client's complaint on stderr.
answer() {
    if command -v docker >/dev/null; then
        # "docker version" exits 0 and prints nothing on some failures: ask for the text.
        local version
        version=$(timeout 10 docker version --format '{{.Server.Version}}') && [ -n "$version" ] &&
            printf '%s\n' "$version"
    elif [ ! -S "$SOCKET" ]; then
        echo "no socket at $SOCKET" >&2
        return 1
    elif command -v curl >/dev/null; then
        curl -sSf -m 10 --unix-socket "$SOCKET" http://localhost/version |
            sed -n 's/.*"Version":"\([^"]*\)","ApiVersion.*/\1/p' | grep .
    else
        # Debian 13 has the client in a package of its own, and the kit does not need it.
        python3 -c "
import http.client, json, socket
connection = http.client.HTTPConnection('localhost')
connection.sock = socket.socket(socket.AF_UNIX)
connection.sock.settimeout(10)
connection.sock.connect('$SOCKET')
connection.request('GET', '/version')
print(json.load(connection.getresponse())['Version'])
"
    fi
}

# Each machine of a lab holds three; the usual limit of 128 is for all of them together.
raise_inotify() {
    local limit=/proc/sys/fs/inotify/max_user_instances
    if [ "$(cat $limit)" -lt 1024 ] && echo 1024 2>/dev/null >$limit; then
        say "fs.inotify.max_user_instances raised to 1024, until this machine is rebooted"
    fi
}

# Starts a daemon that outlives this script, and waits until its engine answers.
# Arguments: its command. What else to do if it does not, line by line: stdin.
run_daemon() {
    say "starting dockerd (log: $LOG)"
    mkdir -p "$(dirname "$LOG")"
    local -a advice
    mapfile -t advice
    (
        # Nothing of the caller is kept open, so that whoever waits for our output is not kept waiting.
        for fd in /proc/self/fd/*; do
            fd=${fd##*/}
            [ "$fd" -gt 2 ] && eval "exec $fd>&-" 2>/dev/null
        done
        cd /
        exec setsid "$@" </dev/null >>"$LOG" 2>&1
    ) &
    local daemon=$!
    disown "$daemon"
    local until=$((SECONDS + DEADLINE))
    until answer >/dev/null 2>&1; do
        local trouble=
        kill -0 "$daemon" 2>/dev/null || trouble="dockerd ended at once"
        [ $SECONDS -lt $until ] || trouble="dockerd did not answer within $DEADLINE s"
        if [ -n "$trouble" ]; then
            tail -n 15 "$LOG" >&2
            give_up "$trouble; its last words are above" "the whole log:  less $LOG" "${advice[@]}"
        fi
        sleep 0.1
    done
}

# shellcheck shell=bash
# Sourced by the member scripts: how they speak to this member and to its peers.

member_socket=/run/redis.sock
# shellcheck disable=SC2034
member_nodes=/var/lib/dujyo/nodes.conf

# password_of USER   Of an ACL user that members have the password of.
password_of() {
  cat "/etc/dujyo/secrets/redis-$1"
}

# ask_as USER COMMAND...   This member; one line per command. The password goes in by standard input, where no process list
# shows it.
ask_as() {
  local user=$1
  shift
  {
    printf 'AUTH %s "%s"\n' "$user" "$(password_of "$user")"
    printf '%s\n' "$@"
  } | timeout 4 redis-cli -s "$member_socket" 2>/dev/null | tr -d '\r' | tail -n +2
}

# ask_local COMMAND...   The same with what the members need of each other.
ask_local() {
  ask_as cluster "$@"
}

# ask_peer HOST PORT WORD...   One command, over TLS.
ask_peer() {
  local host=$1 port=$2
  shift 2
  password_of cluster | timeout 4 redis-cli -h "$host" -p "$port" --tls --cacert /etc/dujyo/tls/ca.crt \
    --user cluster --askpass --no-auth-warning "$@" 2>/dev/null | tr -d '\r'
}

# address_of NAME   The first address that the name has now; nothing if it has none. Bounded, since a resolver that does
# not know the name may ask others that never answer.
address_of() {
  timeout 1 getent ahosts "$1" | awk 'NR == 1 { print $1 }'
}

# shellcheck shell=bash
# Needs member.sh ($member_nodes).
# shellcheck disable=SC2154
# The cluster bus knows addresses only, and nodes.conf keeps those of the last run. Names outlive addresses: these
# functions bring the addresses of all members up to date by the names that stand beside them in nodes.conf.

# node_endpoints all|lost   From lines of the form of nodes.conf: "name address busport" of all nodes, or of those
# without a link. The data port is left out: over the local socket, which is no TLS, it reads 0.
node_endpoints() {
  awk -v only="$1" '
    length($1) == 40 && $2 ~ /,/ && (only == "all" || ($8 != "connected" && $3 !~ /handshake/)) {
      split($2, part, ",")
      at = part[1]
      bus = at; sub(/.*@/, "", bus)
      sub(/:[0-9]*@.*/, "", at)
      if (part[2] != "") print part[2], (at == "" ? "-" : at), bus
    }'
}

# Before the start: members that moved while this one was down get their new addresses in nodes.conf.
refresh_nodes_file() {
  [ -s "$member_nodes" ] || return 0
  local name old bus new moved=""
  while read -r name old bus; do
    new=$(address_of "$name")
    if [ -n "$new" ] && [ "$new" != "$old" ]; then
      echo "member-start: $name has moved from $old to $new"
      moved="$moved $name=$new"
    fi
  done < <(node_endpoints all <"$member_nodes")
  [ -n "$moved" ] || return 0

  # Line by line and by name, so that two members that have swapped their addresses are not mixed up.
  awk -v moved="$moved" '
    BEGIN { n = split(moved, pair, " "); for (i = 1; i <= n; i++) { split(pair[i], kv, "="); now[kv[1]] = kv[2] } }
    length($1) == 40 { split($2, part, ","); if (part[2] in now) sub(/^[^ ]+ [^,]*:/, $1 " " now[part[2]] ":") }
    { print }' "$member_nodes" >"$member_nodes.new"
  mv "$member_nodes.new" "$member_nodes"
}

# After the start: a peer whose new name was not known yet is met again by name. One side is enough, since a member
# that is met takes over the address it is called from. Bounded: whoever starts later finds this member by itself.
rejoin_moved_peers() {
  local deadline=$((SECONDS + 120)) nodes lost name old bus new
  while [ "$SECONDS" -lt "$deadline" ]; do
    nodes=$(ask_local 'CLUSTER NODES' || true)
    if [[ $nodes == *myself* ]]; then
      lost=$(node_endpoints lost <<<"$nodes")
      [ -n "$lost" ] || return 0
      while read -r name old bus; do
        new=$(address_of "$name")
        if [ -n "$new" ] && [ "$new" != "$old" ]; then
          echo "member-start: meeting $name again at $new"
          ask_local "CLUSTER MEET $new $((bus - 10000)) $bus" >/dev/null
        fi
      done <<<"$lost"
    fi
    sleep 3
  done
}

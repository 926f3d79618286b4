# shellcheck shell=bash
# A primary that stops lets a replica take over first: the writes wait for some milliseconds instead of for an election.

# Longest wait for the replica; with shutdown-timeout it has to fit into the stop grace of the container.
hand_over_seconds=6

# Prints "address port" of the first replica that streams and was heard of within the last second.
synced_replica() {
  sed -n 's/^slave[0-9]*:ip=\([^,]*\),port=\([0-9]*\),state=online,offset=[0-9]*,lag=[01]\(,.*\)*$/\1 \2/p' <<<"$1" | head -n 1
}

hand_over() {
  local replication replica address port deadline
  replication=$(ask_local 'INFO replication' || true)
  [[ $replication == *role:master* ]] || return 0
  [[ $(ask_local 'CLUSTER NODES' || true) =~ myself,master\ [^$'\n']*connected\ [0-9] ]] || return 0

  replica=$(synced_replica "$replication")
  if [ -z "$replica" ]; then
    echo "member-start: no replica is in sync, stopping without a hand-over" >&2
    return 0
  fi
  read -r address port <<<"$replica"
  echo "member-start: handing over to the replica at $address:$port"
  if [ "$(ask_peer "$address" "$port" CLUSTER FAILOVER)" != OK ]; then
    echo "member-start: the replica did not accept the hand-over, stopping without it" >&2
    return 0
  fi

  deadline=$((SECONDS + hand_over_seconds))
  while [ "$SECONDS" -lt "$deadline" ]; do
    if [[ $(ask_local 'INFO replication' || true) == *role:slave* ]]; then
      echo "member-start: handed over"
      return 0
    fi
    sleep 0.1
  done
  echo "member-start: the replica did not take over within ${hand_over_seconds} s, stopping anyway" >&2
}

# shellcheck shell=bash
# turn.sh is what stories with TURN servers share. Source it after lib.sh; the server runs in one host of the story.

SECRET=relay-secret  # What the relay's passwords derive from, with the user's expiry and salt.

# credentials NAME [SECRET]: sets USER_NAME and PASSWORD as a portal issues them: base64, unpadded, of
# SHA-256("expiry:secret:salt"). NAME is the salt; names of the same salt are the same user.
credentials() {
  local expiry; expiry=$(($(date +%s) + 86400))
  [ -n "${EXPIRY:-}" ] || EXPIRY=$expiry
  USER_NAME=$EXPIRY:$1
  PASSWORD=$(printf %s "$EXPIRY:${2:-$SECRET}:$1" | openssl dgst -sha256 -binary | base64 | tr -d =)
}

# admit DATABASE SALT [SECRET]: coturn knows the user of `credentials SALT SECRET` in that database.
admit() {
  credentials "$2" "${3:-}"
  # It splits -u NAME:PASSWORD of its own command line at the first colon, so such names need a database.
  # And turnadmin leaves a file in /var/log, come what may.
  # shellcheck disable=SC2016
  unshare -m sh -c 'mount -t tmpfs none /var/log && exec turnadmin "$@"' sh \
    -a -b "$WORK/$1.db" -u "$USER_NAME" -r firezone -p "$PASSWORD" >/dev/null 2>&1 || fail "turnadmin does not take $USER_NAME"
}

# start_coturn NAME HOST DATABASE V4 V6 [OPTIONS]: returns once it listens on V4:3478 and V6:3478.
start_coturn() {
  local name=$1 where=$2 database=$3 four=$4 six=$5; shift 5
  start "$name" "$where" turnserver -n -v --no-tls --no-dtls --no-cli -L "$four" -L "$six" -E "$four" -E "$six" -p 3478 \
    -a -r firezone -b "$WORK/$database.db" -f --pidfile "$WORK/$name.pid" -l stdout --simple-log "$@"
  within 10 "coturn to listen" listens_on "$where" 3478 "$six"
  within 10 "coturn to listen" listens_on "$where" 3478 "$four"
}
listens_on() { host "$1" ss -Hlun "sport = :$2" | grep -qF "$3"; }

# start_relay NAME HOST V4 V6 [OPTIONS]: our own, which derives passwords as a portal does. The addresses of stories are
# documentation ranges, which are private to it.
start_relay() {
  local name=$1 where=$2 four=$3 six=$4; shift 4
  start "$name" "$where" "${RELAY_UNDER_TEST:-$REPOSITORY/build/bin/connlib-relay}" --standalone \
    --stamp-secret "$SECRET" --public-ip4-addr "$four" --public-ip6-addr "$six" --bind-ip4-addr "$four" \
    --bind-ip6-addr "$six" --health-check-addr "${HEALTH:-off}" --control-endpoint off --allow-private-peers --max-allocations 256 "$@"
  within 10 "the relay to listen" listens_on "$where" 3478 "$six"
  within 10 "the relay to listen" listens_on "$where" 3478 "$four"
}

# shellcheck shell=bash
# nat.sh is a small Internet for stories: two sites behind routers of their own, a server, and a segment between them.
# Source it after lib.sh, then:  sites; nat a cone; nat b symmetric; firewall6 a
#
#   a (10.1.0.2) ── na (203.0.113.21) ──┐
#                                       ├── net (bridge) ── srv (203.0.113.10)
#   b (10.2.0.2) ── nb (203.0.113.22) ──┘
#
# IPv6: the segment is 2001:db8:100::/64 (srv ::a, na ::15, nb ::16), the sites are 2001:db8:a::/64 and 2001:db8:b::/64,
# routed and not translated.

sites() {
  local name number=1 site
  need nft
  add_host net srv na nb a b
  # Where br_netfilter is loaded, bridged frames must not meet the routers' rules.
  host net sysctl -qw net.bridge.bridge-nf-call-iptables=0 net.bridge.bridge-nf-call-ip6tables=0 2>/dev/null || true
  ip -n "$(ns net)" link add br0 type bridge
  ip -n "$(ns net)" link set br0 up
  for name in srv na nb; do
    cable net "p-$name" "$name" wan
    ip -n "$(ns net)" link set "p-$name" master br0
  done
  address srv wan 203.0.113.10/24 2001:db8:100::a/64
  address na wan 203.0.113.21/24 2001:db8:100::15/64
  address nb wan 203.0.113.22/24 2001:db8:100::16/64
  for site in a b; do
    cable "n$site" lan "$site" eth0
    address "n$site" lan "10.$number.0.1/24" "2001:db8:$site::1/64"
    address "$site" eth0 "10.$number.0.2/24" "2001:db8:$site::2/64"
    host "n$site" sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
    default_routes "$site" "10.$number.0.1" "2001:db8:$site::1"
    number=$((number + 1))
  done
  # The segment's own address swallows what is not on it, private addresses above all, without a word: as the Internet
  # does. An error message would change what peers do.
  address net br0 203.0.113.1/24 2001:db8:100::1/64
  host net sysctl -qw net.ipv4.ip_forward=0
  for name in srv na nb; do
    default_routes "$name" 203.0.113.1 2001:db8:100::1
    [ "$name" = na ] || ip -n "$(ns "$name")" -6 route add 2001:db8:a::/64 via 2001:db8:100::15
    [ "$name" = nb ] || ip -n "$(ns "$name")" -6 route add 2001:db8:b::/64 via 2001:db8:100::16
  done
}
default_routes() {
  ip -n "$(ns "$1")" route add default via "$2"
  ip -n "$(ns "$1")" -6 route add default via "$3"
}

# nat SITE cone|symmetric: how the router of the site translates UDP (RFC 4787).
#   cone        one mapping for all destinations, the port kept when it is free; only those we talked to may answer
#   symmetric   a mapping of its own, with a random port, for each destination
nat() {
  local how=masquerade
  [ "$2" = cone ] || how="masquerade fully-random"
  # A router that merely tracks unsolicited packets to its own address takes the port that hole punching needs, and then
  # behaves symmetric: they are dropped.
  host "n$1" nft -f - <<RULES
table ip nat; delete table ip nat
table ip nat {
  chain own { type filter hook input priority filter
    iifname "wan" meta l4proto { tcp, udp } ct state new drop
  }
  chain outbound { type nat hook postrouting priority srcnat
    oifname "wan" $how
  }
}
RULES
}

# firewall6 SITE: only replies come in by IPv6 (RFC 6092).
firewall6() {
  host "n$1" nft -f - <<'RULES'
table ip6 firewall { chain forward { type filter hook forward priority filter; policy drop
  ct state established,related accept
  iifname "lan" accept
  meta l4proto ipv6-icmp accept
}
}
RULES
}

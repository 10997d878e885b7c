#pragma once

// What --help says beside the options.
namespace connlib::portald {

inline constexpr const char* kDescription =
    "Says who may reach what: keeps the actors, groups, sites, resources and policies of one\n"
    "account in one file, and hands out tokens for clients, gateways and relays.";

inline constexpr const char* kManual =
    R"(FIRST STEPS
  connlib-portal init --url https://portal.example.com
  connlib-portal token create gateway --site Default
  connlib-portal export >portal.toml
  connlib-portal serve

ENVIRONMENT
  CONNLIB_PORTAL_DB   as --db, which wins

FILES
  /var/lib/connlib/portal.db                       the store: SQLite, mode 0600. Beside it are
                                                   -wal and -shm; copy it with `backup` only
  /var/lib/connlib/portal.db.before-version-N-TIME a copy made before its schema was changed

EXIT STATUS
  0  done; check: allowed
  1  internal error
  2  wrong arguments, or a file that says something impossible
  3  no store there, one in the way, one that is locked, or one of a newer version
  4  serve: the address is taken or not of this host
  5  what was named does not exist
  6  check: denied

EXAMPLES
  connlib-portal apply --dry-run portal.toml && connlib-portal apply portal.toml
  connlib-portal check jane Wiki --from 192.0.2.1 --at 2026-09-21T08:00:00Z
  connlib-portal token create service-account --actor backup --expires 90d --json | jq -r .token)";

inline constexpr const char* kApplyManual =
    R"(FILE is TOML; - is standard input. A section that it has is complete: what it does not list is
removed, with all that refers to it. A section that it has not is left alone. Objects are the same
if they have the same name, policies if they join the same group and resource. All is done, or
nothing.

  [account]
  search_domain = "corp.example"
  upstream_do53 = ["10.0.0.53"]

  [[sites]]
  name = "HQ"

  [[actors]]
  name = "jane"                    # type: account_user, account_admin_user, service_account,
                                   # api_client
  [[groups]]
  name = "Staff"                   # "Everyone" is there already, and stays
  members = ["jane"]

  [[resources]]
  name = "Wiki"
  site = "HQ"
  type = "dns"                     # dns, cidr, ip, internet
  address = "wiki.corp.example"
  filters = ["tcp/443", "icmp"]    # tcp, udp, tcp/8000-8100; none: everything passes

  [[policies]]
  group = "Staff"
  resource = "Wiki"
  description = "Office hours"
  [policies.conditions]            # all must hold; what is not known meets none
  current_utc_datetime = ["M/08:00-12:00,13-17:30/Europe/Berlin", "S/true/UTC"]
  remote_ip = { in = ["192.0.2.0/24"] }        # or not_in; also auth_provider_id and
  client_verified = true                       # remote_ip_location_region

EXIT STATUS
  0 done   2 the file: FILE:LINE: KEY: why   3 the store)";

inline constexpr const char* kTokenManual =
    R"(Types of tokens, and of whom they are:
  client            --actor  a session of a user; 7 days, 90 at most
  service-account   --actor  of type service_account; a year
  gateway           --site   lets gateways in and adds them to the site; does not expire
  relay                      does not expire
  api               --actor  of type account_admin_user or api_client; a year

The token alone is printed on stdout, what is to be known of it on stderr; --json has both.
It is shown once: the store has a salted hash of it.)";

inline constexpr const char* kServeManual =
    R"(Clients, gateways and relays are not served yet: it has the API for administrators and programs.
Without TLS it listens on loopback only; a proxy there says for whom it asks in X-Forwarded-For.

PATHS
  /api/v1/sign-in        POST {"actor": "admin", "password": "...", "new_password": "..."} gives a
                         token for eight hours; the password that init made needs new_password
  /api/v1/...            the objects; Authorization: Bearer TOKEN
  /api/v1/openapi.json   describes them, OpenAPI 3.1
  /healthz               200 while the process lives
  /readyz                200 while it can serve, else 503; the body says why not
  /metrics               Prometheus' text format, names begin with connlib_portal_

SIGNALS
  SIGTERM, SIGINT   stop; what was acknowledged is on the disk

It tells systemd when it is ready (Type=notify).

EXIT STATUS
  0 stopped   2 usage   3 no store   4 the address is taken or not of this host)";

inline constexpr const char* kCheckManual =
    R"(Decides as the portal does when a client asks for access, and says why. What the options do not
tell is not known, and meets no condition.

EXIT STATUS
  0 allowed   6 denied   5 no such actor or resource   2 usage   3 no store)";

}  // namespace connlib::portald

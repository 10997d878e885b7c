// One ICE agent (libnice) that signals through two files of plain lines, like connlib-ice-agent.
#include <nice/agent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
static GMainLoop* loop;
static NiceAgent* a;
static guint s;
static int ctl, n;
static const char *mine, *theirs;
static void snd(const char* b) { nice_agent_send(a, s, 1, strlen(b), b); }
static gboolean quit(gpointer p) {
  g_main_loop_quit(loop);
  return FALSE;
}
static gboolean first(gpointer p) {
  snd("ping0");
  return FALSE;
}
static void on_recv(NiceAgent* ag, guint st, guint c, guint len, gchar* buf, gpointer d) {
  char t[64];
  snprintf(t, sizeof t, "%.*s", (int)(len < 60 ? len : 60), buf);
  if (!ctl) {
    if (!strncmp(t, "bye", 3)) {
      printf("echoed %d\n", n);
      fflush(stdout);
      g_timeout_add(300, quit, NULL);
      return;
    }
    n++;
    t[1] = 'o';
    snd(t);
  } else {
    n++;
    if (n < 20) {
      char p[16];
      snprintf(p, sizeof p, "ping%d", n);
      snd(p);
    } else {
      snd("bye");
      printf("echoed %d\n", n);
      fflush(stdout);
      g_timeout_add(300, quit, NULL);
    }
  }
}
static gboolean poll_peer(gpointer p) {
  FILE* f = fopen(theirs, "r");
  if (!f) return TRUE;
  char l[512], u[300] = "", pw[300] = "";
  GSList* cs = NULL;
  while (fgets(l, sizeof l, f)) {
    l[strcspn(l, "\r\n")] = 0;
    if (!strncmp(l, "ice-ufrag:", 10))
      strcpy(u, l + 10);
    else if (!strncmp(l, "ice-pwd:", 8))
      strcpy(pw, l + 8);
    else if (!strncmp(l, "candidate:", 10)) {
      char t[600];
      snprintf(t, sizeof t, "a=%s", l);
      NiceCandidate* c = nice_agent_parse_remote_candidate_sdp(a, s, t);
      if (c)
        cs = g_slist_append(cs, c);
      else
        fprintf(stderr, "bad %s\n", l);
    }
  }
  fclose(f);
  nice_agent_set_remote_credentials(a, s, u, pw);
  nice_agent_set_remote_candidates(a, s, 1, cs);
  nice_agent_peer_candidate_gathering_done(a, s);
  return FALSE;
}
static void gathered(NiceAgent* ag, guint st, gpointer d) {
  gchar *u, *p;
  nice_agent_get_local_credentials(a, s, &u, &p);
  char t[500];
  snprintf(t, sizeof t, "%s.tmp", mine);
  FILE* f = fopen(t, "w");
  fprintf(f, "ice-ufrag:%s\nice-pwd:%s\n", u, p);
  for (GSList* i = nice_agent_get_local_candidates(a, s, 1); i; i = i->next) {
    gchar* x = nice_agent_generate_local_candidate_sdp(a, i->data);
    fprintf(f, "%s\n", x + 2);
  }
  fprintf(f, "end-of-candidates\n");
  fclose(f);
  rename(t, mine);
  g_timeout_add(50, poll_peer, NULL);
}
static void changed(NiceAgent* ag, guint st, guint c, guint state, gpointer d) {
  static int started;
  printf("state %s\n", nice_component_state_to_string(state));
  fflush(stdout);
  if (state == NICE_COMPONENT_STATE_READY && !started) {
    NiceCandidate *l, *r;
    started = 1;
    if (nice_agent_get_selected_pair(a, s, 1, &l, &r)) {
      char x[64], y[64];
      nice_address_to_string(&l->addr, x);
      nice_address_to_string(&r->addr, y);
      printf("pair %d %s:%u -> %d %s:%u\n", l->type, x, nice_address_get_port(&l->addr), r->type, y,
             nice_address_get_port(&r->addr));
      fflush(stdout);
    }
    if (ctl) g_timeout_add(200, first, NULL);
  }
  if (state == NICE_COMPONENT_STATE_FAILED) g_main_loop_quit(loop);
}
int main(int c, char** v) {
  const char *stun = 0, *turn = 0, *us = 0, *pw = 0;
  int relay = 0;
  ctl = !strcmp(v[1], "controlling");
  mine = v[2];
  theirs = v[3];
  for (int i = 4; i < c; i++) {
    if (!strcmp(v[i], "--stun"))
      stun = v[++i];
    else if (!strcmp(v[i], "--turn"))
      turn = v[++i];
    else if (!strcmp(v[i], "--user"))
      us = v[++i];
    else if (!strcmp(v[i], "--pw"))
      pw = v[++i];
    else if (!strcmp(v[i], "--relay-only"))
      relay = 1;
  }
  loop = g_main_loop_new(NULL, FALSE);
  a = nice_agent_new_full(
      g_main_loop_get_context(loop), NICE_COMPATIBILITY_RFC5245,
      NICE_AGENT_OPTION_CONSENT_FRESHNESS | NICE_AGENT_OPTION_REGULAR_NOMINATION);
  g_object_set(a, "controlling-mode", ctl, "ice-tcp", FALSE, "upnp", FALSE, "force-relay", relay,
               NULL);
  if (stun) {
    char h[64];
    strcpy(h, stun);
    char* q = strrchr(h, ':');
    *q = 0;
    g_object_set(a, "stun-server", h, "stun-server-port", atoi(q + 1), NULL);
  }
  s = nice_agent_add_stream(a, 1);
  if (turn) {
    char h[64];
    strcpy(h, turn);
    char* q = strrchr(h, ':');
    *q = 0;
    nice_agent_set_relay_info(a, s, 1, h, atoi(q + 1), us, pw, NICE_RELAY_TYPE_TURN_UDP);
  }
  nice_agent_attach_recv(a, s, 1, g_main_loop_get_context(loop), on_recv, NULL);
  g_signal_connect(a, "candidate-gathering-done", G_CALLBACK(gathered), NULL);
  g_signal_connect(a, "component-state-changed", G_CALLBACK(changed), NULL);
  nice_agent_gather_candidates(a, s);
  g_timeout_add_seconds(40, quit, NULL);
  g_main_loop_run(loop);
  return 0;
}

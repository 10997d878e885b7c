#pragma once

#include "tests/scenarios/deployment.h"

// What stories demand of their middles and ends.
namespace connlib::scenarios {

// expect_echo_within() is the bound of most stories: a ping that was sent after `since` is answered
// within `bound` of it.
void expect_echo_within(Telling& telling, Deployment& deployment, Timestamp since, Duration bound);

// remote_kind() is what `from` knows the far end of its path to `to` as.
std::optional<snownet::ice::CandidateKind> remote_kind(const Party& from, const Party& to);

// expect_path() is the end of setting up, counted from the client's first request: an answer and
// the last change of a path within `bound`, and in the end a path of this kind, by which data comes
// that both have selected.
void expect_path(Telling& telling, Deployment& deployment, PathKind kind, Duration bound);
void expect_path(Telling& telling, Deployment& deployment, PathKind kind);

// expect_lasting() is how every story ends that has not failed on purpose: an echo every second
// stays up for a minute, then both ends are of one opinion and nothing is left over.
void expect_lasting(Telling& telling, Deployment& deployment);

// expect_failed_within() is about one end.
void expect_failed_within(Telling& telling, const Party& party, Timestamp since, Duration bound);

// expect_uninterrupted() demands that no ping that was sent from `since` on was lost, and none
// answered late.
void expect_uninterrupted(Telling& telling, const Deployment& deployment, Timestamp since);

// run_to_failure() runs until an end has failed; it is over `limit` at the latest.
void run_to_failure(Deployment& deployment, const Party& party, Timestamp since, Duration limit);

// expect_streams() demands of the streams that a telling carries that none was given up, and that
// all of them flow.
void expect_streams(Telling& telling, Deployment& deployment);

void set_echo(Deployment& deployment, std::optional<Duration> interval);

}  // namespace connlib::scenarios

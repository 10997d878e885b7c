#pragma once

#include <vector>

#include "tests/scenarios/story.h"

// Each theme is a file of stories; a new one adds its line here and in story.cc.
namespace connlib::scenarios {

std::vector<Story> path_stories();          // S01 to S08: which path two peers find.
std::vector<Story> setting_up_stories();    // S09 to S14: candidates and relays are late or absent.
std::vector<Story> lifetime_stories();      // S15 to S21: idle, killed, restarted.
std::vector<Story> failover_stories();      // S22 to S24: paths die and appear.
std::vector<Story> relay_stories();         // S25 to S29: relays come and go.
std::vector<Story> seed_stories();          // S30 to S34: all of that while one end hears nothing.
std::vector<Story> silent_relay_stories();  // S35 to S37: relays fail and nobody says so.
std::vector<Story> refusal_stories();       // S40 and S41: relays that refuse.
std::vector<Story> mapping_stories();       // S38 and S39: another port towards the relay.
std::vector<Story> renewal_stories();       // S42 and S43: news of a relay in use.
std::vector<Story> roaming_stories();       // S44 and S45: another network.
std::vector<Story> host_stories();          // S46 to S49: networks, sleep, a portal that is away.
std::vector<Story> identity_stories();      // S51, S54, S55: a tuple, a port, an upsert is no peer.
std::vector<Story> forgery_stories();       // S53: somebody else talks, too.
std::vector<Story> crowd_stories();         // S52: a thousand connections.
std::vector<Story> stream_stories();        // S50: what TCP makes of other stories.

}  // namespace connlib::scenarios

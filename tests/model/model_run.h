#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/model/probe.h"
#include "tests/model/reference.h"
#include "tests/model/transition.h"
#include "tests/tunnel/system/system.h"

namespace connlib::model_test {

struct RunOptions {
  uint64_t seed = 1;
  size_t transitions = 60;
  std::optional<std::set<size_t>> only{};  // Of them, by number; all otherwise.
  tunnel::Mutation mutation = tunnel::Mutation::kNone;
  bool is_traced = false;
};

struct RunResult {
  uint64_t seed = 0;
  std::vector<std::string> failures{};  // Those of the first transition that had any.
  std::vector<std::string> story{};     // What happened, up to there.
  std::set<size_t> happened{};          // The numbers of those transitions.
  std::string report{};                 // The end of the trace, after a failure.
  bool has_passed() const { return failures.empty(); }
};

// run_model() lets transitions happen to a system and to the reference, and compares them after
// each. It never throws.
RunResult run_model(const RunOptions& options);

// ModelRun is one run. After each transition the system is left alone until it is quiet, so that
// the reference needs no notion of what is under way.
class ModelRun {
 public:
  explicit ModelRun(const RunOptions& options);

  // step() lets one transition happen and gives what was wrong; `told` becomes its description.
  std::vector<std::string> step(const Transition& transition, std::string& told);
  tunnel::System& system() { return system_; }

 private:
  // Transitions.
  std::string apply(const Transition& t);
  std::string send_to_address(const Transition& t);
  std::string send_to_name(const Transition& t);
  std::string send_to_gateway(const Transition& t);
  std::string query(const Transition& t);
  std::string lie(const Transition& t);
  std::string lie_past_filters(size_t client, size_t gateway, const Traffic& traffic,
                               const IpAddress& target);
  std::string submit_lie(Probe probe, size_t gateway, const char* what);
  std::string change_policy(const Transition& t);
  std::string change_world(const Transition& t);
  std::string change_client(const Transition& t);
  std::string change_gateway(const Transition& t);

  // Packets.
  Probe make_probe(size_t client, const Traffic& traffic, const IpAddress& destination);
  void expect(Probe& probe, const Destination& to);
  void submit(Probe probe);
  std::vector<IpAddress> look_up(size_t client, const std::string& domain, IpFamily family);
  void settle(const Probe& probe);
  bool can_request(size_t client, const Resource& resource) const;
  std::vector<IpAddress> records_of(const std::string& domain, IpFamily family) const;

  // Invariants.
  void check_everything();
  void take_arrivals();
  void take_received(size_t client);
  void take_answer(const Sighting& seen, size_t client);
  void check_answer(Probe& probe, const Sighting& seen);
  Outcome outcome_of(const Probe& probe);
  void check_outcome(const Probe& probe);
  void check_views(size_t client);
  void fail(std::string what) { failures_.push_back(std::move(what)); }

  tunnel::System system_;
  Reference reference_;
  std::set<size_t> offered_;
  Timestamp start_;
  bool were_relays_rebooted_ = false;  // Relayed connections may have ended, and nobody tells us.
  std::map<uint16_t, Probe> probes_;
  uint16_t next_number_ = 2000;
  std::optional<uint16_t> current_;

  struct Question {
    std::string domain;
    std::vector<std::vector<IpAddress>> answers;
  };
  std::map<uint16_t, Question> questions_;
  struct OldRecords {
    Timestamp until;
    std::vector<IpAddress> addresses;
  };
  std::map<std::string, std::vector<OldRecords>> old_records_;  // Caches may know them still.
  std::map<std::tuple<size_t, std::string, IpFamily>, std::vector<IpAddress>> proxies_;
  std::vector<std::string> failures_;
};

}  // namespace connlib::model_test

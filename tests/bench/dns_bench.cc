// The stub resolver with 10,000 resources: query packet in, answer packet out.
#include <array>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "connlib/base/check.h"
#include "connlib/dns/message_builder.h"
#include "connlib/dns/resolver.h"
#include "connlib/model/addressing.h"
#include "tests/bench/allocation_counter.h"

namespace connlib::dns {
namespace {

using Bytes = std::vector<uint8_t>;
constexpr size_t kResources = 10'000;
constexpr Timestamp kNow = Timestamp::from_nanoseconds(7'777'777'777'777);

struct Lab {
  Lab() {
    resolver.set_system_servers(std::array{IpAddress(Ipv4Address{{192, 168, 0, 1}})});
    for (size_t i = 0; i < kResources; ++i) {
      const std::string domain = "team" + std::to_string(i) + ".corp.example.com";
      resolver.add_resource(ResourceId(std::to_string(i)), (i % 2 == 0 ? "*." : "**.") + domain,
                            IpStack::kDual);
    }
  }
  Bytes query(const std::string& name, RecordType type) {
    std::array<uint8_t, 512> message{};
    MessageBuilder builder(message, {.id = 7, .recursion_desired = true});
    builder.add_question({*Name::parse(name), type}).add_edns({.udp_payload_bytes = 1232});
    Bytes out(IpPacket::kMaxBytes);
    const auto packet = write_udp({{Ipv4Address{{100, 64, 0, 7}}, 40'000},
                                   {resolver.sentinels().mappings().front().sentinel, kDnsPort}},
                                  *builder.finish(), out);
    out.resize(packet.size());
    return out;
  }
  bool answer(Bytes& packet, std::span<uint8_t> out) {
    auto parsed = IpPacket::parse(packet);
    const auto outcome = resolver.handle_tun_packet(kNow, *std::get_if<IpPacket>(&parsed), out);
    while (resolver.poll_answered_name()) {
    }
    return std::holds_alternative<Resolver::Reply>(outcome);
  }

  SeededRandom random{1};
  Resolver resolver{random};
};

// Every resource is asked in turn, A and AAAA, after each was asked once.
void stub_answers(benchmark::State& state) {
  Lab lab;
  std::vector<Bytes> queries;
  for (size_t i = 0; i < kResources; ++i) {
    queries.push_back(lab.query("www.team" + std::to_string(i) + ".corp.example.com",
                                i % 3 == 0 ? RecordType::kAaaa : RecordType::kA));
  }
  std::array<uint8_t, IpPacket::kMaxBytes> out{};
  for (Bytes& query : queries) CONNLIB_CHECK(lab.answer(query, out));
  size_t next = 0;
  const uint64_t before = bench::allocations();
  while (state.KeepRunning()) {
    CONNLIB_CHECK(lab.answer(queries[next], out));
    next = (next + 1) % queries.size();
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations()));
  state.counters["allocs/answer"] =
      static_cast<double>(bench::allocations() - before) / static_cast<double>(state.iterations());
}
BENCHMARK(stub_answers);

// The first time a name is asked: patterns are matched and addresses assigned.
void first_answers(benchmark::State& state) {
  std::optional<Lab> lab(std::in_place);
  std::array<uint8_t, IpPacket::kMaxBytes> out{};
  size_t next = 0;
  while (state.KeepRunning()) {
    state.PauseTiming();
    if (next == AssignmentTable::kMaxAssignments) {
      lab.emplace();
      next = 0;
    }
    auto query = lab->query("h" + std::to_string(next) + ".team" +
                                std::to_string(next % kResources) + ".corp.example.com",
                            RecordType::kA);
    ++next;
    state.ResumeTiming();
    CONNLIB_CHECK(lab->answer(query, out));
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations()));
}
BENCHMARK(first_answers)->Iterations(100'000);

// What no resource wants: the lookups that every query for the rest of the world pays.
void misses(benchmark::State& state) {
  Lab lab;
  const Question question{*Name::parse("www.a-longer.name.example.org"), RecordType::kA};
  const uint64_t before = bench::allocations();
  while (state.KeepRunning()) {
    const auto decision = lab.resolver.resources().decide(question);
    CONNLIB_CHECK(std::holds_alternative<AskUpstream>(decision));
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations()));
  state.counters["allocs/query"] =
      static_cast<double>(bench::allocations() - before) / static_cast<double>(state.iterations());
}
BENCHMARK(misses);

}  // namespace
}  // namespace connlib::dns

BENCHMARK_MAIN();

#include <fstream>
#include <iostream>
#include <sstream>

#include <fmt/format.h>

#include "shells/portal/command.h"
#include "shells/portal/declaration.h"
#include "shells/portal/toml_document.h"

namespace connlib::portald {
namespace {

constexpr size_t kMaxFile = 16U << 20U;  // Ours.

absl::StatusOr<std::string> read_file(const std::string& path) {
  std::ifstream file;
  if (path != "-") file.open(path, std::ios::binary);
  std::istream& in = path == "-" ? std::cin : file;
  if (!in) return absl::NotFoundError(fmt::format("{} cannot be read", path));
  std::string out;
  char block[4096];
  while (in.read(block, sizeof block) || in.gcount() > 0) {
    out.append(block, static_cast<size_t>(in.gcount()));
    if (out.size() > kMaxFile) {
      return absl::ResourceExhaustedError(fmt::format("{} has more than {} bytes", path, kMaxFile));
    }
  }
  return out;
}

// "portal.toml:12: sites/0/nmae: …", as compilers say it, so that editors find the line.
std::string at_line(const std::string& file, int64_t line, const Problem& problem) {
  const std::string key = problem.pointer.empty() ? "" : problem.pointer.substr(1) + ": ";
  return fmt::format("{}:{}: {}{}", file, line, key, problem.message);
}

}  // namespace

ExitCode run_apply(Environment& environment, const std::string& db, const ApplyOptions& options) {
  const auto text = read_file(options.file);
  if (!text.ok()) return environment.fail(ExitCode::kUsage, std::string(text.status().message()));
  TomlDocument document;
  int64_t line = 1;
  if (const auto refusal = parse_toml(*text, document, line)) {
    return environment.fail(ExitCode::kUsage, at_line(options.file, line, *refusal));
  }
  auto store = Store::open(db, environment.now);
  if (!store.ok()) return environment.fail(store.status());
  Writer writer(*store, {environment.author, environment.now}, environment.random);
  const auto refusal = apply_declaration(writer, document.content);
  if (refusal && refusal->code == Problem::Code::kStore) return environment.refuse(*refusal);
  if (refusal) {
    line = document.line_of(refusal->pointer);
    return environment.fail(ExitCode::kUsage, at_line(options.file, line, *refusal));
  }
  const std::string difference = describe(*store, writer.changes());
  // A dry run asks all that a real one would be asked, the last administrator included.
  if (const auto no = options.is_dry_run ? writer.check_commit() : writer.commit()) {
    return environment.refuse(*no);
  }
  environment.out += difference;
  if (options.is_dry_run) environment.out += "dry run: nothing was written\n";
  return ExitCode::kDone;
}

ExitCode run_export(Environment& environment, const std::string& db) {
  auto store = Store::open(db, environment.now);
  if (!store.ok()) return environment.fail(store.status());
  Transaction transaction(store->database(), Transaction::Kind::kRead);
  std::string text = export_declaration(*store);
  if (absl::Status status = transaction.commit(); !status.ok()) return environment.fail(status);
  environment.out += text;
  return ExitCode::kDone;
}

}  // namespace connlib::portald

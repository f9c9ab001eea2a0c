/// The command line: one command tree, from which `--help`, man page and bash completion come too.
///
/// Exit status: 0 done; 1 could not be done; 2 usage, a value that makes no sense, or
/// configuration.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "config/config.h"
#include "config/load.h"

namespace grantd::cli {

struct ServeRequest {
  config::Config config{};
  config::Environment environment{};
  /// Called once, when the server listens (on the thread that called serve): `port` and `ops_port`
  /// are those that were bound. `serve --dev` prints its lines here.
  std::function<void(std::uint16_t port, std::uint16_t ops_port)> on_ready{};
};

/// Runs the server until it is told to stop; the exit status. Diagnostics go to stderr.
using Serve = std::function<int(const ServeRequest&)>;

[[nodiscard]] int run(int argc, char** argv, const Serve& serve);

}  // namespace grantd::cli

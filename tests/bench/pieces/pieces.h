/// The pieces that a request is made of, each as a row of Google Benchmark: CPU time, and its ratio
/// to one bare RS256 signature that was measured in the same run.
///
/// A body throws where its piece does not do what it is for: a refusal would be cheap.
#pragma once

#include <benchmark/benchmark.h>

#include <functional>
#include <stdexcept>
#include <string>

namespace grantd::pieces {

using Body = std::function<void(benchmark::State&)>;

/// CPU time of this thread, or of all threads of the process.
enum class Threads { own, all };

/// A row. `body` holds the loop over the state.
void add(const std::string& name, Body body, Threads threads = Threads::own);

/// Forms, credentials, scopes: server/oauth and server/clients, without storage.
void add_protocol();
/// Claims, signatures, verification, revocations: server/jose, server/keys and server/tokens.
void add_tokens();
/// Clients, on real SQLite and out of the cache: storage/sqlite and server/clients.
void add_clients();
/// The log's line of a request: server/observe.
void add_log();

inline void require(bool holds, const char* what) {
  if (!holds) throw std::runtime_error(what);
}

}  // namespace grantd::pieces

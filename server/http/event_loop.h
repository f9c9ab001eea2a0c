/// One event loop with what its connections share. All of it belongs to the loop's thread, but for
/// `context`, to which other threads post.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/intrusive/list.hpp>
#include <cstddef>
#include <string>

#include "server/base/clock.h"
#include "server/http/server.h"

namespace grantd::http {

class Session;

/// serving: as usual. leaving: told to stop, and serving until what balances the load has noticed;
/// each connection is closed behind its next answer. stopping: no more is accepted.
enum class Phase { serving, leaving, stopping };

using SessionHook =
    boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;
using SessionList = boost::intrusive::list<Session, boost::intrusive::base_hook<SessionHook>,
                                           boost::intrusive::constant_time_size<false>>;

struct EventLoop {
  EventLoop() = default;
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;
  ~EventLoop() = default;

  bool draining{false};
  SteadyTime drain_deadline{};
  std::string date{};  // for the Date header, refreshed with each tick
  /// Where an answer is put together; empty again before anybody else on the loop runs.
  std::string output{};
  /// Connections handed to this loop and not gone yet.
  std::atomic<std::size_t> connections{0};
  SessionList sessions{};
  /// Last, so that it goes first: the coroutines in it refer to the rest.
  boost::asio::io_context context{1};
};

}  // namespace grantd::http

#include "server/http/server.h"

#include <sys/resource.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/core/demangle.hpp>
#include <csignal>
#include <exception>
#include <new>
#include <optional>
#include <thread>
#include <typeinfo>
#include <utility>
#include <vector>

#include "server/http/event_loop.h"
#include "server/http/response_writer.h"
#include "server/http/session.h"

namespace grantd::http {
namespace {

using boost::asio::awaitable;
using boost::asio::ip::tcp;

constexpr std::size_t max_plain_connections = 256;  // probes and scrapes, not clients
constexpr std::chrono::milliseconds tick_interval{250};
constexpr std::chrono::milliseconds accept_back_off{100};
constexpr int listen_backlog = 4096;
constexpr auto as_result = boost::asio::as_tuple(boost::asio::use_awaitable);

void raise_open_file_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

struct Port {
  Port(Listener with_listener, tcp::acceptor bound)
      : listener(std::move(with_listener)), acceptor(std::move(bound)) {}

  const Listener listener;
  std::optional<tcp::acceptor> acceptor;
  std::atomic<std::size_t> connections{0};
  bool accept_fails{false};  // one log line an episode
};

/// Counts a connection in and out, whichever way its coroutine ends.
class Counted {
 public:
  Counted(Port& port, EventLoop& loop, observe::Metrics& metrics)
      : port_(&port), loop_(&loop), metrics_(&metrics) {
    ++port.connections;
    ++loop.connections;
    if (port.listener.log_requests) metrics.connections(+1);
  }
  Counted(Counted&& other) noexcept
      : port_(std::exchange(other.port_, nullptr)), loop_(other.loop_), metrics_(other.metrics_) {}
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;
  ~Counted() {
    if (port_ == nullptr) return;
    if (port_->listener.log_requests) metrics_->connections(-1);
    --port_->connections;
    if (--loop_->connections == 0 && loop_->draining) loop_->context.stop();
  }

 private:
  Port* port_;
  EventLoop* loop_;
  observe::Metrics* metrics_;
};

tcp::acceptor bind(boost::asio::io_context& context, const tcp::endpoint& endpoint) {
  tcp::acceptor acceptor(context);
  acceptor.open(endpoint.protocol());
  acceptor.set_option(tcp::acceptor::reuse_address(true));
  // "::" serves IPv4 too, whatever the system's default is.
  if (endpoint.protocol() == tcp::v6()) {
    acceptor.set_option(boost::asio::ip::v6_only(!endpoint.address().is_unspecified()));
  }
  acceptor.bind(endpoint);
  acceptor.listen(listen_backlog);
  acceptor.non_blocking(true);
  return acceptor;
}

}  // namespace

class Server::Impl {
 public:
  Impl(Dependencies dependencies, std::size_t loops) : dependencies_(dependencies) {
    for (std::size_t i = 0; i < std::max<std::size_t>(loops, 1); ++i) {
      loops_.push_back(std::make_unique<EventLoop>());
    }
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() {
    // Acceptors may not outlive their loop; what else is in a port is needed until the coroutines
    // in the loops are gone.
    for (const auto& port : ports_) port->acceptor.reset();
  }

  std::expected<std::uint16_t, std::string> listen(const Listener& listener);
  void run(Hooks hooks);
  void stop();

 private:
  awaitable<void> accept(Port& port);
  void accept_backlog(Port& port);
  awaitable<void> back_off(Port& port, boost::system::error_code error);
  void admit(Port& port, EventLoop& loop, tcp::socket socket);
  awaitable<void> serve(Counted counted, const Listener& listener, EventLoop& loop,
                        tcp::socket socket);
  awaitable<void> tick(EventLoop& loop);
  awaitable<void> watch_signals();
  void leave();
  awaitable<void> stop_after(std::chrono::milliseconds drain);
  void drain_all();
  void begin_drain(EventLoop& loop);
  void run_loop(EventLoop& loop);
  void start(EventLoop& loop, awaitable<void> coroutine);
  EventLoop& next_loop() { return *loops_[next_loop_++ % loops_.size()]; }

  const Dependencies dependencies_;
  std::atomic<Phase> phase_{Phase::serving};
  Hooks hooks_;
  std::size_t next_loop_{0};
  std::size_t accepting_{0};
  std::vector<std::unique_ptr<Port>> ports_;
  /// Behind the ports: the loops go first.
  std::vector<std::unique_ptr<EventLoop>> loops_;
  /// From the first listen() on: who sees that the server listens may signal it before run().
  std::optional<boost::asio::signal_set> signals_;
};

std::expected<std::uint16_t, std::string> Server::Impl::listen(const Listener& listener) {
  const std::string where = listener.address + " port " + std::to_string(listener.port);
  boost::system::error_code error;
  const auto address = boost::asio::ip::make_address(listener.address, error);
  if (error) return std::unexpected(where + ": an IPv4 or IPv6 address is expected");
  try {
    auto acceptor = bind(loops_.front()->context, {address, listener.port});
    const std::uint16_t port = acceptor.local_endpoint().port();
    ports_.push_back(std::make_unique<Port>(listener, std::move(acceptor)));
    if (!signals_) signals_.emplace(loops_.front()->context, SIGHUP, SIGTERM, SIGINT);
    return port;
  } catch (const boost::system::system_error& failure) {
    return std::unexpected("cannot listen on " + where + ": " + failure.code().message());
  }
}

void Server::Impl::run(Hooks hooks) {
  hooks_ = std::move(hooks);
  static_cast<void>(std::signal(SIGPIPE, SIG_IGN));  // who writes to what is gone gets EPIPE
  raise_open_file_limit();
  EventLoop& first = *loops_.front();
  if (signals_) start(first, watch_signals());
  accepting_ = ports_.size();
  for (const auto& port : ports_) start(first, accept(*port));
  for (const auto& loop : loops_) {
    loop->date = imf_date(floor_seconds(dependencies_.clock.now()));
    start(*loop, tick(*loop));
  }
  std::vector<std::jthread> threads;
  for (std::size_t i = 1; i < loops_.size(); ++i) {
    threads.emplace_back([this, i] { run_loop(*loops_[i]); });
  }
  run_loop(first);
}

void Server::Impl::stop() {
  if (phase_.exchange(Phase::stopping) == Phase::stopping) return;
  boost::asio::post(loops_.front()->context, [this] {
    dependencies_.log.event(observe::Level::info, "stopping");
    if (hooks_.on_stopping) hooks_.on_stopping();
    for (const auto& port : ports_) {
      boost::system::error_code ignored;  // it has seen the phase and closed already
      port->acceptor->cancel(ignored);
    }
    if (ports_.empty()) drain_all();
  });
}

void Server::Impl::start(EventLoop& loop, awaitable<void> coroutine) {
  boost::asio::co_spawn(loop.context, std::move(coroutine), [this](const std::exception_ptr& e) {
    if (!e) return;
    try {
      std::rethrow_exception(e);
    } catch (const std::exception& failure) {
      const std::string type = boost::core::demangle(typeid(failure).name());
      dependencies_.log.event(observe::Level::error, "coroutine_failed", {{"type", type}});
    }
  });
}

/// What a coroutine's end throws is handled in start(); nothing else runs here but completions.
void Server::Impl::run_loop(EventLoop& loop) { loop.context.run(); }

awaitable<void> Server::Impl::accept(Port& port) {
  while (phase_.load(std::memory_order_relaxed) != Phase::stopping) {
    EventLoop& loop = next_loop();
    tcp::socket socket(loop.context);
    const auto [error] = co_await port.acceptor->async_accept(socket, as_result);
    if (!error) {
      port.accept_fails = false;
      admit(port, loop, std::move(socket));
    } else if (error != boost::asio::error::operation_aborted) {
      co_await back_off(port, error);
    }
  }
  accept_backlog(port);
  port.acceptor->close();
  if (--accepting_ == 0) drain_all();
}

/// Closing an acceptor resets the connections that nobody has accepted yet.
void Server::Impl::accept_backlog(Port& port) {
  for (int count = 0; count < listen_backlog; ++count) {
    EventLoop& loop = next_loop();
    tcp::socket socket(loop.context);
    boost::system::error_code error;
    port.acceptor->accept(socket, error);
    if (error) return;
    admit(port, loop, std::move(socket));
  }
}

/// No descriptors or no memory left: connections wait in the backlog until others have gone.
awaitable<void> Server::Impl::back_off(Port& port, boost::system::error_code error) {
  if (!std::exchange(port.accept_fails, true)) {
    const std::string message = error.message();
    dependencies_.log.event(observe::Level::error, "accept_failed", {{"error", message}});
  }
  boost::asio::steady_timer timer(loops_.front()->context, accept_back_off);
  co_await timer.async_wait(as_result);
}

void Server::Impl::admit(Port& port, EventLoop& loop, tcp::socket socket) {
  const std::size_t bound = port.listener.tls == nullptr
                                ? max_plain_connections
                                : dependencies_.limits.get()->max_connections;
  if (port.connections.load(std::memory_order_relaxed) >= bound) {
    dependencies_.metrics.connection_refused();
    return;
  }
  try {
    start(loop, serve(Counted(port, loop, dependencies_.metrics), port.listener, loop,
                      std::move(socket)));
  } catch (const std::bad_alloc&) {
    dependencies_.metrics.connection_refused();  // this one goes, the listener stays
  }
}

awaitable<void> Server::Impl::serve(Counted counted, const Listener& listener, EventLoop& loop,
                                    tcp::socket socket) {
  static_cast<void>(counted);  // for as long as this coroutine lives
  Session session(dependencies_, listener, loop, phase_, std::move(socket));
  co_await session.run();
}

awaitable<void> Server::Impl::tick(EventLoop& loop) {
  boost::asio::steady_timer timer(loop.context);
  for (bool aborted = false;;) {
    timer.expires_after(tick_interval);
    co_await timer.async_wait(as_result);
    const SteadyTime now = dependencies_.clock.steady();
    loop.date = imf_date(floor_seconds(dependencies_.clock.now()));
    for (Session& session : loop.sessions) session.check_deadline(now);
    if (!loop.draining || now < loop.drain_deadline) continue;
    // A handler that never returns must not hold up the end: one tick after all was cancelled.
    if (aborted) loop.context.stop();
    for (Session& session : loop.sessions) session.abort();
    aborted = true;
  }
}

awaitable<void> Server::Impl::watch_signals() {
  for (;;) {
    const auto [error, signal] = co_await signals_->async_wait(as_result);
    if (error) co_return;
    if (signal == SIGTERM) {
      leave();
    } else if (signal != SIGHUP) {
      stop();
    } else if (hooks_.on_sighup) {
      hooks_.on_sighup();
    }
  }
}

void Server::Impl::leave() {
  const auto drain = dependencies_.limits.get()->drain;
  auto serving = Phase::serving;
  if (drain.count() == 0 || !phase_.compare_exchange_strong(serving, Phase::leaving)) {
    stop();
    return;
  }
  dependencies_.log.event(observe::Level::info, "draining",
                          {{"for_ms", std::int64_t{drain.count()}}});
  if (hooks_.on_leaving) hooks_.on_leaving();
  start(*loops_.front(), stop_after(drain));
}

awaitable<void> Server::Impl::stop_after(std::chrono::milliseconds drain) {
  boost::asio::steady_timer timer(loops_.front()->context, drain);
  co_await timer.async_wait(as_result);
  stop();
}

void Server::Impl::drain_all() {
  for (const auto& loop : loops_) {
    boost::asio::post(loop->context, [this, &loop = *loop] { begin_drain(loop); });
  }
}

void Server::Impl::begin_drain(EventLoop& loop) {
  loop.draining = true;
  loop.drain_deadline = dependencies_.clock.steady() + drain_limit;
  for (Session& session : loop.sessions) session.drain();
  if (loop.connections == 0) loop.context.stop();
}

Server::Server(Dependencies dependencies, std::size_t loops)
    : impl_(std::make_unique<Impl>(dependencies, loops)) {}
Server::~Server() = default;

std::expected<std::uint16_t, std::string> Server::listen(const Listener& listener) {
  return impl_->listen(listener);
}
void Server::run(Hooks hooks) { impl_->run(std::move(hooks)); }
void Server::stop() { impl_->stop(); }

}  // namespace grantd::http

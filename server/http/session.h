/// One connection, from its handshake to its close, as one coroutine on one event loop.
///
/// No timer is set per request: the loop's one coarse timer calls check_deadline() on all of its
/// sessions. While idle, a connection holds neither read buffer nor parser.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <cstddef>
#include <expected>
#include <memory>
#include <string>

#include "server/http/event_loop.h"
#include "server/http/read_buffer.h"
#include "server/http/request_parser.h"
#include "server/http/response_writer.h"
#include "server/http/server.h"
#include "server/http/tls/stream.h"

namespace grantd::http {

class Session : public SessionHook {
 public:
  /// How long, and for how much, octets are still read behind the last answer.
  static constexpr std::chrono::milliseconds linger_limit{1000};
  static constexpr std::size_t linger_bytes = 1024 * 1024;
  /// How long a connection that was accepted just before a stop may take to send its request.
  static constexpr std::chrono::milliseconds drain_first_request{500};

  /// `phase` and what `dependencies` refer to outlive the session.
  Session(const Server::Dependencies& dependencies, const Listener& listener, EventLoop& loop,
          const std::atomic<Phase>& phase, boost::asio::ip::tcp::socket socket);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session() = default;

  /// Returns once the connection is over.
  [[nodiscard]] boost::asio::awaitable<void> run();

  /// Ends the operation under way where its time is up.
  void check_deadline(SteadyTime now);
  /// The server stops: an idle connection goes, unless its next request is here already.
  void drain();
  /// Ends the connection without an answer.
  void abort();

 private:
  enum class After { keep, close, drop };  // drop: the peer is gone, or reads no more
  /// One request on its way to its log line.
  struct Exchange {
    std::string request_id{};
    std::string_view endpoint{"none"};
    SteadyTime read_at{};
    bool keep_alive{false};
    bool http_1_0{false};
    bool head{false};
  };

  boost::asio::awaitable<bool> next_request_begins();
  boost::asio::awaitable<After> exchange();
  /// False: the peer left, or let its time pass without beginning a request.
  boost::asio::awaitable<std::expected<bool, oauth::Error>> receive(RequestParser& parser);
  boost::asio::awaitable<Response> call(const Route& route, const Request& request);
  boost::asio::awaitable<After> respond(Response response, const Exchange& exchange);
  boost::asio::awaitable<tls::Stream::Outcome> send(std::string& head, std::string_view content,
                                                    bool sensitive);
  void record(const Response& response, const Exchange& exchange);
  void log_handler_failure(const Route& route, const Request& request, std::string_view type,
                           std::string_view what);

  void arm(std::chrono::milliseconds limit);
  void disarm() { deadline_ = SteadyTime::max(); }

  const Server::Dependencies& dependencies_;
  const Listener& listener_;
  EventLoop& loop_;
  const std::atomic<Phase>& phase_;
  const std::string peer_;
  const std::shared_ptr<const tls::Context> tls_;  // holds the ticket keys for the stream
  std::shared_ptr<const Limits> limits_;
  tls::Stream stream_;
  ReadBuffer input_;
  SteadyTime deadline_{SteadyTime::max()};
  bool idle_{false};
  bool served_{false};
  bool aborted_{false};
};

}  // namespace grantd::http

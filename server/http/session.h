/// One connection, from its handshake to its close, as one coroutine on one event loop.
///
/// No timer is set per request: the loop's one coarse timer calls check_deadline() on all of its
/// sessions. While idle, a connection holds neither read buffer nor parser. A request that has come
/// as a whole is read, and its answer sent, in plain functions: coroutines begin where one waits.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <cstddef>
#include <exception>
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
  /// What of an answer the socket did not take at once.
  struct Unsent {
    Unsent() = default;
    Unsent(const Unsent&) = delete;  // `head` views `kept`
    Unsent& operator=(const Unsent&) = delete;
    ~Unsent() = default;

    std::string kept{};
    std::string_view head{};  // with the content, where both went out together
    std::string_view content{};
    tls::Stream::Need need{tls::Stream::Need::nothing};
  };

  boost::asio::awaitable<After> serve();
  /// False: the server stops, and this connection with it.
  bool begin_idling();
  boost::asio::awaitable<After> exchange();
  /// Takes what has come of a request; nothing is needed once that is all of it.
  std::expected<tls::Stream::Need, oauth::Error> take(RequestParser& parser);
  /// Waits for the rest of it. False: the peer left, or let its time pass without beginning one.
  boost::asio::awaitable<std::expected<bool, oauth::Error>> receive(RequestParser& parser,
                                                                    tls::Stream::Need need);
  Request begin(Exchange& exchange, const RequestParser& parser) const;
  Response failed(const Route& route, const Request& request, const std::exception_ptr& failure);
  void send(const Response& response, const Exchange& exchange, bool keep_alive, Unsent& unsent);
  void offer(Unsent& unsent);
  boost::asio::awaitable<tls::Stream::Outcome> send_rest(Unsent& unsent);
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
  SteadyTime quiet_since_{};  // the end of the handshake, or of the last answer
  bool idle_{false};
  bool begun_{false};  // something of the request has come
  bool served_{false};
  bool aborted_{false};
};

}  // namespace grantd::http

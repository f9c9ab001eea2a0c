#include <atomic>
#include <csignal>
#include <deque>
#include <filesystem>
#include <optional>
#include <thread>
#include <utility>

#include "https.h"
#include "https_stream.h"
#include "settings.h"

namespace example {
namespace {

constexpr std::uint64_t max_request_body_bytes = 64 * 1024;
constexpr milliseconds request_limit{10'000};
constexpr milliseconds idle_limit{30'000};
constexpr milliseconds busy_idle_limit{500};  // where no worker is free for a newcomer

/// The certificate in its files as they are now. A pair that does not fit, as in the moment between
/// two renames, leaves the last good one in force.
class Certificate {
 public:
  explicit Certificate(const Listen& listen) : listen_(listen), context_(load()) {
    seen_ = changed();
  }

  std::shared_ptr<ssl::context> current() {
    const std::lock_guard lock(mutex_);
    try {
      if (const auto now = changed(); now != seen_) {
        context_ = load();
        seen_ = now;
        log_line("certificate read anew");
      }
    } catch (const std::exception& fault) {
      log_line(std::string("certificate stays as it was: ") + fault.what());
    }
    return context_;
  }

 private:
  using Times = std::pair<std::filesystem::file_time_type, std::filesystem::file_time_type>;

  [[nodiscard]] Times changed() const {
    return {std::filesystem::last_write_time(listen_.certificate_file),
            std::filesystem::last_write_time(listen_.key_file)};
  }
  [[nodiscard]] std::shared_ptr<ssl::context> load() const {
    auto context = std::make_shared<ssl::context>(ssl::context::tls_server);
    SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_2_VERSION);
    context->use_certificate_chain_file(listen_.certificate_file);
    context->use_private_key_file(listen_.key_file, ssl::context::pem);
    if (SSL_CTX_check_private_key(context->native_handle()) != 1)
      throw std::runtime_error("key and certificate do not fit");
    return context;
  }

  Listen listen_;
  std::mutex mutex_;
  std::shared_ptr<ssl::context> context_;
  Times seen_;
};

struct Accepted {
  std::unique_ptr<asio::io_context> io;
  std::optional<Socket> socket;
};

class Server {
 public:
  Server(const Listen& listen, const Handler& handler) : handler_(handler) {
    if (listen.unix_path.empty()) certificate_.emplace(listen);
    for (std::size_t i = 0; i < workers; ++i)
      threads_.emplace_back([this](std::stop_token stop) { work(stop); });
  }

  void give(Accepted accepted) {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() < workers) waiting_.push_back(std::move(accepted));
    there_.notify_one();  // beyond that the newcomer is closed
  }

  void stop() {
    for (auto& thread : threads_) thread.request_stop();
    threads_.clear();  // joins
  }

 private:
  void work(const std::stop_token& stop) {
    for (;;) {
      Accepted next;
      {
        std::unique_lock lock(mutex_);
        ++free_;
        const bool got = there_.wait(lock, stop, [&] { return !waiting_.empty(); });
        --free_;
        if (!got) return;
        next = std::move(waiting_.front());
        waiting_.pop_front();
      }
      try {
        serve_connection(std::move(next), stop);
      } catch (const std::exception& fault) {
        log_line(std::string("connection: ") + fault.what());
      }
    }
  }

  void serve_connection(Accepted accepted, const std::stop_token& stop) {
    PlainStream tcp(*std::move(accepted.socket));
    if (!certificate_) return requests(*accepted.io, tcp, stop);
    const auto context = certificate_->current();
    TlsStream tls(std::move(tcp), *context);
    if (await(*accepted.io, tls, request_limit, stop,
              [&](auto done) { tls.async_handshake(ssl::stream_base::server, done); }))
      return;
    requests(*accepted.io, tls, stop);
    await(*accepted.io, tls, busy_idle_limit, {}, [&](auto done) { tls.async_shutdown(done); });
  }

  /// Between requests a stop ends the connection at once; a request that has begun is finished.
  template <class Stream>
  void requests(asio::io_context& io, Stream& stream, const std::stop_token& stop) {
    beast::flat_buffer buffer;
    for (bool alive = true; alive && !stop.stop_requested();) {
      if (buffer.size() == 0) {
        std::size_t count = 0;
        const auto limit = free_ > 0 ? idle_limit : busy_idle_limit;
        if (await(io, stream, limit, stop, [&](auto done) {
              stream.async_read_some(buffer.prepare(4096),
                                     [&count, done](error_code fault, std::size_t n) mutable {
                                       count = n;
                                       done(fault);
                                     });
            }))
          return;
        buffer.commit(count);
      }
      beast::http::request_parser<beast::http::string_body> parser;
      parser.header_limit(max_header_bytes);
      parser.body_limit(max_request_body_bytes);
      if (await(io, stream, request_limit, {},
                [&](auto done) { beast::http::async_read(stream, buffer, parser, done); }))
        return;
      auto response = answer(parser.get());
      alive = parser.get().keep_alive() && !stop.stop_requested();
      response.keep_alive(alive);
      if (await(io, stream, request_limit, {},
                [&](auto done) { beast::http::async_write(stream, response, done); }))
        return;
    }
  }

  beast::http::response<beast::http::string_body> answer(
      const beast::http::request<beast::http::string_body>& message) {
    Request request;
    request.method = std::string_view(message.method_string());
    const std::string_view target(message.target().data(), message.target().size());
    request.path = target.substr(0, target.find('?'));
    request.headers = headers_of(message);
    request.body = message.body();
    Response made;
    try {
      made = handler_(request);
    } catch (const std::exception& fault) {
      log_line(std::string("internal: ") + fault.what());
      made = json_error(500, "server_error");
    }
    beast::http::response<beast::http::string_body> response;
    response.version(message.version());
    response.result(static_cast<unsigned>(made.status));
    for (const auto& [name, value] : made.headers) response.set(name, value);
    if (!made.body.empty()) response.set(beast::http::field::content_type, "application/json");
    response.body() = std::move(made.body);
    response.prepare_payload();
    return response;
  }

  const Handler& handler_;
  std::optional<Certificate> certificate_;
  std::mutex mutex_;
  std::condition_variable_any there_;
  std::deque<Accepted> waiting_;
  std::atomic<std::size_t> free_ = 0;
  std::vector<std::jthread> threads_;
};

asio::generic::stream_protocol::endpoint endpoint_of(const Listen& listen) {
  if (!listen.unix_path.empty()) {
    std::filesystem::remove(listen.unix_path);
    return asio::local::stream_protocol::endpoint(listen.unix_path);
  }
  return asio::ip::tcp::endpoint(asio::ip::make_address(listen.address), listen.port);
}

}  // namespace

void serve(const Listen& listen, const Handler& handler) {
  asio::io_context io(1);
  asio::signal_set signals(io, SIGTERM, SIGINT);
  asio::basic_socket_acceptor<asio::generic::stream_protocol> acceptor(io);
  const auto endpoint = endpoint_of(listen);
  acceptor.open(endpoint.protocol());
  acceptor.set_option(asio::socket_base::reuse_address(true));
  acceptor.bind(endpoint);
  acceptor.listen();
  Server server(listen, handler);
  std::function<void()> accept = [&] {
    auto place = std::make_unique<asio::io_context>(1);
    auto& executor = *place;
    acceptor.async_accept(executor,
                          [&, place = std::move(place)](error_code fault, Socket socket) mutable {
                            if (!acceptor.is_open()) return;
                            if (!fault) server.give({std::move(place), std::move(socket)});
                            accept();
                          });
  };
  accept();
  signals.async_wait([&](error_code, int) { acceptor.close(); });
  io.run();
  server.stop();
}

std::string Request::header(const std::string& lower_case_name) const {
  const auto found = headers.find(lower_case_name);
  return found == headers.end() ? std::string() : found->second;
}

Response json_error(int status, const std::string& error) {
  Response response;
  response.status = status;
  response.body = R"({"error":")" + error + "\"}";
  return response;
}

}  // namespace example
#include <algorithm>
#include <random>
#include <thread>
#include <utility>

#include "https.h"
#include "https_stream.h"

namespace example {
namespace {

constexpr std::uint64_t max_answer_body_bytes = 16 * 1024 * 1024;  // a feed of 10,000 entries fits

milliseconds jittered(milliseconds most) {
  thread_local std::minstd_rand random(std::random_device{}());
  return milliseconds(
      std::uniform_int_distribution<std::int64_t>(most.count() / 2, most.count())(random));
}

}  // namespace

Unreachable::Unreachable(const std::string& what, bool timed_out_)
    : std::runtime_error(what), timed_out(timed_out_) {}

struct HttpsClient::Tls {
  ssl::context context{ssl::context::tls_client};
};

struct HttpsClient::Origin {
  std::string host, port, target;

  static Origin parse(const std::string& url) {
    constexpr std::string_view scheme = "https://";
    if (!url.starts_with(scheme)) throw std::invalid_argument("not an https URL");
    const auto path = std::min(url.find('/', scheme.size()), url.size());
    const std::string authority = url.substr(scheme.size(), path - scheme.size());
    const auto colon = std::min(authority.find(':'), authority.size());
    Origin origin;
    origin.host = authority.substr(0, colon);
    origin.port = colon < authority.size() ? authority.substr(colon + 1) : "443";
    origin.target = path < url.size() ? url.substr(path) : "/";
    return origin;
  }
  [[nodiscard]] std::string name() const { return host + ":" + port; }
};

class Connection {
 public:
  Connection(ssl::context& context, std::string host, std::string port, milliseconds limit,
             const std::stop_token& stop)
      : stream_(PlainStream(io_), context), host_(std::move(host)), port_(std::move(port)) {
    asio::ip::tcp::resolver resolver(io_);
    error_code fault;
    const auto addresses = resolver.resolve(host_, port_, fault);
    if (fault) throw Unreachable("resolve " + host_, false);
    for (const auto& address : addresses) {
      const asio::generic::stream_protocol::endpoint endpoint(address.endpoint());
      fault = await(io_, stream_, limit, stop, [&](auto done) {
        beast::get_lowest_layer(stream_).async_connect(endpoint, done);
      });
      if (!fault) break;
      beast::get_lowest_layer(stream_).socket().close();
    }
    check(fault, "connect");
    // The name that the certificate must bear, and SNI.
    stream_.set_verify_callback(ssl::host_name_verification(host_));
    if (SSL_set_tlsext_host_name(stream_.native_handle(), host_.c_str()) != 1)
      throw Unreachable("server name " + host_, false);
    check(await(io_, stream_, limit, stop,
                [&](auto done) { stream_.async_handshake(ssl::stream_base::client, done); }),
          "handshake");
  }

  Answer exchange(const Call& call, const std::string& target, const std::stop_token& stop) {
    beast::http::request<beast::http::string_body> request;
    request.method_string(call.method);
    request.target(target);
    request.set(beast::http::field::host, port_ == "443" ? host_ : host_ + ":" + port_);
    for (const auto& [name, value] : call.headers) request.set(name, value);
    request.body() = call.body;
    request.prepare_payload();
    check(await(io_, stream_, call.time_out, stop,
                [&](auto done) { beast::http::async_write(stream_, request, done); }),
          "send");
    beast::http::response_parser<beast::http::string_body> parser;
    parser.header_limit(max_header_bytes);
    parser.body_limit(max_answer_body_bytes);
    check(await(io_, stream_, call.time_out, stop,
                [&](auto done) { beast::http::async_read(stream_, buffer_, parser, done); }),
          "receive");
    const auto& message = parser.get();
    keep_alive = message.keep_alive();
    return {static_cast<int>(message.result_int()), headers_of(message), message.body()};
  }

  bool keep_alive = false;

 private:
  void check(const error_code& fault, const char* step) const {
    if (fault)
      throw Unreachable(std::string(step) + " " + host_ + ":" + port_ + ": " + fault.message(),
                        fault == beast::error::timeout);
  }

  asio::io_context io_{1};
  TlsStream stream_;
  beast::flat_buffer buffer_;
  std::string host_, port_;
};

HttpsClient::HttpsClient(const std::string& ca_file) : tls_(std::make_unique<Tls>()) {
  tls_->context.load_verify_file(ca_file);
  tls_->context.set_verify_mode(ssl::verify_peer);
  SSL_CTX_set_min_proto_version(tls_->context.native_handle(), TLS1_2_VERSION);
}

HttpsClient::~HttpsClient() = default;

std::unique_ptr<Connection> HttpsClient::take_idle(const std::string& origin) {
  const std::lock_guard lock(mutex_);
  const auto found = idle_.find(origin);
  if (found == idle_.end()) return nullptr;
  auto connection = std::move(found->second);
  idle_.erase(found);
  return connection;
}

void HttpsClient::keep_idle(const std::string& origin, std::unique_ptr<Connection> connection) {
  const std::lock_guard lock(mutex_);
  if (connection->keep_alive && idle_.size() < max_idle)
    idle_.emplace(origin, std::move(connection));
}

Answer HttpsClient::attempt(const Call& call, const Origin& origin, std::stop_token stop) {
  if (auto kept = take_idle(origin.name())) {
    try {
      Answer answer = kept->exchange(call, origin.target, stop);
      keep_idle(origin.name(), std::move(kept));
      return answer;
    } catch (const Unreachable& fault) {
      if (fault.timed_out || stop.stop_requested()) throw;  // else it was closed: a new one
    }
  }
  auto fresh =
      std::make_unique<Connection>(tls_->context, origin.host, origin.port, call.time_out, stop);
  Answer answer = fresh->exchange(call, origin.target, stop);
  keep_idle(origin.name(), std::move(fresh));
  return answer;
}

Answer HttpsClient::send(const Call& call, std::stop_token stop) {
  const Origin origin = Origin::parse(call.url);
  {
    std::unique_lock lock(mutex_);
    if (!turn_.wait_for(lock, call.time_out, [&] { return calls_ < max_calls; }))
      throw Unreachable("too many calls under way", true);
    ++calls_;
  }
  const auto leave = [this](void*) {
    const std::lock_guard lock(mutex_);
    --calls_;
    turn_.notify_one();
  };
  const std::unique_ptr<HttpsClient, decltype(leave)> place(this, leave);
  for (int tries = 1;; ++tries) {
    try {
      Answer answer = attempt(call, origin, stop);
      if (answer.status != 503 || tries == max_tries) return answer;
    } catch (const Unreachable& fault) {
      if (fault.timed_out || tries == max_tries || stop.stop_requested()) throw;
    }
    std::this_thread::sleep_for(jittered(milliseconds(100) * tries));
  }
}

}  // namespace example

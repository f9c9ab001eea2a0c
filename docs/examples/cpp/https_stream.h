/// What client and server share: the stream, and one asynchronous operation run to its end.
/// Internal to https_client.cpp and https_server.cpp.
#pragma once

#include <algorithm>
#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast.hpp>
#include <boost/beast/ssl.hpp>
#include <chrono>
#include <cstdint>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>

#include "https.h"

namespace example {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace ssl = asio::ssl;
using boost::system::error_code;
using std::chrono::milliseconds;

inline constexpr std::uint32_t max_header_bytes = 24 * 1024;  // a token may take 16 KiB

using Socket = asio::generic::stream_protocol::socket;  // TCP or Unix
using PlainStream = beast::basic_stream<asio::generic::stream_protocol>;
using TlsStream = ssl::stream<PlainStream>;

/// Runs one asynchronous operation to its end on `io`, at most `limit` long; a stop cancels it.
template <class Stream, class Start>
error_code await(asio::io_context& io, Stream& stream, milliseconds limit,
                 const std::stop_token& stop, Start&& start) {
  if (stop.stop_requested()) return asio::error::operation_aborted;
  auto& lowest = beast::get_lowest_layer(stream);
  lowest.expires_after(limit);
  error_code result = asio::error::would_block;
  start([&result](error_code fault, auto&&...) { result = fault; });
  const std::stop_callback cancel(stop, [&] { asio::post(io, [&lowest] { lowest.cancel(); }); });
  io.restart();
  io.run();
  return result;
}

inline std::string lower(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return result;
}

template <class Fields>
Headers headers_of(const Fields& fields) {
  Headers headers;
  for (const auto& field : fields) {
    std::string& value = headers[lower(std::string_view(field.name_string()))];
    if (!value.empty()) value += ", ";
    value += std::string_view(field.value());
  }
  return headers;
}

}  // namespace example

/// Runs one coroutine on an event loop of its own, to its end.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <exception>
#include <optional>
#include <utility>

namespace grantd::testing {

/// What it returned; throws what it threw.
template <typename T>
T on_loop(boost::asio::awaitable<T> coroutine) {
  boost::asio::io_context loop{1};
  std::optional<T> result;
  std::exception_ptr thrown;
  boost::asio::co_spawn(loop, std::move(coroutine), [&](const std::exception_ptr& error, T value) {
    thrown = error;
    result = std::move(value);
  });
  loop.run();
  if (thrown) std::rethrow_exception(thrown);
  return std::move(*result);
}

}  // namespace grantd::testing

#include <arpa/inet.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "server/base/descriptor.h"
#include "server/cli/command.h"
#include "server/cli/context.h"
#include "server/cli/output.h"

namespace grantd::cli {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds timeout{3000};
constexpr std::string_view healthy_answer = "HTTP/1.1 200 ";
constexpr std::string_view request =
    "GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

struct AddressFree {
  void operator()(addrinfo* address) const noexcept { ::freeaddrinfo(address); }
};
using Address = std::unique_ptr<addrinfo, AddressFree>;

/// A server that listens on every address is asked on the loopback.
Address address_of(const config::Config::Ops& ops) {
  std::string host = ops.address;
  if (host == "0.0.0.0") host = "127.0.0.1";
  if (host == "::") host = "::1";
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  if (::getaddrinfo(host.c_str(), std::to_string(ops.port).c_str(), &hints, &found) != 0) {
    return nullptr;
  }
  return Address(found);
}

bool wait_for(const Descriptor& socket, short events, steady_clock::time_point deadline) {
  for (;;) {
    const auto left = std::chrono::ceil<milliseconds>(deadline - steady_clock::now());
    if (left <= milliseconds(0)) return false;
    pollfd entry{socket.get(), events, 0};
    const int ready = ::poll(&entry, 1, static_cast<int>(left.count()));
    if (ready > 0) return true;
    if (ready == 0 || errno != EINTR) return false;
  }
}

bool connect_within(const Descriptor& socket, const addrinfo& address,
                    steady_clock::time_point deadline) {
  if (::connect(socket.get(), address.ai_addr, address.ai_addrlen) == 0) return true;
  if (errno != EINPROGRESS || !wait_for(socket, POLLOUT, deadline)) return false;
  int error = 0;
  socklen_t size = sizeof(error);
  return ::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0;
}

/// As much of the answer as the status takes; empty where none came in time.
std::string ask(const config::Config::Ops& ops) {
  const auto deadline = steady_clock::now() + timeout;
  const auto address = address_of(ops);
  if (!address) return "";
  const Descriptor socket(
      ::socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket.valid() || !connect_within(socket, *address, deadline)) return "";
  // A fresh connection's buffer takes these few bytes whole.
  if (::send(socket.get(), request.data(), request.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(request.size())) {
    return "";
  }
  std::string answer;
  std::array<char, 64> buffer{};
  while (answer.size() < healthy_answer.size() && wait_for(socket, POLLIN, deadline)) {
    const auto got = ::recv(socket.get(), buffer.data(), buffer.size(), 0);
    if (got <= 0) break;
    answer.append(buffer.data(), static_cast<std::size_t>(got));
  }
  return answer;
}

Outcome<void> health(const Invocation& invocation) {
  const auto config = load_configuration(invocation);
  if (!config) return std::unexpected(config.error());
  const auto answer = ask(config->ops);
  if (answer.starts_with(healthy_answer)) {
    print(invocation, {{"ready", true}});
    return {};
  }
  const auto where = config->ops.address + " port " + std::to_string(config->ops.port);
  if (answer.empty()) return could_not("not healthy: nothing answers on " + where);
  return could_not("not healthy: the server on " + where + " is not ready to issue tokens");
}

}  // namespace

void add_health_command(Tree& tree) {
  tree.command("health", "whether the server of this configuration can issue tokens",
               "grantd health --config /etc/grantd/grantd.json", health);
}

}  // namespace grantd::cli

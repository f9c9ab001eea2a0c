/// A TCP port of the loopback that nobody listens on.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <random>
#include <stdexcept>

namespace grantd::testing {

/// Below the range that the kernel takes for outgoing connections (32768 upward on Linux): a server
/// that is down must find its port again, and a client that keeps asking for it must not be
/// connected to itself.
inline std::uint16_t free_port() {
  constexpr std::uint16_t first = 20'000;
  constexpr std::uint16_t last = 32'000;
  constexpr int tries = 200;
  std::random_device random;
  std::uniform_int_distribution<int> any(first, last);
  for (int i = 0; i < tries; ++i) {
    const auto port = static_cast<std::uint16_t>(any(random));
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (socket < 0) break;
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const bool bound =
        ::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    ::close(socket);
    if (bound) return port;
  }
  throw std::runtime_error("no free port");
}

}  // namespace grantd::testing

/// What OpenSSL's session ticket callback asks of TicketKeys.
#pragma once

#include <array>
#include <cstddef>
#include <mutex>
#include <optional>
#include <span>

#include "server/http/tls/context.h"

namespace grantd::http::tls {

struct TicketKey {
  std::array<std::byte, 16> name{};
  std::array<unsigned char, 32> cipher_key{};
  std::array<unsigned char, 32> mac_key{};

  TicketKey() = default;
  TicketKey(const TicketKey&) = default;
  TicketKey& operator=(const TicketKey&) = default;
  ~TicketKey();
};

class TicketKeys::Impl {
 public:
  Impl(const Clock& clock, Random& random) : clock_(clock), random_(random) {}

  [[nodiscard]] TicketKey current();
  struct Found {
    TicketKey key{};
    bool renew{false};  // the key before the current one: the client should get a new ticket
  };
  [[nodiscard]] std::optional<Found> find(std::span<const std::byte, 16> name);
  void random_fill(std::span<std::byte> out) { random_.fill(out); }

 private:
  struct Generation {
    TicketKey key{};
    SteadyTime made{};
  };
  void rotate_if_due();
  [[nodiscard]] Generation generate(SteadyTime now);

  const Clock& clock_;
  Random& random_;
  std::mutex mutex_;
  std::optional<Generation> current_;
  std::optional<Generation> previous_;
};

/// Makes `context` seal its tickets with `keys`, which outlive it and its connections.
void use_ticket_keys(SSL_CTX* context, const TicketKeys& keys);

}  // namespace grantd::http::tls

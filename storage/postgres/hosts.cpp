#include "storage/postgres/hosts.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <system_error>
#include <thread>

namespace grantd::storage::postgres {
namespace {

/// Can never be there. Without it libpq would look for a password in the home directory.
constexpr const char* no_file = "/dev/null/none";

std::string value_of(const Keywords& keywords, const std::string& name) {
  const auto found = keywords.find(name);
  return found == keywords.end() ? std::string{} : found->second;
}

/// As libpq reads a list: "a,,b" has three elements, "" none.
std::vector<std::string> split_list(const std::string& list) {
  std::vector<std::string> parts;
  if (list.empty()) return parts;
  for (std::size_t begin = 0;;) {
    const std::size_t comma = list.find(',', begin);
    parts.push_back(list.substr(begin, comma - begin));
    if (comma == std::string::npos) return parts;
    begin = comma + 1;
  }
}

/// Sets `name` of the host at `index`: its own element, or the only one for all.
void set_element(Keywords& host, const std::string& name, const std::vector<std::string>& parts,
                 std::size_t index) {
  host.erase(name);
  if (parts.empty()) return;
  const std::string& value = parts.size() == 1 ? parts.front() : parts[index];
  if (!value.empty()) host[name] = value;
}

bool is_numeric(const std::string& host) {
  std::array<unsigned char, sizeof(in6_addr)> ignored{};
  // "fe80::1%eth0" has a zone, which inet_pton does not know.
  return ::inet_pton(AF_INET, host.c_str(), ignored.data()) == 1 ||
         ::inet_pton(AF_INET6, host.substr(0, host.find('%')).c_str(), ignored.data()) == 1;
}

bool is_loopback(const std::string& host) {
  std::array<unsigned char, sizeof(in6_addr)> address{};
  if (host == "localhost" || host == "::1") return true;
  return ::inet_pton(AF_INET, host.c_str(), address.data()) == 1 && address[0] == 127;
}

/// What the thread that looks up and the one that waits share.
struct Lookup {
  std::mutex mutex;
  std::condition_variable done;
  std::optional<std::expected<std::vector<std::string>, std::string>> outcome;
};

std::atomic<std::size_t> running_lookups{0};

std::expected<std::vector<std::string>, std::string> addresses_of(const std::string& name) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int code = ::getaddrinfo(name.c_str(), nullptr, &hints, &found); code != 0) {
    return std::unexpected(name + " cannot be looked up: " + ::gai_strerror(code));
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owned(found, &::freeaddrinfo);
  std::vector<std::string> addresses;
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
    std::array<char, NI_MAXHOST> text{};
    if (addresses.size() == max_addresses) break;
    if (::getnameinfo(each->ai_addr, each->ai_addrlen, text.data(), text.size(), nullptr, 0,
                      NI_NUMERICHOST) == 0) {
      addresses.emplace_back(text.data());
    }
  }
  return addresses;
}

std::expected<std::vector<std::string>, std::string> addresses_in_time(const std::string& name,
                                                                       SteadyTime deadline) {
  if (running_lookups.fetch_add(1) >= max_lookups) {
    --running_lookups;
    return std::unexpected(name + " cannot be looked up: earlier look-ups still wait");
  }
  const auto lookup = std::make_shared<Lookup>();
  try {
    std::thread([lookup, name] {
      auto outcome = addresses_of(name);
      --running_lookups;
      const std::lock_guard lock(lookup->mutex);
      lookup->outcome = std::move(outcome);
      lookup->done.notify_one();
    }).detach();
  } catch (const std::system_error& error) {
    --running_lookups;
    return std::unexpected(name + " cannot be looked up: " + error.what());
  }
  std::unique_lock lock(lookup->mutex);
  if (!lookup->done.wait_until(lock, deadline, [&] { return lookup->outcome.has_value(); })) {
    return std::unexpected(name + " could not be looked up in time");
  }
  return *lookup->outcome;
}

}  // namespace

std::expected<std::vector<Keywords>, std::string> split_hosts(const Keywords& parameters) {
  if (parameters.contains("password")) {
    return std::unexpected("a password belongs into a file, not among the connection's parameters");
  }
  const auto hosts = split_list(value_of(parameters, "host"));
  const auto addresses = split_list(value_of(parameters, "hostaddr"));
  const auto ports = split_list(value_of(parameters, "port"));
  if (hosts.empty() && addresses.empty()) return std::unexpected("no host is named");
  const std::size_t count = std::max(hosts.size(), addresses.size());
  if (std::ranges::find(hosts, "") != hosts.end()) {
    return std::unexpected("host has an empty element, which would be whatever socket is there");
  }
  if ((!hosts.empty() && hosts.size() != count) ||
      (!addresses.empty() && addresses.size() != count)) {
    return std::unexpected("host and hostaddr name different numbers of hosts");
  }
  if (ports.size() > 1 && ports.size() != count) {
    return std::unexpected("port names " + std::to_string(ports.size()) + " ports for " +
                           std::to_string(count) + " hosts");
  }
  std::vector<Keywords> split;
  for (std::size_t i = 0; i < count; ++i) {
    Keywords host = parameters;
    set_element(host, "host", hosts, i);
    set_element(host, "hostaddr", addresses, i);
    set_element(host, "port", ports, i);
    if (!is_local_socket(host)) host.try_emplace("sslmode", "verify-full");
    host.try_emplace("target_session_attrs", "read-write");
    host.try_emplace("application_name", "grantd");
    // Asking for Kerberos costs a round trip, and may block in its library.
    host.try_emplace("gssencmode", "disable");
    host["client_encoding"] = "UTF8";
    host["passfile"] = no_file;
    split.push_back(std::move(host));
  }
  return split;
}

std::expected<std::vector<Keywords>, std::string> look_up(const Keywords& host,
                                                          SteadyTime deadline) {
  const std::string name = value_of(host, "host");
  if (is_local_socket(host) || host.contains("hostaddr") || is_numeric(name))
    return std::vector{host};
  const auto addresses = addresses_in_time(name, deadline);
  if (!addresses) return std::unexpected(addresses.error());
  std::vector<Keywords> reached;
  for (const std::string& address : *addresses) {
    reached.push_back(host);
    reached.back()["hostaddr"] = address;
  }
  return reached;
}

bool is_local_socket(const Keywords& host) {
  const std::string name = value_of(host, "host");
  // "@" begins an abstract one.
  return !host.contains("hostaddr") && (name.starts_with('/') || name.starts_with('@'));
}

std::string display_name(const Keywords& host) {
  std::string name = value_of(host, host.contains("host") ? "host" : "hostaddr");
  if (const auto port = value_of(host, "port"); !port.empty()) name += ':' + port;
  return name;
}

std::optional<std::string> tls_warning(const Keywords& host) {
  if (is_local_socket(host)) return std::nullopt;
  const std::string address = value_of(host, host.contains("hostaddr") ? "hostaddr" : "host");
  const std::string mode = value_of(host, "sslmode");
  if (mode == "verify-full" || is_loopback(address)) return std::nullopt;
  return display_name(host) + " is reached with sslmode=" + mode +
         ": whoever is on the way can pose as the database; use verify-full";
}

}  // namespace grantd::storage::postgres

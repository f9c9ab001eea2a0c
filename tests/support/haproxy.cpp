#include "tests/support/haproxy.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "tests/support/free_port.h"

namespace grantd::testing {
namespace {

namespace fs = std::filesystem;

std::string find_program() {
  const char* path = std::getenv("PATH");
  std::istringstream folders((path == nullptr ? "" : std::string(path) + ":") +
                             "/usr/sbin:" + GRANTD_SOURCE_DIR + "/build/tools/gateways/usr/sbin");
  for (std::string folder; std::getline(folders, folder, ':');) {
    if (fs::exists(fs::path(folder) / "haproxy")) return fs::path(folder) / "haproxy";
  }
  throw std::runtime_error(
      "There is no HAProxy to test with: install the package haproxy (Debian, Ubuntu).");
}

/// Connections to a server that went down end at once: their clients come again and get another.
std::string configuration(std::uint16_t port) {
  return "global\n"
         "  stats socket unix@./admin mode 600 level admin\n"
         "  maxconn 2000\n"
         "defaults\n"
         "  mode tcp\n"
         "  timeout connect 500ms\n"
         "  timeout client 30s\n"
         "  timeout server 30s\n"
         "  timeout check 500ms\n"
         "  retries 3\n"
         "  option redispatch 1\n"
         "frontend public\n"
         "  bind 127.0.0.1:" +
         std::to_string(port) +
         "\n"
         "  default_backend nodes\n"
         "backend nodes\n"
         "  balance roundrobin\n"
         "  option httpchk GET /readyz\n"
         "  http-check expect status 200\n";
}

}  // namespace

Haproxy::Haproxy() : port_(free_port()) {
  write_text(directory_ / "haproxy.cfg", configuration(port_));
  process_ = std::make_unique<Process>(std::vector<std::string>{
      find_program(), "-db", "-C", directory_.path(), "-f", "haproxy.cfg"});
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!fs::exists(directory_ / "admin") || admin("show info").empty()) {
    if (std::chrono::steady_clock::now() > deadline) {
      throw std::runtime_error("HAProxy: " + process_->stop().err);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

Haproxy::~Haproxy() { process_->signal(SIGKILL); }

std::string Haproxy::admin(const std::string& line) {
  const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (socket < 0) throw std::runtime_error("no socket");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const auto path = (directory_ / "admin").string();
  path.copy(static_cast<char*>(address.sun_path), sizeof address.sun_path - 1);
  std::string answer;
  const auto request = line + "\n";
  if (::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
      ::send(socket, request.data(), request.size(), MSG_NOSIGNAL) ==
          static_cast<ssize_t>(request.size())) {
    std::array<char, 4096> buffer{};
    for (ssize_t got = 0; (got = ::recv(socket, buffer.data(), buffer.size(), 0)) > 0;) {
      answer.append(buffer.data(), static_cast<std::size_t>(got));
    }
  }
  ::close(socket);
  while (answer.ends_with('\n')) answer.pop_back();
  return answer;
}

void Haproxy::expect(const std::string& line, const std::string& answer) {
  const auto said = admin(line);
  if (said != answer) throw std::runtime_error("HAProxy: " + line + ": " + said);
}

void Haproxy::add(const std::string& name, std::uint16_t port, std::uint16_t ops_port) {
  expect("add server nodes/" + name + " 127.0.0.1:" + std::to_string(port) + " check port " +
             std::to_string(ops_port) + " inter " + std::to_string(check_interval.count()) +
             "ms fall 1 rise 1 on-marked-down shutdown-sessions",
         "New server registered.");
  // A dynamic server comes up before its first check unless it is told that it is down.
  expect("set server nodes/" + name + " health down", "");
  expect("enable health nodes/" + name, "");
  expect("enable server nodes/" + name, "");
}

void Haproxy::drain(const std::string& name) {
  expect("set server nodes/" + name + " state drain", "");
}

void Haproxy::remove(const std::string& name) {
  expect("set server nodes/" + name + " state maint", "");
  expect("shutdown sessions server nodes/" + name, "");
  // The sessions' ends are worked off first.
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (admin("del server nodes/" + name) != "Server deleted.") {
    if (std::chrono::steady_clock::now() > deadline) {
      throw std::runtime_error("HAProxy keeps server " + name);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

bool Haproxy::is_up(const std::string& name) {
  std::istringstream lines(admin("show stat"));
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("nodes," + name + ",")) {
      return line.find(",UP,") != std::string::npos;
    }
  }
  return false;
}

}  // namespace grantd::testing

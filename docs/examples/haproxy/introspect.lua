-- Token introspection (RFC 7662) for introspection.cfg: reads txn.bearer, sets txn.answer to grantd's
-- JSON, and to nothing where grantd gave none. Answers are kept for a second from when they were
-- asked for, so that a revoked token is refused a second later at the latest.

local CACHE_SECONDS = 1
local MAX_ENTRIES = 10000
local TIMEOUT_MS = 5000

local cache, entries = {}, 0

local function seconds()
    local now = core.now()
    return now.sec + now.usec / 1000000
end

local function remember(token, answer, asked)
    if entries >= MAX_ENTRIES then  -- a flood of tokens costs questions, not memory
        cache, entries = {}, 0
    end
    if not cache[token] then
        entries = entries + 1
    end
    cache[token] = { answer = answer, asked = asked }
end

core.register_action("introspect", { "http-req" }, function(txn)
    local token = txn:get_var("txn.bearer")
    local known = cache[token]
    local asked = seconds()
    if known and asked - known.asked < CACHE_SECONDS then
        txn:set_var("txn.answer", known.answer)
        return
    end
    local response = core.httpclient():post({
        url = "http://127.0.0.1/introspect",  -- `dst` says where it goes; a name would be looked up
        dst = "unix@@RUN@/grantd.sock",
        headers = { ["content-type"] = { "application/x-www-form-urlencoded" } },
        body = "token=" .. token,  -- its characters were checked: none needs encoding
        timeout = TIMEOUT_MS,
    })
    if response and response.status == 200 then
        remember(token, response.body, asked)
        txn:set_var("txn.answer", response.body)
    end
end)

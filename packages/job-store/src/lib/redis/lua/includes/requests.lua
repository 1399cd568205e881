-- Decides about messages that request a job. Comes after work-of-call.lua.
-- Replies: none of its own
--
-- The origin of a message is '<createdAt> <attempt> <version> <time at which it was due, or 0>', or '' if this job has not stored the
-- message.

local leaseNow, away

-- Returns the version of a message and the time at which it was due, and whether it belongs to another run. A known message without an
-- origin counts as stored at the version at which it was seen. Returns nil if the message has no origin.
local function originOf(origin, messageId, state)
  local created, attempt, version, due = match(origin, '^(%d+) (%d+) (%d+) (%d+)$')
  if created then return tonumber(version), tonumber(due), created ~= state.created or attempt ~= state.attempt end
  for _, seen in ipairs(state.more.seen or {}) do
    if seen[1] == messageId then return tonumber(seen[2]), 0, false end
  end
  return nil
end

-- Returns the version and the time of a queue in a list of the work state.
local function markOf(list, queue)
  for _, mark in ipairs(list or {}) do
    if mark[1] == queue then return tonumber(mark[2]), tonumber(mark[3]) end
  end
  return nil
end

-- Returns true if the latest claim of the queue with an outcome answers a message, too.
local function isHandled(state, queue, version, due)
  local handledVersion, handledAt = markOf(state.more.handled, queue)
  return handledVersion and version <= handledVersion and due <= handledAt
end

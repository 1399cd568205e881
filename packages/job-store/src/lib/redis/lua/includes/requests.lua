-- Decides about messages that request a job. Comes after work-of-call.lua.
-- Replies: none of its own
--
-- The origin of a message is '<createdAt> <attempt> <version> <time at which it was due, or 0>', or '' if this job has not stored the
-- message.

local leaseNow

-- Returns the version of a message and the time at which it was due, and whether it belongs to another run. A known message without an
-- origin counts as stored at the version at which it was seen. Returns nil if the message has no origin.
local function originOf(origin, messageId, state)
  if origin == '' then
    local seen = messageId and works.valuesOf(state, 's', messageId)
    return seen and tonumber(seen), 0, false
  end
  local run, version, due = match(origin, '^(%d+ %d+) (%d+) (%d+)$')
  return tonumber(version), tonumber(due), run ~= state.run
end

-- Returns true if the latest claim of the queue with an outcome answers a message, too.
local function isHandled(state, queue, version, due)
  local handledVersion, handledAt = works.markOf(state, 'h', queue)
  return handledVersion and version <= handledVersion and due <= handledAt
end

-- Collects the events of a script. publish.lua adds them to the log.
-- Replies: none of its own

-- `events`: different events, in order, as JSON members without the job. `idsByEvent`: the jobs of each.
local events, idsByEvent = {}, {}

local function addEvent(event, id)
  local ids = idsByEvent[event]
  if ids then
    ids[#ids + 1] = id
  else
    idsByEvent[event] = { id }
    events[#events + 1] = event
  end
end

-- Deletes the work states of jobs, with their messages and leases. Comes after work-changes.lua.
-- Replies: none of its own

local function deleteWork(ids)
  local works = workChanges(workStates(now, nil, workKey, workMessagesKey, leasesKey, waitsKey))
  for n, text in ipairs(redis.call('HMGET', workKey, unpack(ids))) do
    local state = works.read(text)
    if state then
      works.finishRun(ids[n], state)
      state.lines = ''
      works.keep(ids[n], state)
    end
  end
  works.finish()
end

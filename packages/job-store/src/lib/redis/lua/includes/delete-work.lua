-- Deletes the work states of jobs, with their messages, leases and places. Comes after work-changes.lua.
-- Replies: none of its own

local function deleteWork(ids)
  local works = workChanges(workStates(now, outboxKey, workKey, workMessagesKey, leasesKey, waitsKey, limitsKey, listsKey, rulesKey))
  for n, text in ipairs(redis.call('HMGET', workKey, unpack(ids))) do
    local state = works.read(text)
    if state then
      works.finishRun(ids[n], state)
      state.lines = ''
      if find(text, '\n[lp]') then works.places().forgetJob(ids[n], text) end
      works.keep(ids[n], state)
    end
  end
  works.finish()
end

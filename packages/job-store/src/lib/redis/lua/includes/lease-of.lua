-- Reads the lease in a work state; see work-state.lua.
-- Replies: none of its own

-- Returns the lease in the text of a work state: creation time and version of its job, the end by the clock (ms), and 'o' if a worker owns
-- it, else 'w', with spaces between them. Returns false if there is none, or if it has ended. `away`: see contact.lua.
local function leaseOf(text, now, away)
  local created, lease, ending, version = string.match(text or '', '^(%d+) %d+ ([ow]) (%d+) %d+ (%d+)')
  if lease == 'o' then ending = ending + away end
  local isOver = not lease or tonumber(ending) <= now
  return not isOver and created .. ' ' .. version .. ' ' .. string.format('%.0f', ending) .. ' ' .. lease
end

-- Begins every script that changes pauses. Comes after pauses.lua.
--
-- KEYS: 1 metadata (hash), 2 pauses (hash; see pauses.lua)
-- ARGV: 1 deadline (ms by this server's clock), 2 id of the caller's connection, 3 queue (JSON); then the arguments of the command
-- Replies: { 'late' }  the deadline has passed, or the caller has lost the connection: nothing was changed, and nothing will be

local clock = redis.call('TIME')
local now = clock[1] .. string.sub('00000' .. clock[2], -6, -4)
if tonumber(now) > tonumber(ARGV[1]) then return { 'late' } end
-- As in begin-write.lua: an earlier attempt must not be carried out after the call and a later one.
if string.find(redis.call('HGET', KEYS[1], 'lost') or '', ARGV[2], 1, true) then return { 'late' } end

local function removePause(queue) redis.call('HDEL', KEYS[2], queue) end

-- Removes the pauses that have ended, and records the latest end of the others in the metadata.
local function finishChange()
  local pauses, latest = redis.call('HGETALL', KEYS[2]), '0'
  for i = 1, #pauses, 2 do
    local ending = string.match(pauses[i + 1], '^%d+ (%d+)') or '0'
    if ending <= now then removePause(pauses[i]) end
    if ending > latest then latest = ending end
  end
  redis.call('HSET', KEYS[1], 'paused', latest)
end

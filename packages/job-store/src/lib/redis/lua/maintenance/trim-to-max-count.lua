-- Deletes the oldest jobs of a status that has more than its maximum count, as far as the caller names them. A script may use only keys
-- that its caller declares, so the reply has ids for the next run: as many as there were excess jobs. A named job that is not among the
-- oldest any more, because it left the status or entered it again, is kept. Comes after begin-write.lua, for which each named job is a
-- call, and deletion.lua.
-- ARGV: 3 maximum count, 4 maximum number of ids in the reply; from 5 on, the lowest score, the highest score and the TTL (ms) of each
--       code of the status
-- Replies: { 'done', number of excess jobs that remain, id … }

local ranges, excess = {}, -ARGV[3]
for i = 5, #ARGV, 3 do
  local lowest, ttl = ARGV[i], ARGV[i + 2]
  -- Expired jobs do not count.
  if ttl ~= '0' then lowest = lowest + math.max(0, now - ttl) end
  ranges[#ranges + 1] = { lowest, ARGV[i + 1] }
  excess = excess + redis.call('ZCOUNT', KEYS[2], lowest, ARGV[i + 1])
end

reply[2] = math.max(0, excess)
if excess > 0 then
  local keys, oldest, wanted = {}, {}, math.min(excess, ARGV[4])
  for i = 5, 4 + calls do keys[sub(KEYS[i], ID_AT)] = KEYS[i] end
  for _, range in ipairs(ranges) do
    local found = redis.call('ZRANGEBYSCORE', KEYS[2], range[1], range[2], 'WITHSCORES', 'LIMIT', 0, calls + wanted)
    for i = 1, #found, 2 do oldest[#oldest + 1] = { id = found[i], entered = found[i + 1] % SPAN } end
  end
  if #ranges > 1 then table.sort(oldest, function(a, b) return a.entered < b.entered end) end
  for i = 1, math.min(calls + wanted, #oldest) do
    local id = oldest[i].id
    if i <= excess and keys[id] then
      deleteJob(keys[id], beginningOf(keys[id]))
      reply[2] = reply[2] - 1
    elseif #reply < 2 + wanted then
      reply[#reply + 1] = id
    end
  end
  finishDeletion()
end

-- Deletes jobs that the caller names, oldest first, as far as they are among those that a status has too many of. Whoever
-- has left the status since, or entered it anew, is not. Comes after log.lua.
-- KEYS: 7 removals (operation id, scored by its deadline); from 8 on, the jobs named
-- ARGV: 1 edition of the map the caller knows, 2 how many may stay, 3 how many of the oldest to name in the reply, or 0,
--       5 code and ttl (ms) of each code of the status; from 6 on, ids of the jobs named
-- Replies: { 'stale' } or { 'trimmed', how many are still too many, how many named jobs need not be named again, how many of
--          those had gone before, id … }  the oldest, once half of the places are taken

if map[1] ~= ARGV[1] then return { 'stale' } end
local most = tonumber(ARGV[2])

local ranges, count = {}, 0
for code, ttl in string.gmatch(ARGV[5], '(%d+) (%d+)') do
  local base = code * 4398046511104
  local lowest = tonumber(ttl) > 0 and math.max(0, now - ttl) or 0
  local range = { base = base, first = base + lowest, last = base + 4398046511103 }
  ranges[#ranges + 1] = range
  count = count + redis.call('ZCOUNT', KEYS[2], int(range.first), int(range.last))
end

-- When a live job of the status entered it.
local function entered(id)
  local score = tonumber(redis.call('ZSCORE', KEYS[2], id) or -1)
  for _, range in ipairs(ranges) do
    if score >= range.first and score <= range.last then return score - range.base end
  end
end

local function countBefore(time)
  local before = 0
  for _, range in ipairs(ranges) do
    before = before + redis.call('ZCOUNT', KEYS[2], int(range.first), '(' .. int(range.base + time))
  end
  return before
end

-- A retry of an operation that the record remembers must not take a later job of this id for the one it meant.
local function forget(text)
  local created, ops = string.match(text, '"times":%[(%d+),'), string.match(text, '\n"ops":"([^"\n]*)",\n')
  for op, deadline in string.gmatch(created and ops or '', '(%w+) (%-?%d+) %d+') do
    if deadline + created + 1000 >= now then redis.call('ZADD', KEYS[7], int(deadline + created), op) end
  end
end

local surplus, tried, late = count - most, 0, 0
for i = 6, #ARGV do
  if surplus <= 0 then break end
  local time = entered(ARGV[i])
  if time and (countBefore(time) >= surplus or not mayTouch(KEYS[i + 2], largestStored)) then break end
  tried = tried + 1
  if time then
    local text = redis.pcall('GET', KEYS[i + 2])
    if type(text) == 'string' then
      touched = touched + #text
      forget(text)
    end
    if redis.call('DEL', KEYS[i + 2]) == 1 then announce('deleted', ARGV[i], '') end
    displace({ ARGV[i] })
    surplus = surplus - 1
  else
    late = late + 1
  end
end

publish()

local reply = { 'trimmed', surplus, tried, late }
if ARGV[3] == '0' or count * 2 < most then return reply end
local oldest = {}
for _, range in ipairs(ranges) do
  local jobs = redis.call('ZRANGEBYSCORE', KEYS[2], int(range.first), int(range.last), 'WITHSCORES', 'LIMIT', 0, ARGV[3])
  for i = 1, #jobs, 2 do oldest[#oldest + 1] = { id = jobs[i], entered = jobs[i + 1] - range.base } end
end
if #ranges > 1 then table.sort(oldest, function(a, b) return a.entered < b.entered end) end
for i = 1, math.min(#oldest, tonumber(ARGV[3])) do reply[#reply + 1] = oldest[i].id end
return reply

-- Deletes jobs that the caller names, oldest first, as far as they are among those that a status has too many of. Whoever
-- has left the status since, or entered it anew, is not. Comes after indexes.lua, events.lua,
-- record.lua and operations.lua.
-- KEYS: from 9 on, the jobs named
-- ARGV: 1 edition of the map the caller knows, 2 how many may stay, 3 how many of the oldest to name in the reply, or 0,
--       4 code and ttl (ms) of each code of the status; from 5 on, ids of the jobs named
-- Replies: { 'stale' } or { 'trimmed', how many are still too many, how many named jobs need not be named again, how many of
--          those had gone before, id … }  the oldest, once half of the places are taken

if metadata[1] ~= ARGV[1] then return { 'stale' } end
local most = tonumber(ARGV[2])

local ranges, count = {}, 0
for code, ttl in string.gmatch(ARGV[4], '(%d+) (%d+)') do
  local base = code * 10000000000000
  local lowest = tonumber(ttl) > 0 and math.max(0, now - ttl) or 0
  local range = { base = base, first = base + lowest, last = base + 9999999999999 }
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

local known, buried = operations(), {}

-- Adds the operations of a record that may still be repeated to `buried`.
local function buryOperations(text)
  local times = find(text, ',"times":[', 1, true)
  local created, ops, history = readTimes(text, times and times + 10 or 1)
  local close = created and find(text, '\n],', history, true)
  if not close then return end
  known.collect(buried, sub(text, history, close), ops, created)
end

local surplus, tried, late = count - most, 0, 0
for i = 5, #ARGV do
  if surplus <= 0 then break end
  local time = entered(ARGV[i])
  if time and (countBefore(time) >= surplus or not mayTouch(KEYS[i + 4], largestStored)) then break end
  tried = tried + 1
  if time then
    local text = redis.pcall('GET', KEYS[i + 4])
    if type(text) == 'string' then
      touched = touched + #text
      buryOperations(text)
    end
    if redis.call('DEL', KEYS[i + 4]) == 1 then addEvent('"type":"deleted","at":' .. now, ARGV[i]) end
    unindex({ ARGV[i] })
    surplus = surplus - 1
  else
    late = late + 1
  end
end

if #buried > 0 then known.bury(buried) end

local reply = { 'trimmed', surplus, tried, late }
if ARGV[3] ~= '0' and count * 2 >= most then
  local oldest = {}
  for _, range in ipairs(ranges) do
    local jobs = redis.call('ZRANGEBYSCORE', KEYS[2], int(range.first), int(range.last), 'WITHSCORES', 'LIMIT', 0, ARGV[3])
    for i = 1, #jobs, 2 do oldest[#oldest + 1] = { id = jobs[i], entered = jobs[i + 1] - range.base } end
  end
  if #ranges > 1 then table.sort(oldest, function(a, b) return a.entered < b.entered end) end
  for i = 1, math.min(#oldest, tonumber(ARGV[3])) do reply[#reply + 1] = oldest[i].id end
end

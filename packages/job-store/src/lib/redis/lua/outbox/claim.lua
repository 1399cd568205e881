-- Claims entries for a limited time: first those whose claim has ended, then those that were never claimed. Before that, it makes entries
-- of the stored messages of ended leases, of messages that waited for a place, and of delayed messages that are due. A claim that is repeated returns the entries of the first
-- attempt, except for removed ones. Comes after read-limit.lua, begin-outbox.lua and ended-leases.lua.
-- KEYS: 6 last claim of the reader, and the entries that it returned, 7 metadata (hash), 16 scheduled messages (number, scored by due
--       time), 17 scheduled entries (number -> fields)
-- ARGV: 2 maximum number of entries, 3 duration of the claim (ms), 4 id of the claim
-- Replies: { 'stale' }  the store has a newer format: nothing was changed
--          { 'claimed', last entry that was ever claimed, ms until the next claim ends or the next message is due, or '',
--          entry … }

local leaseNow = contact(KEYS[7], gapsKey, now)
if not leaseNow then return { 'stale' } end
sendEnded(leaseNow)

local limit = tonumber(ARGV[2])
local entries, largestRead = {}, 0

-- The size of a message is known only after it was read, so the next one is expected to be as large as the largest so far. If it is
-- larger, the script reads one message too much.
local function hasRoom()
  return #entries < limit and (#entries == 0 or bytesRead + largestRead <= MAX_SCRIPT_BYTES)
end

local function take(entry)
  local size = #(entry[2][6] or '')
  bytesRead, largestRead = bytesRead + size, math.max(largestRead, size)
  entries[#entries + 1] = entry
end

local function add(id)
  local entry = redis.call('XRANGE', KEYS[1], id, id)[1]
  if entry then take(entry) else redis.call('ZREM', KEYS[2], id) end
end

-- The fraction of a millisecond keeps claims that end together in commit order.
local function claimUntil(time, id, place)
  redis.call('ZADD', KEYS[2], string.format('%.10f', time + place / 1024), id)
end

local lastClaimed, earlier = unpack(redis.call('MGET', KEYS[3], KEYS[6]))
local claim, given = string.match(earlier or '', '^(%S+)(.*)$')
if claim == ARGV[4] then
  local spare = 0
  for id in string.gmatch(given, '%S+') do
    if hasRoom() then
      add(id)
    else
      -- The next claim returns the entries for which there is no room.
      claimUntil(now - 1, id, spare)
      spare = spare + 1
    end
  end
end

local repeated = #entries > 0
if not repeated then
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now, 'LIMIT', 0, limit)) do
    if hasRoom() then add(id) end
  end
end

-- Moves messages that are due to the end of the stream, in the order of their due times. A run moves no more than it has room to return,
-- and a fraction of the bytes. So an entry that is stored while many messages are due has few of them before it.
local function moveDue()
  local numbers, moved = redis.call('ZRANGEBYSCORE', KEYS[16], '-inf', now, 'LIMIT', 0, limit - #entries), 0
  for _, number in ipairs(numbers) do
    local size = redis.call('HSTRLEN', KEYS[17], number)
    if moved > 0 and moved + size > MAX_SCRIPT_BYTES / 4 then break end
    moved = moved + size
    redis.call('XADD', KEYS[1], '*', unpack(cjson.decode(redis.call('HGET', KEYS[17], number))))
    redis.call('HDEL', KEYS[17], number)
    redis.call('ZREM', KEYS[16], number)
  end
  bytesRead = bytesRead + moved
end
if not repeated and hasRoom() then moveDue() end

local last = lastClaimed or '0-0'
if not repeated and hasRoom() then
  local largest = tonumber(redis.call('HGET', KEYS[7], 'largest') or DEFAULT_LARGEST)
  repeat
    local count = math.min(limit - #entries, math.max(1, math.floor((MAX_SCRIPT_BYTES - bytesRead) / largest)))
    local found = redis.call('XRANGE', KEYS[1], '(' .. last, '+', 'COUNT', count)
    for _, entry in ipairs(found) do
      take(entry)
      last = entry[1]
    end
  until #found < count or not hasRoom()
  redis.call('SET', KEYS[3], last)
end

if #entries > 0 then
  local ids = { ARGV[4] }
  for i, entry in ipairs(entries) do
    claimUntil(now + tonumber(ARGV[3]), entry[1], i - 1)
    ids[i + 1] = entry[1]
  end
  redis.call('SET', KEYS[6], table.concat(ids, ' '), 'PX', ARGV[3])
end

local function lowestScore(key) return tonumber(redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')[2] or math.huge) end
local soonest = math.min(lowestScore(KEYS[2]), lowestScore(KEYS[16]))
local reply = { 'claimed', last, soonest < math.huge and string.format('%.0f', math.max(0, soonest - now)) or '' }
for _, entry in ipairs(entries) do reply[#reply + 1] = entry end
return reply

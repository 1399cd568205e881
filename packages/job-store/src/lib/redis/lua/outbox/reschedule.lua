-- Changes the due times of scheduled messages, also in their origins and in the work states of their jobs, or deletes the messages; as many
-- as one script may read. A repeated call returns the results of the first attempt. Comes after read-limit.lua, numbers.lua,
-- begin-outbox.lua and work-changes.lua.
-- KEYS: 6 results of this call, 7 work states and 8 their messages (hashes), 9 leases and 10 waits (sorted sets; see work-state.lua),
--       11 scheduled messages (number, scored by due time), 12 scheduled entries (number -> fields)
-- ARGV: 2 new due time (ms), or '' to delete the messages; from 3 on, numbers of messages
-- Replies: { 'done', for each message that was handled '1' if it was changed, else '0' }

-- The deadline of a repeated call is an estimate of the same time.
local KEPT_MS = 2000

local earlier = redis.call('GET', KEYS[6])
if earlier then return { 'done', earlier } end

local works = workChanges(workStates(now, nil, unpack(KEYS, 7, 10)))

-- Work states by job. false: there is none.
local states = {}

-- Changes the due time of the newest message of a queue, if it is this message. `dueAt` nil: the message is deleted. Then no newer message
-- is known any more, and an unreadable older one can fail the job.
local function changeNewest(fields, due, dueAt)
  local id, queue = fields[2], string.match(fields[6], '^{"queue":(".-"),"headers":{')
  local run, version = string.match(fields[8], '^(%d+ %d+) (%d+) ')
  if states[id] == nil then states[id] = works.read(redis.call('HGET', KEYS[7], id)) or false end
  local state = states[id]
  if not state or state.run ~= run or works.valuesOf(state, 'm', queue) ~= version .. ' ' .. due then return end
  -- Every message is newer than version 0.
  works.addMessage(state, queue, dueAt and version or '0', dueAt or '0')
  works.keep(id, state)
end

local function change(number)
  local due = int(redis.call('ZSCORE', KEYS[11], number))
  local fields = cjson.decode(redis.call('HGET', KEYS[12], number))
  if ARGV[2] == '' then
    changeNewest(fields, due)
    redis.call('HDEL', KEYS[12], number)
    redis.call('ZREM', KEYS[11], number)
    return
  end
  -- Later than now: a claim at this time covers the messages that are due by it, and this one was not.
  local dueAt = int(math.max(ARGV[2], now + 1))
  changeNewest(fields, due, dueAt)
  fields[8] = string.gsub(fields[8], '%d+$', dueAt)
  if tonumber(ARGV[2]) > now then
    redis.call('HSET', KEYS[12], number, cjson.encode(fields))
    redis.call('ZADD', KEYS[11], dueAt, number)
  else
    redis.call('XADD', KEYS[1], '*', unpack(fields))
    redis.call('HDEL', KEYS[12], number)
    redis.call('ZREM', KEYS[11], number)
  end
end

local results = {}
for i = 3, #ARGV do
  local due = redis.call('ZSCORE', KEYS[11], ARGV[i])
  local isScheduled = due and tonumber(due) > now
  if isScheduled then
    bytesRead = bytesRead + redis.call('HSTRLEN', KEYS[12], ARGV[i])
    if bytesRead > MAX_SCRIPT_BYTES and i > 3 then break end
    change(ARGV[i])
  end
  results[#results + 1] = isScheduled and '1' or '0'
end
works.finish()
local text = table.concat(results)
redis.call('SET', KEYS[6], text, 'PXAT', int(tonumber(ARGV[1]) + KEPT_MS))
return { 'done', text }

-- Reads and writes the text of a record.
--
-- Replies: none of its own
--
-- A record is one JSON document. Parts that change come first, the data comes last and does not move:
--   {"version":2,"status":"running","attempt":1,"ttl":0,"times":[createdAt,statusAt],"history":[
--   [2,"pending","running",statusAt,"<operation>",{by,note,key}],
--   [1,null,"pending",0,"<operation>"]
--   ],
--   "progress":…,
--   "result":…,
--   "error":…,
--   <spaces>
--   "data":…}
-- * The part up to `"ttl":0` is the same for many jobs. Scripts read it once for all of them.
-- * Times are milliseconds since 1970. `times` has a third element, updatedAt, if it differs from statusAt.
-- * The history begins with the newest entry. The id of the operation that made the change follows the time. An imported entry has
--   none, or "" before the metadata of the change. In an entry with an operation, the time 0 is createdAt.
-- * `"ops":"…",` follows the times if recent operations have no entry in the history: a progress, a save, or a change whose entry was
--   dropped or not stored. See operations.lua.
-- * A line of progress, result or error is absent if there is none.
-- * The spaces are room for changes: a change that fits is written over the old text. They can be absent.
-- * A value that begins with `{"form":` has another form, which only newer versions can read, for example because its data is encrypted or
--   compressed. No version writes one yet. All scripts leave it as it is; only a deletion by id alone removes it.
-- JSON text contains no line break, and no quote after a comma inside a string, so positions are found by plain searches.
--
-- Redis' Lua hashes every byte of every string that it creates. So long strings are cut rarely, and at known positions.

-- Returns createdAt, the operations without an entry, and the position of the first entry. `at`: position of the times.
local function readTimes(text, at)
  local created, history = match(text, '^(%d+),[%d,]+%],"history":%[()', at)
  if created then return created, '', history end
  local ops
  created, ops, history = match(text, '^(%d+),[%d,]+%],"ops":"([^"]*)","history":%[()', at)
  return created, ops, history
end

-- Returns the text between the beginning and the data of a record with so many other bytes, if it is written whole: a line break and at least
-- 64 spaces for further changes, up to the next size of the allocator. SETRANGE would double the memory. record-text.ts does the same.
local function roomFor(bytes)
  local room = math.max(0, math.min(64 + (-71 - bytes) % 128, MAX_RECORD_BYTES - bytes - 1))
  return room > 0 and '\n' .. string.rep(' ', room) or ''
end

-- Returns the text between a new beginning of a record with this length and the data, if the beginning is written over the old one:
-- nothing, or a line break and spaces over the rest of the old beginning. Returns nil if the record must be written whole. `stop` is the end
-- of the old beginning, `data` the position of the line break before the data. `expires`: see writeWhole.
local function fillerOf(length, stop, data, expires)
  local spare = data - 1 - length
  -- SET removes an expiry that the job does not have any more.
  if expires == false or spare < 0 or spare == 1 then return nil end
  if spare == 0 then return '' end
  local rest = (stop < data and stop or data - 1) - length - 1
  return rest > 0 and '\n' .. string.rep(' ', rest) or '\n'
end

-- Writes a record whole. `expires`: time of expiry (ms), false for never, nil to keep that of the key.
local function writeWhole(key, record, expires)
  if #record > largestWritten then largestWritten = #record end
  if expires then
    redis.call('SET', key, record, 'PXAT', expires)
  elseif expires == false then
    redis.call('SET', key, record)
  else
    redis.call('SET', key, record, 'KEEPTTL')
  end
end

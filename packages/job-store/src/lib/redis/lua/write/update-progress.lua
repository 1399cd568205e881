-- Records progress of jobs: changes the line of progress and updatedAt.
-- CALL: 1 operation, 2 what the job must have (see expectations.lua), 3 progress (line)
-- Replies: for each call
--          'recorded', ''; 'conflict', version; 'illegal', status (JSON); 'tooLarge', bytes; 'missing', ''; 'unreadable', first bytes of the value

local bytesRead, known = 0, operations()

local function updateProgress(key, operation, expected, progress)
  local text, isWhole = readUntil(key, '\n"data":', 1024)
  if not text then return 'unreadable', '' end
  if text == '' then return redis.call('EXISTS', key) == 1 and 'unreadable' or 'missing', '' end
  local times = find(text, ',"times":[', 1, true)
  local beginning = times and sub(text, 1, times - 1) or ''
  local version, status = match(beginning, '^{"version":(%d+),"status":(".*"),"attempt":%d+,"ttl":%d+$')
  local created, ops, history = readTimes(text, times and times + 10 or 1)
  local close = created and find(text, '\n],', history, true)
  local data = close and find(text, '\n"data":', close, true)
  if not (version and data) then return 'unreadable', sub(text, 1, 8) end
  local stop = find(text, '\n ', close, true) or data
  if repeated then
    if known.hasTombstone(operation) then return 'deletedSince', '' end
    if known.versionOf(operation, '', ops) then return 'recorded', '' end
  end
  if conflicts(expected, version, created, status) then return 'conflict', version end
  if find(FINALS, '\n' .. status .. '\n', 1, true) then return 'illegal', status end

  local entered = match(text, '^,(%d+)', times + 10 + #created)
  local updated = now == entered and '' or ',' .. now
  local head = beginning .. ',"times":[' .. created .. ',' .. entered .. updated .. '],"ops":"'
    .. known.add(known.recent(ops, created), operation, version) .. '","history":[' .. sub(text, history, close + 2)
    .. replacePart(sub(text, close + 3, stop - 1), '\n"progress":', progress)
  local filler = fillerOf(#head, stop, data)
  if not filler and not isWhole then text = redis.call('GET', key) end
  bytesRead = bytesRead + #text
  if filler then
    redis.call('SETRANGE', key, '0', head .. filler)
  else
    local body = sub(text, data)
    local bytes = #head + #body
    if bytes > MAX_RECORD_BYTES then return 'tooLarge', bytes end
    writeWhole(key, head .. roomFor(bytes) .. body, nil)
  end
  addEvent('"type":"progress","version":' .. version .. ',' .. progress .. '"at":' .. now, sub(key, ID_AT))
  return 'recorded', ''
end

for i = 1, calls do
  if i > 1 and bytesRead + largestStored > MAX_SCRIPT_BYTES then break end
  push(reply, updateProgress(KEYS[4 + i], unpack(ARGV, 3 * i, 3 * i + 2)))
end

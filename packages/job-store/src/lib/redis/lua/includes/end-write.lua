-- Ends every script that changes jobs. Comes after publish.lua.
-- Replies: none of its own

-- A record that is larger than all before lowers the number of records that one script may read. Every caller must know it before its
-- next change, so the revision changes, too.
if largestWritten > largestStored then
  while largestStored < largestWritten do largestStored = largestStored * 2 end
  reply[reply[1] == 'created' and 3 or 1] = 'grown'
  redis.call('HSET', KEYS[1], 'largest', largestStored, 'revision', redis.sha1hex(metadata[1] .. now .. largestStored))
end
return reply

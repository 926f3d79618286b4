/** The parts of the cache protocol that have to be atomic. Entries begin with `version second `. */

const READ_VERSIONS = `
local function versions(key)
  local head = redis.call('GETRANGE', key, 0, 63)
  local a, b = string.match(head, '^(%d+) (%d+) ')
  return tonumber(a), tonumber(b)
end
`;

/**
 * KEYS: entry, lease. ARGV: holder, lease in ms, what the bytes of an entry that is of no use begin with, or ''. Returns
 * {1 if granted, current bytes or false}: not granted where the key holds another entry than that.
 */
export const LEASE = `
local current = redis.call('GET', KEYS[1])
if ARGV[3] ~= '' and current and string.sub(current, 1, #ARGV[3]) ~= ARGV[3] then return { 0, current } end
local granted = redis.call('SET', KEYS[2], ARGV[1], 'NX', 'PX', ARGV[2])
return { granted and 1 or 0, current }
`;

/** KEYS: lease. ARGV: holder. */
export const RELEASE = `
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 1
`;

/** KEYS: entry, lease. ARGV: version, second, bytes, keep in ms, holder. Returns 1, or the bytes of a newer entry. */
export const FILL = `${READ_VERSIONS}
if ARGV[5] ~= '' and redis.call('GET', KEYS[2]) == ARGV[5] then redis.call('DEL', KEYS[2]) end
local a, b = versions(KEYS[1])
if a and (tonumber(ARGV[1]) < a or tonumber(ARGV[2]) < b) then return redis.call('GET', KEYS[1]) end
redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[4])
return 1
`;

/** KEYS: entries of one slot. ARGV: version, second, the marker's bytes after both numbers, keep in ms. */
export const BURY = `${READ_VERSIONS}
for _, key in ipairs(KEYS) do
  local a, b = versions(key)
  local version, second = tonumber(ARGV[1]), tonumber(ARGV[2])
  if not a or version > a or second > b then
    version, second = math.max(version, a or 0), math.max(second, b or 0)
    redis.call('SET', key, string.format('%.0f %.0f %s', version, second, ARGV[3]), 'PX', ARGV[4])
  end
end
return 1
`;

/**
 * KEYS: channel. ARGV: message. A script, because it goes to the node that owns the channel's slot: messages of one
 * sender then take one way and keep their order, which a plain PUBLISH to any node would not.
 */
export const PUBLISH = `return redis.call('PUBLISH', KEYS[1], ARGV[1])`;

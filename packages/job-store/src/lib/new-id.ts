let last = 0;
let sequence = 0;

/**
 * Creates a UUID v7: it begins with the time of its creation. Ids that a process creates within a millisecond are in order
 * too: their next 12 bits count up, from a random number below 2048. 62 bits are random.
 */
export function newId(): string {
  const random = crypto.randomUUID();
  const now = Date.now();
  if (now > last) {
    last = now;
    sequence = Number.parseInt(random.slice(0, 3), 16) % 2048;
  } else if (++sequence === 4096) {
    // The time of the ids runs ahead of the clock until the clock has caught up.
    last++;
    sequence = 0;
  }
  const time = last.toString(16).padStart(12, "0");
  return `${time.slice(0, 8)}-${time.slice(8)}-7${sequence.toString(16).padStart(3, "0")}${random.slice(18)}`;
}

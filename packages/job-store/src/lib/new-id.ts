/** Random bytes, drawn for many ids at a time, because a draw takes longer than the rest of an id. */
const pool = new Uint8Array(1024);
let drawn = pool.length;

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

let last = 0;
let sequence = 0;
/** Beginning of the ids of the last millisecond. */
let beginning = "";

/**
 * Creates a UUID v7: it begins with the time of its creation. Ids that a process creates within a millisecond are in order
 * too: their next 12 bits count up, from a random number below 2048. 62 bits are random.
 */
export function newId(): string {
  const now = Date.now();
  if (now > last) startAt(now, ((random() & 7) << 8) | random());
  // From here on, ids are ahead of the clock until the clock passes them.
  else if (++sequence === 4096) startAt(last + 1, 0);
  const count = (sequence >> 8).toString(16) + HEX[sequence & 255];
  const variant = HEX[0x80 | (random() & 0x3f)] + octet();
  return `${beginning}${count}-${variant}-${octet()}${octet()}${octet()}${octet()}${octet()}${octet()}`;
}

function startAt(time: number, first: number): void {
  last = time;
  sequence = first;
  const digits = time.toString(16).padStart(12, "0");
  beginning = `${digits.slice(0, 8)}-${digits.slice(8)}-7`;
}

function octet(): string {
  return HEX[random()] as string;
}

function random(): number {
  if (drawn === pool.length) {
    // In browsers, `randomUUID` is available only on pages that came by https.
    crypto.getRandomValues(pool);
    drawn = 0;
  }
  return pool[drawn++] as number;
}

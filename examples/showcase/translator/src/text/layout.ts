/** Usual limits of broadcasters, with which a line can be read quickly. */
const MAX_LINE_LENGTH = 42;

/** Breaks a text that is too long for one line near its middle, if necessary several times. A text that has lines keeps them. */
export function breakLines(text: string): string {
  return text.includes("\n") ? text : halve(text).join("\n");
}

function halve(text: string): readonly string[] {
  if (text.length <= MAX_LINE_LENGTH) return [text];
  const middle = Math.floor(text.length / 2);
  const [left, right] = [text.lastIndexOf(" ", middle), text.indexOf(" ", middle)];
  const at = right === -1 || (left !== -1 && middle - left <= right - middle) ? left : right;
  if (at <= 0 || at === text.length - 1) return [text];
  return [...halve(text.slice(0, at)), ...halve(text.slice(at + 1))];
}

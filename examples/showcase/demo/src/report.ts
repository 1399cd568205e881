import { resultDetails } from "@showcase/contracts";
import { parseSrt } from "@showcase/contracts/subtitle";
import type { JobView } from "./client.js";

const CUES_OF_EACH_KIND = 4;

/** Returns some cues with their translation, and the cues that were left out. */
export function translationReport(job: JobView, sourceText: string, translatedText: string): string {
  const details = resultDetails.parse(job.details).translation;
  if (!details) throw new TypeError("The job has no details of a translation.");
  const source = new Map(parseSrt(sourceText).map(({ index, text }) => [index, oneLine(text)]));
  const fuzzy = new Set(details.fuzzyCues);
  const pairs = parseSrt(translatedText)
    .map(({ index, text }) => ({
      index,
      kind: fuzzy.has(index) ? "fuzzy" : "exact",
      from: source.get(index) ?? "",
      to: oneLine(text),
    }))
    .filter(({ from }) => /\p{Letter}/u.test(from));
  const shown = ["exact", "fuzzy"].flatMap((kind) =>
    pairs.filter((pair) => pair.kind === kind).slice(0, CUES_OF_EACH_KIND),
  );
  const width = Math.max(...shown.map(({ from }) => from.length));

  return [
    heading(
      `Translated: ${details.covered} of ${details.total} cues, ${details.exact} exact and ${details.fuzzy} fuzzy`,
    ),
    ...shown.map(
      ({ index, kind, from, to }) => `  ${String(index).padStart(3)}  ${kind}  ${from.padEnd(width)}  ${to}`,
    ),
    heading(`Left out, because the translation memory has no similar text: ${details.uncovered} cues`),
    ...details.uncoveredCues.map(({ index, text }) => `  ${String(index).padStart(3)}  ${oneLine(text)}`),
  ].join("\n");
}

/** Returns some cues of a template's translation, and the number of cues. */
export function templateReport({ result }: JobView, sourceText: string, translatedText: string): string {
  const { covered, total } = result?.translation ?? { covered: 0, total: 0 };
  const source = new Map(parseSrt(sourceText).map(({ index, text }) => [index, oneLine(text)]));
  const pairs = parseSrt(translatedText).map(({ index, text }) => ({
    from: source.get(index) ?? "",
    to: oneLine(text),
  }));
  const shown = pairs.slice(0, 2 * CUES_OF_EACH_KIND);
  const width = Math.max(...shown.map(({ from }) => from.length));
  return [
    heading(`Translated: ${covered} of ${total} cues. The others are left out`),
    ...shown.map(({ from, to }) => `  ${from.padEnd(width)}  ${to}`),
  ].join("\n");
}

/** Returns the history of a job: status, time and author, and the reason if it failed. */
export function timeline(label: string, { history, error }: JobView): string {
  const start = history[0]?.at.getTime() ?? 0;
  const steps = history.map(({ to, at, by, note }) => {
    const time = `${at.getTime() - start} ms`;
    return `  ${time.padStart(8)}  ${to.padEnd(11)}  ${by ?? ""}${note ? ` (${note})` : ""}`;
  });
  const reason = error ? [`            ${error.message}`] : [];
  return [heading(label), ...steps, ...reason].join("\n");
}

function heading(text: string): string {
  return `\n${text}`;
}

function oneLine(text: string): string {
  return text.replace(/\{\\an\d\}|<[^>]*>/g, "").replaceAll("\n", " / ");
}

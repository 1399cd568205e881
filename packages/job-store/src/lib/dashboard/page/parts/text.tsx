import type { ComponentChildren } from "preact";
import { serverNow } from "../lib/clock.js";
import { type StatusSort, useSort, useStore } from "../lib/context.js";
import { age, fullTime, shortTime, visible } from "../lib/format.js";
import { href } from "../lib/route.js";

/** Text of a job, for example an id. It cannot change the direction of the text around it. */
export function Plain({ text }: { text: string }) {
  return <bdi>{visible(text)}</bdi>;
}

/** Sentence of the store, with its times in the zone of the browser. An error that it quotes can contain a time that does not exist. */
export function Sentence({ text }: { text: string }) {
  const local = (time: string) => (Number.isNaN(Date.parse(time)) ? time : fullTime(Date.parse(time)));
  return <Plain text={text.replace(ISO_TIME, local)} />;
}

const ISO_TIME = /\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g;

/** Time as in a table whose heading names the zone. */
export function Time({ at }: { at: string }) {
  const time = Date.parse(at);
  const now = serverNow.value;
  return (
    <time dateTime={at} title={fullTime(time)}>
      {now === null ? fullTime(time) : shortTime(time, now)}
    </time>
  );
}

/** Time with its date and zone. */
export function FullTime({ at }: { at: string }) {
  return <time dateTime={at}>{fullTime(Date.parse(at))}</time>;
}

/** Time that has passed by the clock of the server. It is never negative. */
export function Age({ since }: { since: string }) {
  const now = serverNow.value;
  return <span class="age">{now === null ? "" : age(now - Date.parse(since))}</span>;
}

/** Time that is left by the clock of the server, or "now". */
export function Until({ at }: { at: string }) {
  const now = serverNow.value;
  if (now === null) return <FullTime at={at} />;
  const left = Date.parse(at) - now;
  return <span class="age">{left <= 0 ? "now" : `in ${age(left)}`}</span>;
}

const SHAPES: Readonly<Record<StatusSort, ComponentChildren>> = {
  initial: <circle cx="6" cy="6" r="4" class="hollow" />,
  active: (
    <>
      <circle cx="6" cy="6" r="4" class="hollow" />
      <path d="M6 2 a4 4 0 0 1 0 8 z" />
    </>
  ),
  good: <path d="M1.8 6.4 4.8 9.4 10.4 2.9" class="hollow thick" />,
  bad: <path d="M2.6 2.6 9.4 9.4 M9.4 2.6 2.6 9.4" class="hollow thick" />,
  ended: <rect x="2.5" y="2.5" width="7" height="7" rx="1" />,
};

const MEANINGS: Readonly<Record<StatusSort, string>> = {
  initial: "Status of a new job",
  active: "The work is not finished",
  good: "Final status. Its newest job has a result",
  bad: "Final status. Its newest job has an error",
  ended: "Final status",
};

/** Status with a mark. The shape of the mark, not only its color, shows the sort. */
export function Status({ name }: { name: string }) {
  const sort = useSort(name);
  return (
    <span class={`status sort-${sort}`} title={MEANINGS[sort]}>
      <svg viewBox="0 0 12 12" class="mark" aria-hidden="true">
        {SHAPES[sort]}
      </svg>
      <Plain text={name} />
    </span>
  );
}

/** Link to the page of a job. */
export function JobLink({ id }: { id: string }) {
  const store = useStore();
  return (
    <a class="id" href={href(store.key, "job", id)}>
      <Plain text={id} />
    </a>
  );
}

import { computed } from "@preact/signals";
import type { Overview } from "../../protocol.js";
import { sum, useSort, useStore } from "../lib/context.js";
import { counted, duration, number } from "../lib/format.js";
import { lastLine } from "../lib/live.js";
import { useLoaded } from "../lib/loaded.js";
import { href } from "../lib/route.js";
import { Bars } from "../parts/bars.js";
import { Content, Empty, Notice } from "../parts/notice.js";
import { Age, Sentence, Status } from "../parts/text.js";

/** Newest counts: those of the watch, which are at most half a second old. */
const liveCounts = computed(() => lastLine.value?.counts ?? null);

export function OverviewView() {
  const store = useStore();
  const overview = useLoaded("overview", { store: store.key }, { everyMs: 10_000 });
  return (
    <>
      <h1 tabIndex={-1}>Overview</h1>
      <Content of={overview}>
        {(reply) => (
          <>
            <Attention overview={reply} />
            <Facts overview={reply} />
            <Statuses overview={reply} />
          </>
        )}
      </Content>
    </>
  );
}

/** Everything that needs a decision, first. The warnings of the store include rejected messages and paused queues. */
function Attention({ overview: { health, timeouts } }: { overview: Overview }) {
  return (
    <section class="attention" aria-label="Needs attention">
      {health.error !== null && <Notice kind="problem">{health.error}</Notice>}
      {health.warnings.map((warning) => (
        <Notice kind="warning" key={warning}>
          <Sentence text={warning} />
        </Notice>
      ))}
      {timeouts.overdue > 0 && (
        <Notice kind="warning">
          {counted(timeouts.overdue, "timeout is", "timeouts are")} overdue. A store with <code>enforce</code> changes
          the status of these jobs; check that one runs.
        </Notice>
      )}
    </section>
  );
}

function Facts({ overview }: { overview: Overview }) {
  const store = useStore();
  const { outbox, timeouts, health, workers, counts, minutes } = overview;
  const shown = liveCounts.value ?? counts;
  const active = store.statuses
    .filter(({ final }) => !final)
    .reduce((total, { name }) => total + (shown[name] ?? 0), 0);
  return (
    <ul class="tiles">
      <Tile label="Jobs" value={number(sum(shown))} to={href(store.key, "jobs")}>
        {number(active)} not final
      </Tile>
      <Tile label="Created in the last hour" value={number(total(minutes.created))}>
        and still there
      </Tile>
      <Tile label="Live workers" value={number(workers)} to={href(store.key, "workers")}>
        {overview.paused.length > 0 ? `${counted(overview.paused.length, "queue")} paused` : "no queue paused"}
      </Tile>
      <Tile
        label="Outbox, waiting"
        value={number(outbox.waiting)}
        to={href(store.key, "outbox", null, { kind: outbox.rejected > 0 ? "rejected" : null })}
      >
        {outbox.rejected > 0 ? `${number(outbox.rejected)} rejected` : `${number(outbox.scheduled)} scheduled`}
        {outbox.oldest !== null && (
          <>
            , oldest for <Age since={outbox.oldest} />
          </>
        )}
      </Tile>
      <Tile label="Timeouts within the hour" value={number(timeouts.withinHour)} to={href(store.key, "health")}>
        {number(timeouts.overdue)} overdue
      </Tile>
      <Tile label="Store" value={WORDS[health.status]} to={href(store.key, "health")}>
        {health.latencyMs === null ? health.driver : `${health.driver}, ${duration(health.latencyMs)}`}
      </Tile>
    </ul>
  );
}

const WORDS: Readonly<Record<Overview["health"]["status"], string>> = {
  healthy: "Healthy",
  degraded: "Degraded",
  unhealthy: "Unhealthy",
};

function Tile(props: { label: string; value: string; to?: string; children: preact.ComponentChildren }) {
  const content = (
    <>
      <span class="tile-label">{props.label}</span>
      <span class="tile-value">{props.value}</span>
      <span class="tile-note">{props.children}</span>
    </>
  );
  return <li class="tile">{props.to === undefined ? <div>{content}</div> : <a href={props.to}>{content}</a>}</li>;
}

function Statuses({ overview }: { overview: Overview }) {
  const store = useStore();
  const { minutes } = overview;
  const counts = liveCounts.value ?? overview.counts;
  const isEmpty = sum(counts) === 0;
  return (
    <section class="card">
      <header class="card-head">
        <h2>Statuses</h2>
      </header>
      {isEmpty && (
        <Empty title="This store has no jobs yet.">
          <p class="muted">
            A process creates them with <code>store.create(data)</code>. They appear here at once.
          </p>
        </Empty>
      )}
      <div class="table">
        <table class="statuses">
          <caption>
            The bars show the jobs that entered the status in each of the last 60 minutes <em>and are still there</em>.
            They are not the throughput: jobs that moved on are not counted.
          </caption>
          <thead>
            <tr>
              <th scope="col">Status</th>
              <th scope="col" class="num">
                Jobs
              </th>
              <th scope="col" class="num">
                Last hour
              </th>
              <th scope="col" class="plot">
                <span class="scale">
                  <span>60 min ago</span>
                  <span>now</span>
                </span>
              </th>
              <th scope="col" class="num wide">
                Peak
              </th>
              <th scope="col" class="num wide">
                Timeout
              </th>
            </tr>
          </thead>
          <tbody>
            {store.statuses.map(({ name, timeoutSeconds }) => (
              <tr key={name}>
                <th scope="row">
                  <a href={href(store.key, "jobs", null, { status: name })}>
                    <Status name={name} />
                  </a>
                </th>
                <td class="num strong">{number(counts[name] ?? 0)}</td>
                <StatusHour name={name} values={minutes.entered[name] ?? []} />
                <td class="num wide muted">{timeoutSeconds === null ? "–" : duration(timeoutSeconds * 1000)}</td>
              </tr>
            ))}
            <tr class="sum">
              <th scope="row">
                <a href={href(store.key, "jobs")}>All jobs, by creation</a>
              </th>
              <td class="num strong">{number(sum(counts))}</td>
              <Hour name="created" values={minutes.created} sort="ended" />
              <td class="wide" />
            </tr>
          </tbody>
        </table>
      </div>
    </section>
  );
}

function StatusHour({ name, values }: { name: string; values: readonly number[] }) {
  return <Hour name={name} values={values} sort={useSort(name)} />;
}

function Hour({ name, values, sort }: { name: string; values: readonly number[]; sort: string }) {
  const peak = Math.max(0, ...values);
  return (
    <>
      <td class="num">{number(total(values))}</td>
      <td class="plot">
        <Bars
          values={values}
          sort={sort}
          label={`${name}: ${number(total(values))} in the last hour, at most ${number(peak)} in one minute`}
        />
      </td>
      <td class="num wide muted">{peak === 0 ? "–" : `${number(peak)}/min`}</td>
    </>
  );
}

const total = (values: readonly number[]): number => values.reduce((result, value) => result + value, 0);

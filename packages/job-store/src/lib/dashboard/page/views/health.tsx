import type { Durations, HealthView as Health, Overview } from "../../protocol.js";
import { useStore } from "../lib/context.js";
import { duration, number } from "../lib/format.js";
import { useLoaded } from "../lib/loaded.js";
import { Content, Empty, Notice } from "../parts/notice.js";
import { Plain, Sentence, Status } from "../parts/text.js";

export function HealthView() {
  const store = useStore();
  const overview = useLoaded("overview", { store: store.key }, { everyMs: 10_000, on: () => false });
  const durations = useLoaded("durations", { store: store.key }, { everyMs: 60_000, on: () => false });
  return (
    <>
      <h1 tabIndex={-1}>Health</h1>
      <Content of={overview}>
        {(reply) => (
          <>
            <Store health={reply.health} />
            <Timeouts timeouts={reply.timeouts} />
          </>
        )}
      </Content>
      <Content of={durations}>{(reply) => <Times durations={reply} />}</Content>
    </>
  );
}

function Store({ health }: { health: Health }) {
  const details = Object.entries(health.details);
  return (
    <section class="card">
      <header class="card-head">
        <h2>Store</h2>
        <span class={`health ${health.status}`}>{health.status}</span>
      </header>
      {health.error !== null && <Notice kind="problem">{health.error}</Notice>}
      {health.warnings.map((warning) => (
        <Notice kind="warning" key={warning}>
          <Sentence text={warning} />
        </Notice>
      ))}
      {health.error === null && health.warnings.length === 0 && <p class="pad muted">No warnings.</p>}
      <dl class="facts">
        <div>
          <dt>Driver</dt>
          <dd>
            <Plain text={health.driver} />
          </dd>
        </div>
        <div>
          <dt>Latency</dt>
          <dd class="num">{health.latencyMs === null ? "unknown" : duration(health.latencyMs)}</dd>
        </div>
        {details.map(([name, value]) => (
          <div key={name}>
            <dt>
              <Plain text={name} />
            </dt>
            <dd class="num">
              <Plain text={detail(value)} />
            </dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

function detail(value: unknown): string {
  if (typeof value === "number") return number(value);
  if (typeof value === "string") return value;
  return value === null || value === undefined ? "–" : JSON.stringify(value);
}

function Timeouts({ timeouts }: { timeouts: Overview["timeouts"] }) {
  return (
    <section class="card">
      <header class="card-head">
        <h2>Timeouts</h2>
      </header>
      <dl class="facts">
        <div>
          <dt>Due within the hour</dt>
          <dd class="num">{number(timeouts.withinHour)}</dd>
        </div>
        <div>
          <dt>Overdue</dt>
          <dd class="num">{number(timeouts.overdue)}</dd>
        </div>
      </dl>
      <p class="pad muted">
        A store with <code>enforce</code> changes the status of a job when its timeout is due. If timeouts are overdue,
        no such store runs, or it cannot keep up.
      </p>
    </section>
  );
}

function Times({ durations }: { durations: Durations }) {
  const longest = Math.max(1, ...durations.statuses.map(({ p95Ms }) => p95Ms));
  return (
    <section class="card">
      <header class="card-head">
        <h2>Time in each status</h2>
        <span class="muted">sample of the last {number(durations.jobs)} jobs that ended</span>
      </header>
      {durations.statuses.length === 0 ? (
        <Empty title="No job has ended yet." />
      ) : (
        <div class="table">
          <table class="durations">
            <caption class="hidden">Median and 95th percentile of the time in each status</caption>
            <thead>
              <tr>
                <th scope="col">Status</th>
                <th scope="col" class="num">
                  Median
                </th>
                <th scope="col" class="num">
                  95 % are below
                </th>
                <th scope="col" class="plot wide">
                  <span class="hidden">Plot</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {durations.statuses.map(({ status, medianMs, p95Ms }) => (
                <tr key={status}>
                  <th scope="row">
                    <Status name={status} />
                  </th>
                  <td class="num">{duration(medianMs)}</td>
                  <td class="num">{duration(p95Ms)}</td>
                  <td class="plot wide">
                    <svg class="spread" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">
                      <rect class="p95" x="0" y="2" width={(Math.max(0, p95Ms) / longest) * 100} height="6" />
                      <rect class="median" x="0" y="2" width={(Math.max(0, medianMs) / longest) * 100} height="6" />
                    </svg>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

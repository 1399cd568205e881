import type { JobView } from "../../protocol.js";
import { serverNow } from "../lib/clock.js";
import { age, duration } from "../lib/format.js";
import { FullTime, Plain, Status } from "./text.js";

type Change = JobView["history"][number];

/** Changes of the status, newest first, by attempt. Earlier attempts stay visible. */
export function Timeline({ job }: { job: JobView }) {
  const attempts = byAttempt(job.history);
  return (
    <section class="card" aria-label="Timeline">
      <header class="card-head">
        <h2>Timeline</h2>
        <span class="muted">newest first</span>
      </header>
      {attempts.map(({ attempt, changes }, n) => (
        <div key={attempt} class="attempt-block">
          {attempts.length > 1 && <h3>{n === 0 ? `Attempt ${attempt}` : `Attempt ${attempt}, earlier`}</h3>}
          <ol class="timeline">
            {changes.map((change) => (
              <li key={`${change.at} ${change.status}`}>
                <p class="change">
                  <Status name={change.status} />
                  <span class="muted num">
                    {change === job.history.at(-1) ? <Growing change={change} /> : duration(change.durationMs)}
                  </span>
                </p>
                <p class="sub">
                  <FullTime at={change.at} />
                  {change.by !== null && (
                    <>
                      , by <Plain text={change.by} />
                    </>
                  )}
                </p>
                {change.note !== null && (
                  <p class="note">
                    <Plain text={change.note} />
                  </p>
                )}
              </li>
            ))}
          </ol>
        </div>
      ))}
    </section>
  );
}

/** Duration of the present status, which grows by the clock of the server. */
function Growing({ change }: { change: Change }) {
  const now = serverNow.value;
  return <>{now === null ? duration(change.durationMs) : age(now - Date.parse(change.at))}</>;
}

function byAttempt(
  history: readonly Change[],
): readonly { readonly attempt: number; readonly changes: readonly Change[] }[] {
  const attempts = [...new Set(history.map(({ attempt }) => attempt))].sort((a, b) => b - a);
  return attempts.map((attempt) => ({
    attempt,
    changes: history.filter((change) => change.attempt === attempt).reverse(),
  }));
}

import type { WorkersView as Reply, StoreInfo } from "../../protocol.js";
import { readServerTime } from "../lib/clock.js";
import { may, useStore } from "../lib/context.js";
import { counted, number, zone } from "../lib/format.js";
import { useLoaded } from "../lib/loaded.js";
import { openDialog } from "../parts/dialog.js";
import { Content, Empty, Notice } from "../parts/notice.js";
import { ConfirmDialog, PauseDialog } from "../parts/queue-dialogs.js";
import { Age, JobLink, Plain, Sentence, Time, Until } from "../parts/text.js";

/** Longest list of running jobs of one worker. */
const LISTED = 20;

export function WorkersView() {
  const store = useStore();
  const workers = useLoaded("workers", { store: store.key }, { everyMs: 5_000 });
  return (
    <>
      <div class="title-row">
        <h1 tabIndex={-1}>Workers</h1>
        {may(store, "pause") && (
          <button type="button" class="button" onClick={() => openDialog(<PauseDialog queues={queuesOf(store)} />)}>
            Pause a queue …
          </button>
        )}
      </div>
      <Content of={workers}>
        {(reply) => (
          <>
            {reply.warnings.map((warning) => (
              <Notice kind="warning" key={warning}>
                <Sentence text={warning} />
              </Notice>
            ))}
            {reply.paused.length > 0 && <Paused reply={reply} />}
            <Live reply={reply} />
          </>
        )}
      </Content>
    </>
  );
}

/** Returns the queues to which the definition sends messages. Workers can also consume others. */
function queuesOf({ statuses }: StoreInfo): readonly string[] {
  return [...new Set(statuses.flatMap(({ sends }) => sends))].sort();
}

function Paused({ reply }: { reply: Reply }) {
  const store = useStore();
  return (
    <section class="card">
      <header class="card-head">
        <h2>Paused queues</h2>
      </header>
      <div class="table">
        <table class="stacked">
          <caption class="hidden">Paused queues</caption>
          <thead>
            <tr>
              <th scope="col">Queue</th>
              <th scope="col">Paused for</th>
              <th scope="col">Resumes</th>
              <th scope="col">Reason</th>
              <th scope="col">By</th>
              <th scope="col">
                <span class="hidden">Action</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {reply.paused.map(({ queue, since, until, reason, by }) => (
              <tr key={queue}>
                <th scope="row" class="id">
                  <Plain text={queue} />
                </th>
                <td data-label="Paused for">
                  <Age since={since} />
                </td>
                <td data-label="Resumes">{until === null ? "by hand" : <Until at={until} />}</td>
                <td data-label="Reason">
                  {reason === null ? <span class="muted">none given</span> : <Plain text={reason} />}
                </td>
                <td data-label="By">{by === null ? <span class="muted">unknown</span> : <Plain text={by} />}</td>
                <td class="actions">
                  {may(store, "resume") && (
                    <button
                      type="button"
                      class="button small"
                      onClick={() =>
                        openDialog(
                          <ConfirmDialog
                            title="Resume the queue"
                            verb="Resume"
                            name={queue}
                            text="Workers claim its jobs again at once."
                            noun="queue"
                            count={1}
                            act={{ name: "resume", queue }}
                          />,
                        )
                      }
                    >
                      Resume …<span class="hidden"> {queue}</span>
                    </button>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function Live({ reply: { workers } }: { reply: Reply }) {
  const running = workers.reduce((total, worker) => total + worker.running.length, 0);
  const slots = workers.reduce((total, worker) => total + worker.concurrency, 0);
  return (
    <section class="card">
      <header class="card-head">
        <h2>Live workers</h2>
        <span class="muted num">
          {counted(workers.length, "worker")}, {number(running)} of {number(slots)} slots in use
        </span>
      </header>
      {workers.length === 0 ? (
        <Empty title="No worker has sent a heartbeat.">
          <p class="muted">
            Start one with <code>createWorker</code>. A worker is listed from its first heartbeat until it has missed
            five.
          </p>
        </Empty>
      ) : (
        <div class="table">
          <table class="stacked">
            <caption class="hidden">Live workers</caption>
            <thead>
              <tr>
                <th scope="col">Worker</th>
                <th scope="col">Queue</th>
                <th scope="col">State</th>
                <th scope="col" class="num">
                  Slots
                </th>
                <th scope="col">Runs</th>
                <th scope="col">Version</th>
                <th scope="col">Started, {zone(readServerTime() ?? 0)}</th>
                <th scope="col">Seen</th>
              </tr>
            </thead>
            <tbody>
              {workers.map((worker) => (
                <tr key={`${worker.by}/${worker.queue}/${worker.pid}`}>
                  <th scope="row" class="fit">
                    <span class="id">
                      <Plain text={worker.by} />
                    </span>
                    <span class="sub">
                      <Plain text={worker.host} />, pid {worker.pid}
                    </span>
                  </th>
                  <td class="id" data-label="Queue">
                    <Plain text={worker.queue} />
                  </td>
                  <td class="fit" data-label="State">
                    <span class={`worker-state ${worker.state}`}>{worker.state}</span>
                  </td>
                  <td class="num" data-label="Slots">
                    {number(worker.running.length)}/{number(worker.concurrency)}
                  </td>
                  <td data-label="Runs">
                    {worker.running.length === 0 ? (
                      <span class="muted">nothing</span>
                    ) : (
                      <ul class="ids">
                        {worker.running.slice(0, LISTED).map((id) => (
                          <li key={id}>
                            <JobLink id={id} />
                          </li>
                        ))}
                        {worker.running.length > LISTED && <li>and {number(worker.running.length - LISTED)} more</li>}
                      </ul>
                    )}
                  </td>
                  <td data-label="Version">
                    {worker.version === null ? <span class="muted">–</span> : <Plain text={worker.version} />}
                  </td>
                  <td class="fit" data-label="Started">
                    <Time at={worker.startedAt} />
                  </td>
                  <td class="fit" data-label="Seen">
                    <Age since={worker.seenAt} /> ago
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

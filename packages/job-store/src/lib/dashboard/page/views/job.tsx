import type { JobView as Job } from "../../protocol.js";
import { may, statusOf, sum, useStore } from "../lib/context.js";
import { number } from "../lib/format.js";
import { useLoaded } from "../lib/loaded.js";
import { go, href } from "../lib/route.js";
import { openDialog } from "../parts/dialog.js";
import { type ChosenJobs, CopyDialog, DeleteDialog, MoveDialog } from "../parts/job-dialogs.js";
import { Messages } from "../parts/messages.js";
import { Content, Empty, Notice } from "../parts/notice.js";
import { Age, FullTime, Plain, Sentence, Status, Until } from "../parts/text.js";
import { Timeline } from "../parts/timeline.js";
import { CopyButton, Value } from "../parts/value.js";

export function JobView({ id }: { id: string }) {
  const store = useStore();
  const job = useLoaded(
    "job",
    { store: store.key, id },
    { on: ({ changed }) => changed === null || changed.includes(id), everyMs: 10_000 },
  );
  return (
    <>
      <p class="crumbs">
        <a href={href(store.key, "jobs")}>Jobs</a>
      </p>
      <div class="title-row">
        <h1 tabIndex={-1} class="id">
          <Plain text={id} />
        </h1>
        <CopyButton text={id} what="Id" />
        {job.reply !== null && !job.outdated && <Actions job={job.reply} />}
      </div>
      <Content of={job}>
        {(reply) => {
          if (reply === null) return null;
          return reply.unreadable === null ? <Body job={reply} /> : <Unreadable job={reply} />;
        }}
      </Content>
      {job.reply === null && job.arrived && <Gone />}
    </>
  );
}

function Gone() {
  return (
    <Empty title="This job does not exist.">
      <p class="muted">It was deleted, its TTL has ended, or the id is wrong.</p>
    </Empty>
  );
}

function Unreadable({ job }: { job: Job }) {
  return (
    <>
      <Notice kind="problem">
        <p>The record cannot be read.</p>
        <p>
          <Plain text={job.unreadable ?? ""} />
        </p>
      </Notice>
      <Why job={job} />
    </>
  );
}

function Actions({ job }: { job: Job }) {
  const store = useStore();
  const status = job.unreadable === null ? statusOf(store, job.status) : undefined;
  const jobs: ChosenJobs = {
    chosen: { jobs: [{ id: job.id, version: job.version, ...(job.version > 0 && { createdAt: job.createdAt }) }] },
    count: 1,
    statuses: [job.status],
    text: "the job",
  };
  return (
    <div class="title-actions">
      {may(store, "retry") && (status?.retryTo.length ?? 0) > 0 && (
        <button
          type="button"
          class="button primary"
          onClick={() => openDialog(<MoveDialog jobs={jobs} name="retry" />)}
        >
          Retry …
        </button>
      )}
      {may(store, "move") && (status?.next.length ?? 0) > 0 && (
        <button type="button" class="button" onClick={() => openDialog(<MoveDialog jobs={jobs} name="move" />)}>
          Move …
        </button>
      )}
      {may(store, "copy") && job.unreadable === null && (
        <button type="button" class="button" onClick={() => openDialog(<CopyDialog id={job.id} />)}>
          Copy as new …
        </button>
      )}
      {may(store, "delete") && (
        <button
          type="button"
          class="button danger-text"
          onClick={() =>
            openDialog(
              <DeleteDialog
                jobs={jobs}
                onDone={(outcomes) => {
                  if (outcomes[0]?.outcome === "done") go(href(store.key, "jobs"));
                }}
              />,
            )
          }
        >
          Delete …
        </button>
      )}
    </div>
  );
}

function Body({ job }: { job: Job }) {
  return (
    <>
      <p class="job-state">
        <Status name={job.status} />
        <span>
          for <Age since={job.statusAt} />
        </span>
        {job.attempt > 1 && <span>attempt {number(job.attempt)}</span>}
        {job.links.map(({ text, url }) => (
          <ExternalLink key={url} text={text} url={url} />
        ))}
      </p>
      <Why job={job} />
      <div class="columns">
        <div class="main-column">
          {job.error !== null && <JobError error={job.error} />}
          {job.progress !== null && (
            <Value title="Progress" value={job.progress} of={{ id: job.id, part: "progress" }} />
          )}
          {job.result !== null && <Value title="Result" value={job.result} of={{ id: job.id, part: "result" }} />}
          <Value title="Data" value={job.data} of={{ id: job.id, part: "data" }} />
          <Messages messages={job.messages} />
        </div>
        <div class="side-column">
          <Facts job={job} />
          <Timeline job={job} />
          <Children job={job} />
        </div>
      </div>
    </>
  );
}

/** Only web addresses become links. Another address, for example `javascript:`, is shown as text. */
function ExternalLink({ text, url }: { text: string; url: string }) {
  if (!isWebAddress(url)) return <Plain text={`${text}: ${url}`} />;
  return (
    <a href={url} target="_blank" rel="noopener noreferrer">
      <Plain text={text} />
    </a>
  );
}

function isWebAddress(url: string): boolean {
  return URL.canParse(url, document.baseURI) && /^https?:$/.test(new URL(url, document.baseURI).protocol);
}

/** Reasons why the job does not move, in the order of importance. */
function Why({ job }: { job: Job }) {
  const store = useStore();
  if (job.explanations.length === 0) {
    if (statusOf(store, job.status)?.final !== false) return null;
    return <p class="why-none muted">Nothing blocks this job.</p>;
  }
  return (
    <section class="why card">
      <header class="card-head">
        {/* A worker runs the job: only this reason needs no action. */}
        <h2>{job.explanations.every(({ fix }) => fix === null) ? "In progress" : "Why it does not move"}</h2>
      </header>
      <ul>
        {job.explanations.map(({ code, text, fix }) => (
          <li key={`${code} ${text}`}>
            <p>
              <Sentence text={text} />
            </p>
            <span class="badge code">{code}</span>
            {fix !== null && (
              <p class="fix">
                <Sentence text={fix} />
              </p>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}

function JobError({ error }: { error: NonNullable<Job["error"]> }) {
  return (
    <section class="card error-card" aria-label="Error">
      <header class="card-head">
        <h2>Error</h2>
        {error.code !== null && (
          <span class="badge code">
            <Plain text={error.code} />
          </span>
        )}
        {error.retryable !== null && <span class="muted">{error.retryable ? "retryable" : "not retryable"}</span>}
      </header>
      <p class="pad message">
        <Plain text={error.message} />
      </p>
    </section>
  );
}

function Facts({ job }: { job: Job }) {
  return (
    <section class="card" aria-label="Facts">
      <header class="card-head">
        <h2>Facts</h2>
      </header>
      <dl class="facts">
        <div>
          <dt>Created</dt>
          <dd>
            <FullTime at={job.createdAt} />
          </dd>
        </div>
        <div>
          <dt>Status since</dt>
          <dd>
            <FullTime at={job.statusAt} />
          </dd>
        </div>
        <div>
          <dt>Last write</dt>
          <dd>
            <FullTime at={job.updatedAt} />
          </dd>
        </div>
        <div>
          <dt>Lease</dt>
          <dd>
            {job.leasedUntil === null ? (
              <span class="muted">none</span>
            ) : (
              <>
                ends <Until at={job.leasedUntil} />
              </>
            )}
          </dd>
        </div>
        <div>
          <dt>Expires</dt>
          <dd>{job.expiresAt === null ? <span class="muted">never</span> : <Until at={job.expiresAt} />}</dd>
        </div>
        <div>
          <dt>Version</dt>
          <dd class="num">{number(job.version)}</dd>
        </div>
        <div>
          <dt>Attempt</dt>
          <dd class="num">{number(job.attempt)}</dd>
        </div>
      </dl>
    </section>
  );
}

/** Jobs that name this one in an index field. */
function Children({ job }: { job: Job }) {
  const store = useStore();
  const children = job.children.filter(({ counts }) => sum(counts) > 0);
  if (children.length === 0) return null;
  return (
    <section class="card" aria-label="Children">
      <header class="card-head">
        <h2>Jobs that name this one</h2>
      </header>
      {children.map(({ field, counts }) => (
        <div class="children" key={field}>
          <p>
            in{" "}
            <code>
              <Plain text={field} />
            </code>
            :{" "}
            <a href={href(store.key, "jobs", null, { field, value: job.id })}>
              {number(sum(counts))} {sum(counts) === 1 ? "job" : "jobs"}
            </a>
          </p>
          <ul class="child-counts">
            {Object.entries(counts)
              .filter(([, count]) => count > 0)
              .map(([status, count]) => (
                <li key={status}>
                  <a href={href(store.key, "jobs", null, { status, field, value: job.id })}>
                    <Status name={status} /> <span class="num">{number(count)}</span>
                  </a>
                </li>
              ))}
          </ul>
        </div>
      ))}
    </section>
  );
}

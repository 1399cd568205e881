import { readFile } from "node:fs/promises";
import { PrometheusExporter, PrometheusSerializer } from "@opentelemetry/exporter-prometheus";
import { MeterProvider } from "@opentelemetry/sdk-metrics";
import { parser } from "@prometheus-io/lezer-promql";
import { createJobStore } from "@subtitles/job-store";
import { memoryDriver as jobsInMemory } from "@subtitles/job-store/memory";
import { instrument as instrumentJobs } from "@subtitles/job-store/opentelemetry";
import { subtitleJob } from "@subtitles/job-store/subtitle";
import { createBroker, createRelay, defineQueue, message } from "@subtitles/queue";
import { memoryDriver as messagesInMemory } from "@subtitles/queue/memory";
import { instrument as instrumentQueue } from "@subtitles/queue/opentelemetry";
import { createWorker, JobFailed } from "@subtitles/queue/worker";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { metricProblems, promtoolMissing } from "./promtool.js";

const folder = new URL("../docs/monitoring/", import.meta.url);
const read = (name: string) => readFile(new URL(name, folder), "utf8");

/** Labels of each exported metric, by its name in Prometheus. Some exporters add the unit to the name: both names are present. */
let exported: ReadonlyMap<string, ReadonlySet<string>>;
let metrics: string;
beforeAll(async () => {
  metrics = await exportMetrics();
  exported = labelsByMetric(metrics);
});

test.skipIf(promtoolMissing !== null)(
  `promtool has no complaint about the metrics of both packages ${promtoolMissing ?? ""}`.trim(),
  async () => {
    expect(await metricProblems(metrics)).toBe("");
  },
);

describe("every metric and label in docs/monitoring is exported", () => {
  test("alerts.yaml", async () => {
    const { groups } = parse(await read("alerts.yaml"));
    const rules: { expr: string }[] = groups.flatMap((group: { rules: unknown }) => group.rules);
    expect(rules.length).toBeGreaterThan(5);
    expect(rules.flatMap(({ expr }) => problemsOf(expr))).toEqual([]);
  });

  test("alerts.test.yaml, and it tests every rule", async () => {
    const text = await read("alerts.test.yaml");
    const series = (parse(text).tests as { input_series: { series: string }[] }[]).flatMap((one) => one.input_series);
    expect(series.flatMap((one) => problemsOf(one.series))).toEqual([]);
    const { groups } = parse(await read("alerts.yaml"));
    const names: string[] = groups.flatMap((group: { rules: { alert: string }[] }) =>
      group.rules.map(({ alert }) => alert),
    );
    expect(names.filter((name) => !text.includes(name))).toEqual([]);
  });

  test("grafana.json", async () => {
    const { panels, templating } = JSON.parse(await read("grafana.json"));
    const queries: string[] = panels.flatMap(({ targets }: { targets: { expr: string }[] }) =>
      targets.map(({ expr }) => expr.replaceAll("$__rate_interval", "5m")),
    );
    expect(queries.length).toBeGreaterThan(10);
    const variables: { query: { query: string } | string }[] = templating.list;
    const values = variables.flatMap(({ query }) => {
      const [, metric, label] =
        /^label_values\((\w+), (\w+)\)$/.exec(typeof query === "string" ? "" : query.query) ?? [];
      return metric === undefined || label === undefined ? [] : [`sum by (${label}) (${metric})`];
    });
    expect(values).toHaveLength(2);
    expect([...queries, ...values].flatMap(problemsOf)).toEqual([]);
  });

  test("keda.yaml, and its statuses and its definition exist", async () => {
    const { query } = parse(await read("keda.yaml")).spec.triggers[0].metadata;
    expect(problemsOf(query)).toEqual([]);
    const [, name, statuses = ""] = /definition="(.*?)",subtitles_job_status=~"(.*?)"/.exec(query) ?? [];
    expect(name).toBe(subtitleJob.name);
    for (const status of statuses.split("|")) expect(Object.keys(subtitleJob.statuses)).toContain(status);
  });
});

test.each([
  ["sum(subtitles_job_number)", "subtitles_job_number is not exported"],
  ['{__name__=~"subtitles_outbox_ages(_seconds)?"}', '{__name__=~"subtitles_outbox_ages(_seconds)?"} is not exported'],
  ['subtitles_jobs{state="done"}', 'subtitles_jobs{state="done"} has no label state'],
  ["sum by (state) (subtitles_jobs)", "sum by (state) (subtitles_jobs) has no label state"],
  ["sum(subtitles_jobs", "sum(subtitles_jobs is not PromQL"],
])("a wrong query is noticed: %s", (query, problem) => {
  expect(problemsOf(query)).toEqual([problem]);
});

/** Uses both packages with `instrument`, and returns their metrics in Prometheus' text format. */
async function exportMetrics(): Promise<string> {
  const exporter = new PrometheusExporter({ preventServerStart: true });
  const meterProvider = new MeterProvider({ readers: [exporter] });
  const queue = defineQueue({ name: "downloads", payload: z.object({ jobId: z.string() }), retryDelaysMs: [] });
  const store = createJobStore({ job: subtitleJob, driver: instrumentJobs(jobsInMemory(), { meterProvider }) });
  const broker = instrumentQueue(createBroker({ driver: messagesInMemory() }), { meterProvider, queues: [queue] });
  await using _store = { [Symbol.asyncDispose]: () => store.close() };
  await using _broker = { [Symbol.asyncDispose]: () => broker.close() };

  const data = { videoUrl: "https://films.example/1", videoTitle: "Roma", language: "es" };
  for (const id of ["film", "damaged"]) await store.create(data, { id, outbox: [message(queue, { jobId: id })] });
  await expect(store.updateStatus("none", "downloading")).rejects.toThrow();
  await using _relay = createRelay({ outbox: store.outbox, broker, queues: [queue] });
  await using _worker = createWorker({
    store,
    broker,
    queue,
    from: "pending",
    working: "downloading",
    run: async (job) => {
      if (job.id === "damaged") throw new JobFailed("The file is damaged.");
      return { to: "completed", result: { downloadUrl: "/files/1.srt" } };
    },
  });
  await store.waitFor("film", { until: ["completed"], timeoutMs: 60_000 });
  await store.waitFor("damaged", { until: ["failed"], timeoutMs: 60_000 });
  await store.updateStatus("damaged", "pending");
  await store.pauseQueue("letters");

  // A message that no handler accepts: a retry, then a dead letter.
  const letters = defineQueue({ name: "letters", payload: z.object({}), retryDelaysMs: [1] });
  await broker.publish(letters, {});
  await broker.consume(letters, () => Promise.reject(new Error("refused")));
  await vi.waitUntil(async () => (await broker.stats(letters)).dead === 1, { timeout: 60_000 });

  // A broker with an alarm: an error of a publish.
  const driver = messagesInMemory({ timeoutMs: 1 });
  driver.faults.block();
  const blocked = instrumentQueue(createBroker({ driver }), { meterProvider });
  await expect(blocked.publish(letters, {})).rejects.toThrow();
  await blocked.close({ graceMs: 0 });

  const { resourceMetrics } = await exporter.collect();
  return new PrometheusSerializer().serialize(resourceMetrics);
}

/** Returns the labels of all samples of each metric. A metric in seconds is also returned with the unit in its name. */
function labelsByMetric(text: string): ReadonlyMap<string, ReadonlySet<string>> {
  const labels = new Map<string, Set<string>>();
  const inSeconds = [...text.matchAll(/^# UNIT (\w+) s$/gm)].map(([, name = ""]) => name);
  for (const line of text.split("\n")) {
    const [, name, pairs = ""] = /^(\w+)(?:\{(.*)\})? \S+/.exec(line) ?? [];
    if (name === undefined) continue;
    const known = labels.get(name) ?? new Set<string>();
    for (const [, label = ""] of pairs.matchAll(/(\w+)="(?:[^"\\]|\\.)*"/g)) known.add(label);
    labels.set(name, known);
    const base = inSeconds.find((one) => new RegExp(`^${one}(_bucket|_count|_sum)?$`).test(name));
    if (base !== undefined) labels.set(name.replace(base, `${base}_seconds`), known);
  }
  return labels;
}

/** Returns the metrics and labels in a query that are not exported, and syntax errors. */
function problemsOf(query: string): readonly string[] {
  const tree = parser.parse(query);
  const problems: string[] = [];
  const grouping: string[] = [];
  const labelsOfQuery = new Set<string>();
  tree.iterate({
    enter({ type, from, to, node }) {
      if (type.isError) problems.push(`${query} is not PromQL`);
      if (type.name === "GroupingLabels") grouping.push(...textsOf(node, "LabelName", query));
      if (type.name !== "VectorSelector") return;
      const selector = query.slice(from, to);
      const labels = labelsOf(selector);
      if (labels === null) {
        problems.push(`${selector} is not exported`);
        return;
      }
      for (const label of labels) labelsOfQuery.add(label);
      const matched = textsOf(node, "LabelName", query).filter((label) => label !== "__name__");
      problems.push(
        ...matched.filter((label) => !labels.has(label)).map((label) => `${selector} has no label ${label}`),
      );
    },
  });
  if (problems.length > 0) return [...new Set(problems)];
  return grouping.filter((label) => !labelsOfQuery.has(label)).map((label) => `${query} has no label ${label}`);
}

/** Returns the labels of the metric that a selector names, or null if no such metric is exported. */
function labelsOf(selector: string): ReadonlySet<string> | null {
  const name = /^\w+/.exec(selector)?.[0];
  if (name !== undefined) return exported.get(name) ?? null;
  const pattern = new RegExp(`^(?:${/__name__=~"(.*?)"/.exec(selector)?.[1]})$`);
  const names = [...exported.keys()].filter((one) => pattern.test(one));
  // With and without the unit in the name.
  return names.length === 2 ? (exported.get(names[0] as string) ?? null) : null;
}

type SyntaxNode = ReturnType<typeof parser.parse>["topNode"];

function textsOf(node: SyntaxNode, name: string, query: string): readonly string[] {
  const texts: string[] = [];
  node.cursor().iterate((one) => {
    if (one.name === name) texts.push(query.slice(one.from, one.to));
  });
  return texts;
}

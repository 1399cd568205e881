// Options of the reference page, from the doc comments of types, functions and methods.
import ts from "typescript";
import { oneLine, parse, sentence } from "./reference-tables.mjs";

const STORE = "packages/job-store/src/lib";
const QUEUE = "packages/queue/src/lib";

/**
 * Options of one function: its name on the page, and the places that describe them. A place is a file, and the name of a type, of a
 * function, of a method (`JobStore.waitFor`) or of a class (the options of its constructor). `note`: text before the table.
 *
 * @typedef {{ title: string, from: readonly (readonly [file: string, name: string])[], note?: string }} OptionsOf
 */

/** @type {Readonly<Record<string, readonly OptionsOf[]>>} options by the heading of their section */
export const OPTIONS = {
  "Options of the job store": [
    { title: "defineJob", from: [[`${STORE}/definition.ts`, "defineJob"]] },
    { title: "A status of defineJob", from: [[`${STORE}/status-rule.ts`, "StatusRule"]] },
    { title: "A message in sends of a status", from: [[`${STORE}/status-rule.ts`, "StatusMessage"]] },
    { title: "createJobStore", from: [[`${STORE}/store/create-job-store.ts`, "JobStoreOptions"]] },
    { title: "redisDriver", from: [[`${STORE}/redis/options.ts`, "RedisDriverOptions"]] },
    { title: "redisPermissions", from: [[`${STORE}/redis/permissions.ts`, "redisPermissions"]] },
    { title: "memoryDriver of the job store", from: [[`${STORE}/memory/memory-driver.ts`, "MemoryDriverOptions"]] },
    {
      title: "store.create",
      from: [[`${STORE}/types.ts`, "CreateOptions"]],
      note: "Each job of `store.createMany` has these options next to its `data`.",
    },
    { title: "store.request", from: [[`${STORE}/types.ts`, "RequestOptions"]] },
    {
      title: "store.updateStatus",
      from: [
        [`${STORE}/types.ts`, "Change"],
        [`${STORE}/types.ts`, "ChangeOf"],
      ],
    },
    { title: "store.list", from: [[`${STORE}/types.ts`, "ListQuery"]] },
    {
      title: "store.scan",
      from: [[`${STORE}/types.ts`, "JobStore.scan"]],
      note: "`scan` also accepts the options of `store.list`, except `cursor`. `limit` is the size of a page.",
    },
    { title: "store.counts", from: [[`${STORE}/types.ts`, "CountsQuery"]] },
    { title: "store.watch", from: [[`${STORE}/types.ts`, "JobStore.watch"]] },
    { title: "store.waitFor", from: [[`${STORE}/types.ts`, "JobStore.waitFor"]] },
    { title: "store.health", from: [[`${STORE}/types.ts`, "JobStore.health"]] },
    { title: "store.audit", from: [[`${STORE}/types.ts`, "JobStore.audit"]] },
    { title: "store.pauseQueue", from: [[`${STORE}/worker-operations.ts`, "PauseOptions"]] },
    { title: "store.resumeQueue", from: [[`${STORE}/worker-operations.ts`, "WorkerOperations.resumeQueue"]] },
    { title: "store.claim", from: [[`${STORE}/claims.ts`, "ClaimOptions"]] },
    { title: "store.failRequest", from: [[`${STORE}/claims.ts`, "FailRequestOptions"]] },
    { title: "store.announceWorker", from: [[`${STORE}/worker-operations.ts`, "AnnouncedWorker"]] },
    { title: "A message of the outbox", from: [[`${STORE}/outbox.ts`, "OutboxMessage"]] },
    { title: "store.outbox.read", from: [[`${STORE}/outbox.ts`, "Outbox.read"]] },
    { title: "store.outbox.rejected", from: [[`${STORE}/outbox.ts`, "Outbox.rejected"]] },
    { title: "store.outbox.list", from: [[`${STORE}/outbox.ts`, "OutboxQuery"]] },
    { title: "store.outbox.reschedule", from: [[`${STORE}/outbox.ts`, "RescheduleOptions"]] },
    { title: "createReporter", from: [[`${STORE}/reporter/reporter.ts`, "ReporterOptions"]] },
    { title: "reporter.flush", from: [[`${STORE}/reporter/reporter.ts`, "Reporter.flush"]] },
    { title: "openRecordedStore", from: [[`${STORE}/store/recorded-store.ts`, "RecordedStoreOptions"]] },
    { title: "createDashboard", from: [[`${STORE}/dashboard/options.ts`, "DashboardOptions"]] },
    {
      title: "A store of createDashboard",
      from: [
        [`${STORE}/dashboard/options.ts`, "DashboardStore"],
        [`${STORE}/dashboard/options.ts`, "StoreParts"],
      ],
    },
    { title: "instrument of the job store", from: [[`${STORE}/opentelemetry/instrument.ts`, "InstrumentOptions"]] },
  ],
  "Options of the queue": [
    { title: "defineQueue", from: [[`${QUEUE}/definition.ts`, "defineQueue"]] },
    { title: "createBroker", from: [[`${QUEUE}/broker.ts`, "createBroker"]] },
    { title: "rabbitmqDriver", from: [[`${QUEUE}/rabbitmq/options.ts`, "RabbitmqDriverOptions"]] },
    { title: "memoryDriver of the queue", from: [[`${QUEUE}/memory/memory-driver.ts`, "memoryDriver"]] },
    {
      title: "broker.publish",
      from: [[`${QUEUE}/types.ts`, "PublishOptions"]],
      note: "Each message of `broker.publishMany` has these options in `options`.",
    },
    {
      title: "message",
      from: [[`${QUEUE}/types.ts`, "MessageOptions"]],
      note: "`message` also accepts `id` and `headers` of `broker.publish`.",
    },
    { title: "broker.consume", from: [[`${QUEUE}/types.ts`, "ConsumeOptions"]] },
    { title: "memoryDedupe", from: [[`${QUEUE}/memory/memory-dedupe.ts`, "memoryDedupe"]] },
    { title: "retry", from: [[`${QUEUE}/settlement.ts`, "retry"]] },
    { title: "postpone", from: [[`${QUEUE}/settlement.ts`, "postpone"]] },
    { title: "broker.deadLetters", from: [[`${QUEUE}/types.ts`, "Broker.deadLetters"]] },
    { title: "broker.redrive", from: [[`${QUEUE}/types.ts`, "Broker.redrive"]] },
    { title: "broker.discard", from: [[`${QUEUE}/types.ts`, "Broker.discard"]] },
    { title: "broker.health", from: [[`${QUEUE}/types.ts`, "Broker.health"]] },
    {
      title: "broker.close",
      from: [[`${QUEUE}/types.ts`, "Broker.close"]],
      note: "`close` of a consumer and of a worker have the same option.",
    },
    { title: "createRelay", from: [[`${QUEUE}/relay.ts`, "createRelay"]] },
    {
      title: "createWorker",
      from: [
        [`${QUEUE}/worker/types.ts`, "WorkerOptions"],
        [`${QUEUE}/worker/types.ts`, "JobIdOption"],
        [`${QUEUE}/worker/types.ts`, "FailedOption"],
      ],
    },
    { title: "The limit of a worker", from: [[`${STORE}/claims.ts`, "KeyLimit"]] },
    { title: "JobFailed", from: [[`${QUEUE}/worker/errors.ts`, "JobFailed"]] },
    { title: "RetryLater", from: [[`${QUEUE}/worker/errors.ts`, "RetryLater"]] },
    { title: "worker.idle", from: [[`${QUEUE}/worker/types.ts`, "Worker.idle"]] },
    { title: "instrument of the queue", from: [[`${QUEUE}/opentelemetry/instrument.ts`, "InstrumentOptions"]] },
  ],
};

/** @typedef {{ name: string, required: boolean, text: string, standard: string }} Member `standard`: default value */

/**
 * Returns the members of a type, or the options of a function, of a method or of a constructor.
 *
 * @param {string} file
 * @param {string} name
 * @returns {Promise<Member[]>}
 */
export async function membersOf(file, name) {
  const found = declarationIn(await parse(file), name);
  if (found === undefined) throw new Error(`${file} has no type, function or method ${name}.`);
  if (!("parameters" in found)) return propertiesOf(found);
  const members = parametersOf(found);
  // The comment of the function describes the options, or the comments of their type do.
  return members.length > 0 ? members : found.parameters.flatMap(propertiesOf);
}

/** @param {ts.SourceFile} source @param {string} name */
function declarationIn(source, name) {
  const [owner, method] = name.split(".");
  for (const statement of source.statements) {
    if (ts.isFunctionDeclaration(statement) && statement.name?.text === name) return statement;
    if (ts.isClassDeclaration(statement) && statement.name?.text === name) {
      return statement.members.find(ts.isConstructorDeclaration);
    }
    const isType = ts.isInterfaceDeclaration(statement) || ts.isTypeAliasDeclaration(statement);
    if (!isType || statement.name.text !== owner) continue;
    if (method === undefined) return statement;
    if (ts.isInterfaceDeclaration(statement)) {
      return statement.members.filter(ts.isMethodSignature).find((member) => member.name.getText() === method);
    }
  }
  return undefined;
}

/**
 * Returns the options that the comment of a function describes with "@param options.name".
 *
 * @param {ts.SignatureDeclaration} declaration
 * @returns {Member[]}
 */
function parametersOf(declaration) {
  /** @type {Set<string>} */
  const optional = new Set();
  /** @param {ts.Node} node */
  const visit = (node) => {
    if (ts.isPropertySignature(node) && node.questionToken) optional.add(node.name.getText());
    ts.forEachChild(node, visit);
  };
  declaration.parameters.forEach(visit);
  /** @type {Member[]} */
  const members = [];
  for (const tag of ts.getJSDocTags(declaration)) {
    const text = oneLine(ts.getTextOfJSDocComment(tag.comment));
    const last = members.at(-1);
    if (ts.isJSDocParameterTag(tag) && tag.name.getText().includes(".")) {
      const name = tag.name.getText().replace(/^.*\./, "");
      members.push({ name, required: !optional.has(name), text: sentence(text), standard: "" });
    } else if (tag.tagName.text === "default" && last !== undefined) {
      last.standard = text;
    }
  }
  return members;
}

/**
 * Returns the properties of a type. Those of an option that is an object follow it, if they have comments: `waitReplicas.count`.
 *
 * @param {ts.Node} node
 * @returns {Member[]}
 */
function propertiesOf(node) {
  /** @type {Member[]} */
  const members = [];
  /** @param {ts.Node} child */
  const visit = (child) => {
    if (ts.isPropertySignature(child)) {
      const [comment] = /** @type {ts.JSDoc[]} */ (ts.getJSDocCommentsAndTags(child).filter(ts.isJSDoc));
      const tag = comment?.tags?.find(({ tagName }) => tagName.text === "default");
      const member = {
        name: child.name.getText(),
        required: child.questionToken === undefined,
        text: oneLine(ts.getTextOfJSDocComment(comment?.comment)),
        standard: oneLine(ts.getTextOfJSDocComment(tag?.comment)),
      };
      const alternative = alternativeOf(child);
      if (member.required && alternative !== "") Object.assign(member, { required: false, standard: alternative });
      // Alternatives of a type can have the same member. The one with a default has the whole comment.
      const known = members.findIndex(({ name }) => name === member.name);
      if (known === -1) members.push(member);
      else if (member.standard !== "" && members[known]?.standard === "") members[known] = member;
      for (const part of child.type === undefined ? [] : propertiesOf(child.type)) {
        if (part.text !== "") members.push({ ...part, name: `${member.name}.${part.name}` });
      }
    } else {
      ts.forEachChild(child, visit);
    }
  };
  ts.forEachChild(node, visit);
  return members;
}

/** Returns when a member of one of several alternative types is required; "": it is in no alternative. @param {ts.PropertySignature} member */
function alternativeOf({ parent, name }) {
  const union = parent.parent;
  if (!(ts.isUnionTypeNode(union) && union.types.every(ts.isTypeLiteralNode))) return "";
  const first = (/** @type {ts.Node} */ type) =>
    `\`${ts.isTypeLiteralNode(type) ? type.members[0]?.name?.getText() : ""}\``;
  const own = first(parent);
  return own === `\`${name.getText()}\`` ? `one of ${union.types.map(first).join(", ")}` : `required with ${own}`;
}

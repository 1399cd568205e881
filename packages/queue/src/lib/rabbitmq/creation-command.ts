import type { Declaration } from "./topology.js";

/**
 * A shell command by which an operator creates queues exactly as the library would declare them. `rabbitmqctl` is part of
 * every RabbitMQ and needs no plugin. The same JSON can be imported in the management UI.
 */
export function creationCommand(declarations: readonly Declaration[], virtualHost: string): string {
  const queues = declarations.map(({ name, options }) => ({
    vhost: virtualHost,
    name,
    durable: options.durable,
    auto_delete: false,
    arguments: options.arguments,
  }));
  return `printf %s ${quote(JSON.stringify({ queues }))} > queues.json && rabbitmqctl import_definitions queues.json`;
}

/** For a POSIX shell. */
function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

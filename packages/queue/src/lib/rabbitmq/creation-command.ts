import type { Declaration } from "./topology.js";

/**
 * Returns a shell command that creates queues exactly as the driver would declare them. `rabbitmqctl` is part of every
 * RabbitMQ and needs no plugin. The same JSON can be imported in the management UI.
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

/** Quotes a text for a POSIX shell. */
function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

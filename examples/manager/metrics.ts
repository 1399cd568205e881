import type { MeterProvider } from "@opentelemetry/api";
import { PrometheusExporter, PrometheusSerializer } from "@opentelemetry/exporter-prometheus";
import { MeterProvider as SdkMeterProvider } from "@opentelemetry/sdk-metrics";

export interface Metrics {
  /** Goes to `instrument` of both packages, which measure with it. */
  readonly meterProvider: MeterProvider;
  /** Returns all measurements in the text format of Prometheus. */
  read(): Promise<string>;
}

/** Metrics of this process. The manager serves them. */
export function createMetrics(): Metrics {
  const exporter = new PrometheusExporter({ preventServerStart: true });
  const serializer = new PrometheusSerializer();
  return {
    meterProvider: new SdkMeterProvider({ readers: [exporter] }),
    read: async () => serializer.serialize((await exporter.collect()).resourceMetrics),
  };
}

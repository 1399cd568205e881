import type { MeterProvider } from "@opentelemetry/api";
import { PrometheusExporter, PrometheusSerializer } from "@opentelemetry/exporter-prometheus";
import { MeterProvider as SdkMeterProvider } from "@opentelemetry/sdk-metrics";

/** Metrics of this process. */
export interface Metrics {
  /** Provider for `instrument` of both packages. */
  readonly meterProvider: MeterProvider;
  /** Returns all measurements in the text format of Prometheus. */
  read(): Promise<string>;
}

/** Creates the metrics. The manager serves those of its own process. */
export function createMetrics(): Metrics {
  const exporter = new PrometheusExporter({ preventServerStart: true });
  // Without `target_info`: Prometheus itself adds the name and the address of the service.
  const serializer = new PrometheusSerializer(undefined, false, undefined, true);
  return {
    meterProvider: new SdkMeterProvider({ readers: [exporter] }),
    read: async () => serializer.serialize((await exporter.collect()).resourceMetrics),
  };
}

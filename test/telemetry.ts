import { context, propagation, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import { MeterProvider, MetricReader } from "@opentelemetry/sdk-metrics";
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base";
import { onTestFinished } from "vitest";

class Reader extends MetricReader {
  protected override async onForceFlush(): Promise<void> {}
  protected override async onShutdown(): Promise<void> {}
}

/** Value of a metric for one set of attributes. */
export interface DataPoint {
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly value: unknown;
}

/**
 * Starts the SDK of OpenTelemetry with exporters in memory. Sets the global tracer provider, context manager and propagator until the test ends.
 */
export function startTelemetry() {
  onTestFinished(() => {
    for (const global of [trace, context, propagation]) global.disable();
  });
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  const exporter = new InMemorySpanExporter();
  const tracerProvider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  trace.setGlobalTracerProvider(tracerProvider);
  const reader = new Reader();
  const meterProvider = new MeterProvider({ readers: [reader] });

  return {
    tracerProvider,
    meterProvider,
    /** Returns the ended spans in the order of their end. */
    spans: () => exporter.getFinishedSpans(),
    /** Returns the current data points of a metric. */
    async dataPoints(name: string): Promise<readonly DataPoint[]> {
      const { resourceMetrics } = await reader.collect();
      return resourceMetrics.scopeMetrics
        .flatMap(({ metrics }) => metrics)
        .filter(({ descriptor }) => descriptor.name === name)
        .flatMap(({ dataPoints }): readonly DataPoint[] => dataPoints);
    },
  };
}

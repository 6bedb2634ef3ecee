/** The process as metrics, by the names that Prometheus has for every process, and how late its event loop is. */
import { readdirSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Counter, Gauge } from 'prom-client';
import type { Registry } from 'prom-client';

/** Node's monitor tells the time from one look to the next, which is this long where nothing is late. */
const RESOLUTION_MS = 10;
const QUANTILES = [0.5, 0.99, 1];

export class ProcessMetrics {
  readonly #loop = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  readonly #lag: Gauge<'quantile'>;
  readonly #gauges: readonly (readonly [Gauge, () => number])[];
  readonly #cpu: Counter;

  /** @param version of the gateway */
  constructor(registry: Registry, version: string) {
    const registers = [registry];
    const gauge = (name: string, help: string, value: () => number): readonly [Gauge, () => number] => [
      new Gauge({ name, help, registers }),
      value,
    ];
    this.#lag = new Gauge({
      name: 'dimseway_event_loop_lag_seconds',
      help: 'How late the event loop was since the last scrape: quantiles, 1 is the worst.',
      labelNames: ['quantile'],
      registers,
    });
    this.#gauges = [
      gauge('process_resident_memory_bytes', 'Resident memory of the process.', () => process.memoryUsage.rss()),
      gauge('process_start_time_seconds', 'When the process began, in seconds since 1970.', () =>
        Math.round(performance.timeOrigin / 1_000),
      ),
      gauge('process_open_fds', 'File descriptors that are open; 0 where the system does not tell.', openDescriptors),
      gauge('nodejs_heap_size_used_bytes', 'Heap in use.', () => process.memoryUsage().heapUsed),
      gauge('nodejs_heap_size_total_bytes', 'Heap.', () => process.memoryUsage().heapTotal),
      gauge('nodejs_external_memory_bytes', 'Memory of buffers and the like.', () => process.memoryUsage().external),
    ];
    this.#cpu = new Counter({
      name: 'process_cpu_seconds_total',
      help: 'Time of all processors that the process took.',
      registers,
    });
    new Gauge({
      name: 'dimseway_build_info',
      help: 'Version of the gateway and of the Node.js below it.',
      labelNames: ['version', 'node_version'],
      registers,
    }).set({ version, node_version: process.versions.node }, 1);
  }

  /** From now on the event loop is watched, until `stop`. */
  start(): void {
    this.#loop.enable();
  }

  stop(): void {
    this.#loop.disable();
  }

  look(): void {
    for (const [gauge, value] of this.#gauges) gauge.set(value());
    const { user, system } = process.cpuUsage();
    this.#cpu.reset();
    this.#cpu.inc((user + system) / 1e6);
    for (const quantile of QUANTILES) {
      const ms = this.#loop.percentile(quantile * 100) / 1e6 - RESOLUTION_MS;
      this.#lag.set({ quantile: String(quantile) }, Math.max(0, ms) / 1_000);
    }
    this.#loop.reset();
  }
}

function openDescriptors(): number {
  try {
    return readdirSync('/proc/self/fd').length;
  } catch {
    return 0;
  }
}

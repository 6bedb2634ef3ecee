/** `dimseway echo UPSTREAM`: C-ECHO to a classic SCP, Retrieve Capabilities to an origin server. */
import { withUpstream } from './with-upstream.ts';

export interface EchoOptions {
  readonly config: string;
  readonly upstream: string;
  readonly json: boolean;
}

/** @returns the exit status */
export function echo({ config, upstream: name, json }: EchoOptions): Promise<number> {
  return withUpstream(config, name, async (upstream, context) => {
    const startedMs = performance.now();
    await upstream.verify(context);
    const ms = Math.round((performance.now() - startedMs) * 10) / 10;
    process.stdout.write(
      json ? `${JSON.stringify({ upstream: name, status: 'ok', ms })}\n` : `${name} answers, ${ms} ms\n`,
    );
  });
}

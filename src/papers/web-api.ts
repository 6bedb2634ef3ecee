/** The OpenAPI document of a listener that does not run, from the configuration alone. */
import type { DicomwebListenerConfig } from '../config/schema.ts';
import { webOpenApi } from '../dicomweb/openapi.ts';
import { schemesOf } from '../identity/authenticator.ts';
import { baseUriOf } from './configuration.ts';
import type { Site } from './site.ts';
import { transactionsOf } from './web-services.ts';

/** @param basePath one of the listener */
export function listenerOpenApi(site: Site, name: string, listener: DicomwebListenerConfig, basePath: string): unknown {
  const { authentication } = listener;
  const { jwt, apiKeys, certificates = false, required = false } = authentication ?? {};
  const who = { security: schemesOf({ jwt, apiKeys, certificates }), isSecurityOptional: !required };
  const api = { baseUri: baseUriOf(listener, basePath), version: site.version, ...who };
  return webOpenApi(api, transactionsOf(site, name, listener, basePath));
}
